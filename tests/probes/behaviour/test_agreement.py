"""Agreement with a model, against a plain loop over forward passes."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from probe_cases import tiny_context, with_dead_heads
from subprobe.data.errors import CheckpointError, DataFileError, InputError
from subprobe.data.suites.pair import Pair, Suite
from subprobe.models.masks.gates import gated
from subprobe.probes.behaviour.agreement import groups_of, read_agreement, run_agreement
from subprobe.probes.behaviour.unigram import FROM_BIAS

# words of which the tiny vocabulary has some whole: dog, cats, has, near, keys, actor, ...
PAIRS = (
    "good,bad,paradigm,term,attractors\n"
    "The dog near him has it.,The dog near him near it.,verbs,simple,0\n"
    "The keys near the dog has it.,The keys near the dog keys it.,verbs,phrase,1\n"
    "The keys near the dog last him.,The keys near the dog lazy him.,verbs,phrase,1\n"
    "The judge opens it.,The judge openz it.,verbs,simple,7\n"
)
HEADER = (
    "pattern\tconstr_id\tsent_id\tcorrect_number\tform\tclass\ttype\tprefix\tn_attr\tpunct\tfreq\t"
    "len_context\tlen_prefix\tsent\n"
)


def gulordava() -> str:
    lines = []
    for pattern, sent, forms, n in (
        ("L__A", "0", ("has", "last"), 0), ("L__A", "1", ("is", "are"), 1),
        ("R__B", "0", ("near", "lazy"), 2),
    ):  # fmt: skip
        for form, named in zip(forms, ("correct", "wrong"), strict=True):
            cells = [pattern, "3", sent, "sing", form, named, "generated", "The dog", str(n),
                     "False", "1", "2", "2", "The dog X him . <eos>"]  # fmt: skip
            lines.append("\t".join(cells))
    return HEADER + "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("agreement")
    (folder / "own.csv").write_text(PAIRS)
    (folder / "generated.tab").write_text(gulordava())
    (folder / "npi_agr.tsv").write_text(
        "template\tgood\tbad\tother\npast\tno dog has it\tthe dog has it\tmost dog has it\n"
    )
    return folder


@pytest.fixture(scope="module")
def bert():
    return tiny_context("bert", "language", double=False)


def loop(context: Any, good: str, bad: str, *, left: bool) -> float:
    """Log-odds of the one word in which two texts differ, by one forward pass."""
    read = [context.tokenizer(text)["input_ids"] for text in (good, bad)]
    (place,) = [at for at, (a, b) in enumerate(zip(*read, strict=True)) if a != b]
    ids = list(read[0])
    ids[place] = context.tokenizer.mask_token_id
    if left:
        ids = [*ids[: place + 1], ids[-1]]
    with torch.no_grad(), gated(context.model, context.subnetwork):
        logits = context.model(input_ids=torch.tensor([ids])).logits[0, place].float()
    return float(logits[read[0][place]] - logits[read[1][place]])


@pytest.mark.parametrize("masked", [False, True])
def test_the_verb_is_scored_as_by_a_plain_loop(bert, folder, masked):
    context = with_dead_heads(bert, [(0, 1), (1, 0), (1, 2)]) if masked else bert
    result = run_agreement(
        context, (), files=[str(folder / "own.csv")], seen=("sentence", "left-context"), tokens=40
    )
    texts = [line.split(",")[:2] for line in PAIRS.splitlines()[1:4]]
    margins = result.items[
        (result.items["metric"] == "margin") & (result.items["relation"] == "own.csv")
    ]
    for variant in ("sentence", "left-context"):
        wanted = [loop(context, *pair, left=variant == "left-context") for pair in texts]
        found = margins[margins["variant"] == variant]["score"]
        np.testing.assert_allclose(found.astype(float), wanted, atol=2e-5)
        rows = result.rows[result.rows["variant"] == variant].set_index(["relation", "metric"])
        right = np.array(wanted) > 0
        assert rows.loc["own.csv", "accuracy"]["value"] == pytest.approx(right.mean())
        assert rows.loc["own.csv/attractors-1", "accuracy"]["value"] == right[1:].mean()
        assert rows.loc["own.csv/simple", "margin"]["value"] == pytest.approx(wanted[0], abs=2e-5)
        # `openz` is not a single piece
        assert rows.loc["own.csv", "accuracy"][["n", "n_dropped"]].tolist() == [3, 1]
        assert rows.loc["own.csv/attractors-5+", "margin"][["n", "n_dropped"]].tolist() == [0, 1]
    both = [margins[margins["variant"] == one]["score"].tolist() for one in
            ("sentence", "left-context")]  # fmt: skip
    assert both[0] != both[1]


def test_the_unigram_is_the_order_of_the_bias(bert, folder):
    rows = run_agreement(bert, (), files=[str(folder / "own.csv")]).rows
    row = rows[(rows["metric"] == "margin") & (rows["relation"] == "own.csv/simple")].iloc[0]
    bias = bert.model.cls.predictions.bias.detach()
    ids = [bert.tokenizer.convert_tokens_to_ids(word) for word in ("has", "near")]
    assert row["baseline"] == FROM_BIAS
    assert row["baseline_value"] == pytest.approx(float(bias[ids[0]] - bias[ids[1]]), abs=1e-5)


def test_verbs_of_several_pieces_are_scored_by_pll_where_asked(bert, folder):
    result = run_agreement(bert, (), files=[str(folder / "own.csv")], several_pieces="pll")
    rows = result.rows.set_index(["relation", "metric"])
    assert rows.loc["own.csv", "accuracy"][["n", "n_dropped"]].tolist() == [4, 0]
    assert rows.loc["own.csv", "scored_by_pll"]["value"] == 0.25
    assert set(result.rows["variant"]) == {"sentence, pll"}


def test_is_and_are_are_left_out_as_published_or_by_name(folder):
    table = [str(folder / "generated.tab")]
    (suite,) = read_agreement(table)
    assert (len(suite.pairs), suite.skipped) == (2, {"is/are": 1})
    (suite,) = read_agreement(table, is_are="kept")
    assert (len(suite.pairs), suite.skipped) == (3, {})
    # the generator's pairs after a phrase are of is and are
    (suite,) = read_agreement(["generated"], generated=8)
    assert (len(suite.pairs), suite.skipped) == (8, {})
    (suite,) = read_agreement(["generated"], is_are="skipped", generated=8)
    assert (len(suite.pairs), suite.skipped) == (4, {"is/are": 4})


def test_rows_are_by_file_pattern_and_attractors(bert, folder):
    result = run_agreement(
        bert, (), files=[str(folder / "generated.tab")], is_are="kept", ties="wrong"
    )
    rows = result.rows[result.rows["metric"] == "accuracy"].set_index("relation")
    assert set(rows.index) == {
        "generated.tab", "generated.tab/generated", "generated.tab/L__A", "generated.tab/R__B",
        "generated.tab/attractors-0", "generated.tab/attractors-1", "generated.tab/attractors-2",
    }  # fmt: skip
    assert set(rows["variant"]) == {"sentence, ties wrong"}
    means = result.items.groupby(["relation", "metric"])["score"].mean()
    for row in result.rows[result.rows["n"] > 0].itertuples():
        assert means[row.relation, row.metric] == pytest.approx(row.value)
    assert set(result.items["cluster_id"]) == {"generated.tab/L__A/3", "generated.tab/R__B/3"}


def test_exchanged_forms_change_the_sign(bert, folder, tmp_path):
    lines = [line.split(",") for line in PAIRS.splitlines()[1:4]]
    (tmp_path / "own.csv").write_text(
        "\n".join(["bad,good,paradigm,term,attractors", *map(",".join, lines)])
    )
    found = [
        run_agreement(bert, (), files=[str(one / "own.csv")]).rows for one in (folder, tmp_path)
    ]
    margins = [rows[rows["metric"] == "margin"].iloc[0]["value"] for rows in found]
    assert margins[0] == pytest.approx(-margins[1], abs=1e-6)


def test_groups_name_what_the_file_gives():
    suite = Suite("bank.conllu", "bank.conllu", ())
    pair = Pair("1", "a", "b", "bank", term="clause", attractors=5)
    assert groups_of(pair, suite) == [
        "bank.conllu", "bank.conllu/clause", "bank.conllu/attractors-5+",
    ]  # fmt: skip
    plain = Pair("1", "a", "b", "anaphor", attractors=None)
    assert groups_of(plain, suite) == ["bank.conllu", "bank.conllu/anaphor"]


def test_bad_input_is_refused_in_one_line(bert, folder, tmp_path):
    def refused(error, match, context=bert, **options):
        with pytest.raises(error, match=match) as caught:
            run_agreement(context, (), **{"files": [str(folder / "own.csv")], **options})
        assert caught.value.exit_code == 2
        assert "\n" not in str(caught.value)

    refused(InputError, r"npi_agr.tsv: 0 of 0 pairs are usable \(no agreement of a verb: 2\)",
            files=[str(folder / "npi_agr.tsv")])  # fmt: skip
    # neither form of the shipped pairs is a single piece of the tiny vocabulary
    refused(InputError, r"agreement, generated: 0 of 4 pairs are usable \(vocabulary: 4\)",
            files=["generated"], generated=4)  # fmt: skip
    (tmp_path / "equal.csv").write_text("good,bad\nThe dog has it.,The dog has it.\n")
    refused(DataFileError, "line 2: the two sentences of the pair are equal",
            files=[str(tmp_path / "equal.csv")])  # fmt: skip
    (tmp_path / "text.txt").write_text("The dog has it.\n")
    refused(DataFileError, "line 1 is not the header", files=[str(tmp_path / "text.txt")])
    refused(CheckpointError, "has no masked-LM head; train one: subprobe finetune",
            context=tiny_context("bert", None, double=False))  # fmt: skip
    tokenizer = tiny_context("bert", "language", double=False).tokenizer
    tokenizer.mask_token = None
    refused(CheckpointError, "the tokenizer has no mask token",
            context=replace(bert, tokenizer=tokenizer))  # fmt: skip


def test_the_published_pairs(realdata):
    (suite,) = read_agreement([str(realdata / "agreement" / "generated.tab")])
    assert (len(suite.pairs), suite.skipped) == (396, {"is/are": 14})
    (suite,) = read_agreement([str(realdata / "agreement" / "generated.tab")], is_are="kept")
    counts = [sum(pair.attractors == n for pair in suite.pairs) for n in range(3)]
    assert counts == [330, 70, 10]
