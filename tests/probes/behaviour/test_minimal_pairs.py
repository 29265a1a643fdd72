"""Minimal pairs against a plain loop over forward passes, and identities of its rows."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from probe_cases import tiny_context, with_dead_heads
from subprobe.analysis.intervals.pair_intervals import pair_intervals
from subprobe.data.errors import CheckpointError, DataFileError, InputError
from subprobe.data.suites.generated import generated_pairs
from subprobe.data.suites.pair import Pair
from subprobe.models.masks.gates import gated
from subprobe.probes.behaviour.minimal_pairs import pair_margins, run_minimal_pairs
from subprobe.probes.behaviour.pair_scores import is_tie, points
from subprobe.probes.behaviour.pair_texts import PairTexts, pair_texts
from subprobe.probes.behaviour.pieces import Pieces, pieces_of
from subprobe.probes.behaviour.pseudo_likelihood import piece_log_probs

SENTENCES = (
    "The cats that the dog near the houses chased were sleeping.",
    "Nobody has ever seen the author's unbelievable manuscript.",
    "It's raining.",
    "The cats that the dog near the houses chased was sleeping.",
    "It's raining.",
)


@pytest.fixture(scope="module", params=["bert", "roberta"])
def context(request):
    return tiny_context(request.param, "language", double=False)


@pytest.fixture(scope="module")
def bert():
    return tiny_context("bert", "language", double=False)


def loop(context, text, *, rest=False):
    """Log-probability of each piece by one forward pass of the whole model each."""
    tokenizer = context.tokenizer
    encoded = tokenizer(text, return_tensors="pt", return_special_tokens_mask=True)
    special = encoded.pop("special_tokens_mask")[0]
    words, found = encoded.word_ids(), []
    for at in (special == 0).nonzero().flatten().tolist():
        ids = encoded["input_ids"].clone()
        ids[0, at] = tokenizer.mask_token_id
        if rest:
            for later in range(at + 1, len(words)):
                if words[later] == words[at]:
                    ids[0, later] = tokenizer.mask_token_id
        with torch.no_grad(), gated(context.model, context.subnetwork):
            logits = context.model(**{**encoded, "input_ids": ids}).logits[0, at]
        found.append(float(logits.float().log_softmax(-1)[encoded["input_ids"][0, at]]))
    return found


@pytest.mark.parametrize("masked", [False, True])
def test_pieces_have_the_log_probabilities_of_a_plain_loop(context, masked):
    if masked:
        context = with_dead_heads(context, [(0, 1), (1, 0), (1, 2)])
    texts = pieces_of(context.tokenizer, SENTENCES, 128)
    seen = []
    for variant, rest in ((Pieces.one_masked, False), (Pieces.rest_masked, True)):
        found = piece_log_probs(
            context.model, context.tokenizer, texts, variant=variant,
            subnetwork=context.subnetwork, tokens=97,
            progress=lambda done, total: seen.append((done, total)),
        )  # fmt: skip
        for text, own in zip(SENTENCES, found, strict=True):
            np.testing.assert_allclose(own, loop(context, text, rest=rest), atol=1e-5)
        np.testing.assert_array_equal(found[2], found[4])
    # the sentence that comes twice is scored once
    total = sum(len(one.places) for one in texts[:4])
    assert {of for _, of in seen} == {total}
    assert max(done for done, _ in seen) <= total


def margins(context, pairs, score, **options):
    found = pair_texts(context.tokenizer, pairs, score, max_length=128)
    asked = [one for one in found if isinstance(one, PairTexts)]
    assert len(asked) == len(found)
    return pair_margins(context, context.model, asked, score, **options)


def test_margins_are_differences_of_sums_means_or_one_word(bert):
    pairs = generated_pairs(0, 16).pairs
    for normalise, of in (("sum", np.sum), ("mean", np.mean)):
        expected = [of(loop(bert, one.good)) - of(loop(bert, one.bad)) for one in pairs[:4]]
        found = margins(bert, pairs[:4], "pll", normalise=normalise)
        np.testing.assert_allclose(found, expected, atol=5e-5)
    word = Pair("w", "The dog was lazy.", "The fox was lazy.", "w")
    several = Pair("s", "The vqzx was lazy.", "The qz was lazy.", "s")
    asked = pair_texts(bert.tokenizer, [word, several, *pairs], "masked-word", max_length=128)
    kept = [one for one in asked if isinstance(one, PairTexts)]
    found = pair_margins(bert, bert.model, kept, "masked-word")
    assert {one.word is None for one in kept} == {True, False}
    for one, value in zip(kept, found, strict=True):
        if one.word is None:
            wanted = np.sum(loop(bert, one.pair.good)) - np.sum(loop(bert, one.pair.bad))
        else:
            place, good, bad = one.word
            ids = torch.tensor([one.good.ids])
            ids[0, place] = bert.tokenizer.mask_token_id
            with torch.no_grad():
                logits = bert.model(input_ids=ids).logits[0, place]
            wanted = float(logits[good] - logits[bad])
        assert value == pytest.approx(wanted, abs=5e-5)


def test_equal_sentences_tie_and_exchanged_ones_change_the_sign(bert):
    pairs = generated_pairs(0, 12).pairs
    read = {text: one for pair in pairs for text in (pair.good, pair.bad)
            for one in pieces_of(bert.tokenizer, [text], 128)}  # fmt: skip
    same = [PairTexts(one, read[one.good], read[one.good]) for one in pairs]
    assert pair_margins(bert, bert.model, same, "pll").tolist() == [0.0] * 12
    there = margins(bert, pairs, "pll")
    back = margins(bert, [replace(one, good=one.bad, bad=one.good) for one in pairs], "pll")
    np.testing.assert_allclose(there, -back, atol=1e-5)
    assert not is_tie(there).any()


def test_shuffled_pairs_are_right_half_of_the_time(bert):
    pairs = generated_pairs(0, 140).pairs
    swap = np.random.default_rng(0).random(len(pairs)) < 0.5
    mixed = [replace(one, good=one.bad, bad=one.good) if swapped else one
             for one, swapped in zip(pairs, swap, strict=True)]  # fmt: skip
    right = points(margins(bert, mixed, "pll"))
    assert abs(right.mean() - 0.5) < 1.96 * 0.5 / np.sqrt(len(right))


def test_a_dead_network_gives_the_unigram_order_of_its_bias():
    context = tiny_context("bert", "language", double=False)
    with torch.no_grad():
        # states are constant: nothing is left of a text but the bias of the output layer
        context.model.get_output_embeddings().weight.zero_()
    rows = run_minimal_pairs(context, (), generated=28).rows
    right = rows[rows["metric"] == "accuracy"]
    np.testing.assert_allclose(right["value"], right["baseline_value"])
    margin = rows[rows["metric"] == "margin"]
    np.testing.assert_allclose(margin["value"], margin["baseline_value"], atol=1e-5)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    (folder / "a.csv").write_text(
        "good,bad,paradigm,field,group,item\n"
        "The dogs were sleeping.,The dogs was sleeping.,number,morphology,g,1\n"
        "The dog was sleeping.,The dog were sleeping.,number,morphology,g,2\n"
        "The cats were lazy.,The cats was lazy.,number,morphology,h,3\n"
        "It was raining.,It raining was.,order,syntax,,4\n"
        "It was lazy.,It lazy was.,order,syntax,,5\n"
        "The dog.,The Dog.,order,syntax,,6\n"
    )
    (folder / "b.csv").write_text("good,bad\nThe judge slept.,Judge the slept.\n")
    return folder


def test_rows_are_ratios_of_items_and_means_over_paradigms(bert, files):
    found = run_minimal_pairs(bert, (), files=(str(files),))
    rows, items = found.rows, found.items
    pairs = items[items["metric"] == "accuracy"].set_index("item_id")
    asked = [one for one in pair_texts(bert.tokenizer, _pairs(files), "pll", max_length=128)
             if isinstance(one, PairTexts)]  # fmt: skip
    expected = pair_margins(bert, bert.model, asked, "pll")
    right = {one.pair.id: float(m > 0) for one, m in zip(asked, expected, strict=True)}
    assert pairs["numerator"].to_dict() == right
    by = {(one.metric, one.relation): one for one in rows.itertuples()}
    shares = {name: np.mean([v for id, v in right.items() if id.startswith(name)])
              for name in ("number", "order", "b")}  # fmt: skip
    for name, share in shares.items():
        assert by["accuracy", name].value == pytest.approx(share)
    assert by["overall_accuracy", "all"].value == pytest.approx(np.mean(list(shares.values())))
    assert by["field_accuracy", "syntax"].value == pytest.approx(shares["order"])
    assert by["suite_accuracy", "a.csv"].value == pytest.approx(
        np.mean([shares["number"], shares["order"]])
    )
    assert (by["accuracy", "order"].n, by["accuracy", "order"].n_dropped) == (2, 1)
    assert (by["overall_accuracy", "all"].n, by["overall_accuracy", "all"].n_dropped) == (6, 1)
    assert by["accuracy", "b"].corpus == "b.csv"
    assert pd.isna(by["overall_accuracy", "all"].corpus)
    assert found.notes["minimal-pairs_skipped"] == "vocabulary: 1"
    for (metric, relation), own in items.groupby(["metric", "relation"]):
        value = own["numerator"].sum() / own["denominator"].sum()
        assert by[metric, relation].value == pytest.approx(value)
    assert set(items.loc[items["cluster_id"] == "g", "item_id"]) == {"number/1", "number/2"}
    assert not set(rows["metric"]) & {"scored_by_pll"}


def test_a_paradigm_whose_pairs_are_all_skipped_is_counted(bert, files, tmp_path):
    lost = tmp_path / "lost.csv"
    lost.write_text("good,bad,field\nThe dog.,The Dog.,syntax\nThe cats.,The Cats.,syntax\n")
    found = run_minimal_pairs(bert, (), files=(str(files / "a.csv"), str(lost)))
    by = {(one.metric, one.relation): one for one in found.rows.itertuples()}
    gone = by["accuracy", "lost"]
    assert (gone.n, gone.n_dropped, pd.isna(gone.value)) == (0, 2, True)
    for metric, relation in (("overall_accuracy", "all"), ("field_accuracy", "syntax")):
        assert by[metric, relation].n_dropped == 3
        assert not pd.isna(by[metric, relation].value)
    assert "lost" not in set(found.items["relation"])
    ready = pair_intervals(found).set_index(["metric", "relation"])
    assert pd.isna(ready.loc[("accuracy", "lost"), "ci_low"])
    assert pd.notna(ready.loc[("accuracy", "order"), "ci_low"])


def test_a_single_pair_has_its_rows_and_the_exact_interval(bert, tmp_path):
    (tmp_path / "one.csv").write_text("good,bad\nThe dogs were lazy.,The dogs was lazy.\n")
    found = pair_intervals(run_minimal_pairs(bert, (), files=(str(tmp_path / "one.csv"),)))
    assert list(zip(found["metric"], found["relation"], strict=True)) == [
        ("accuracy", "one"), ("margin", "one"), ("tied", "one"),
        ("overall_accuracy", "all"), ("overall_margin", "all"),
    ]  # fmt: skip
    low, high = found.loc[0, ["ci_low", "ci_high"]]
    assert (low, high) in ((0.0, pytest.approx(0.975)), (pytest.approx(0.025), 1.0))
    assert found["ci_method"].notna().all()


def _pairs(files):
    from subprobe.probes.behaviour.minimal_pairs import read_suites

    return [pair for suite in read_suites([str(files)]) for pair in suite.pairs]


def test_scores_are_variants(bert, files):
    path = str(files / "a.csv")
    found = run_minimal_pairs(
        bert, (), files=(path,), score="masked-word", ties="wrong", normalise="mean", limit=2
    )  # of three pairs, the first and the last
    assert set(found.rows["variant"]) == {"masked-word, mean, ties wrong"}
    by = found.rows.set_index(["metric", "relation"])["value"]
    assert by["scored_by_pll", "number"] in (0.0, 0.5, 1.0)
    assert found.rows["n"].max() <= 2  # no order is a change of one word
    assert "not in one word: 1, vocabulary: 1" in str(found.notes["minimal-pairs_skipped"])


def test_the_unigram_counts_pieces_of_a_text(bert, files, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("was was was was was\nwere\n")
    rows = run_minimal_pairs(
        bert, (), files=(str(files / "a.csv"),), score="masked-word", unigram=str(text)
    ).rows
    one = rows[(rows["metric"] == "accuracy") & (rows["relation"] == "number")].iloc[0]
    counted = [2 / 3, 1 / 3]  # was is better in one of three, if both forms are known
    assert one["baseline"] == "unigram"
    assert any(one["baseline_value"] == pytest.approx(share) for share in counted)


def test_what_cannot_be_scored_is_refused(bert, files, tmp_path):
    none = tmp_path / "none.csv"
    none.write_text("good,bad\nThe dog.,The Dog.\n")
    with pytest.raises(InputError, match=r"0 of 1 pairs are usable \(vocabulary: 1\)"):
        run_minimal_pairs(bert, (), files=(str(none),))
    with pytest.raises(CheckpointError, match="no masked-LM head; train one: subprobe finetune"):
        run_minimal_pairs(tiny_context("bert"), ())
    twice = tmp_path / "c.csv"
    twice.write_text("good,bad,paradigm,item\nA dog.,A dogs.,number,1\n")
    with pytest.raises(InputError, match=r"c\.csv, line 2: the pair number/1 is also in a\.csv"):
        run_minimal_pairs(bert, (), files=(str(files / "a.csv"), str(twice)))
    with pytest.raises(DataFileError, match="no such file"):
        run_minimal_pairs(bert, (), files=("missing.csv",))
    import copy

    nameless = replace(bert, tokenizer=copy.deepcopy(bert.tokenizer))
    nameless.tokenizer.mask_token = None
    with pytest.raises(CheckpointError, match="no mask token"):
        run_minimal_pairs(nameless, (), generated=4)
