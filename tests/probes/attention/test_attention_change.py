from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from probe_cases import hooks_on, random_examples, tiny_context, with_dead_heads
from subprobe.data.encoding.alignment import encode_words
from subprobe.data.errors import AnnotationError, ConfigError
from subprobe.data.sentences.plain_text import read_corpus
from subprobe.models.masks.gates import gated
from subprobe.models.masks.subnetwork import full_subnetwork
from subprobe.models.smaller.shrink import shrink
from subprobe.probes.attention.attention_change import AttentionChange
from subprobe.probes.attention.attention_stats import AttentionStats
from subprobe.probes.attention.shuffled_maximum import shuffled_maximum
from subprobe.probes.attention.word_targets import TARGETS, target_words
from subprobe.probes.forward import second_model as reference_module
from subprobe.probes.forward.base import Probe
from subprobe.probes.forward.second_model import batch_limit
from subprobe.probes.forward.shared_pass import run_probes
from tiers import KINDS, mostly_slow
from tiny import FAMILIES, tiny_model

KEY = ["item_id", "layer", "head", "metric", "relation"]


def compared(family="bert", *, double=True, **options):
    """A context with another model beside its own."""
    context = tiny_context(family, double=double, **options)
    other = tiny_model(family, seed=5, **options)
    return replace(context, reference=other.double() if double else other)


def change(context, examples, *, batch_size=6, **options):
    return run_probes(context, examples, [AttentionChange(context, **options)],
                      batch_size=batch_size)[0]  # fmt: skip


def with_pronouns(examples):
    """The same sentences with some pronouns and negations, which random ones lack."""
    changed = []
    for example in examples:
        one = example.first
        tags = ["PRON" if i % 4 == 1 else tag for i, tag in enumerate(one.upos)]
        words = ["not" if name == "advmod" else word
                 for word, name in zip(one.words, one.deprels, strict=True)]  # fmt: skip
        changed.append(
            example.with_sentences(replace(one, upos=tuple(tags), words=tuple(words)), None)
        )
    return changed


# -- by loops, one text at a time ---------------------------------------------------------------


def plain_maps(context, model, mask, example, length):
    """Maps [L][H][S][S] of one text, padded to `length` if that is not 0, and its encoding."""
    encoded = encode_words(context.tokenizer, [example.first], max_length=context.max_length)[0]
    ids = list(encoded.input_ids)
    extra = max(0, length - len(ids))
    inputs = {
        "input_ids": torch.tensor([ids + [context.tokenizer.pad_token_id] * extra]),
        "attention_mask": torch.tensor([[1] * len(ids) + [0] * extra]),
    }
    if encoded.token_type_ids is not None:
        inputs["token_type_ids"] = torch.tensor([[*encoded.token_type_ids, *[0] * extra]])
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    with torch.no_grad(), gated(model, mask):
        maps = model.base_model(**inputs, output_attentions=True).attentions
    model.set_attn_implementation(before)
    return [one[0].numpy() for one in maps], encoded


def wanted(word, tag, relation):
    relation = relation.split(":")[0]
    return {
        "noun": tag in ("NOUN", "PROPN"),
        "verb": tag in ("VERB", "AUX"),
        "pronoun": tag == "PRON",
        "subject": relation in ("nsubj", "nsubjpass", "csubj", "csubjpass"),
        "object": relation in ("obj", "dobj", "iobj", "dative"),
        "negation": relation == "neg" or (relation == "advmod" and word.lower() in ("not", "n't")),
    }


def plain_numbers(ours, theirs, encoded, sentence, *, padded):
    """Every number of one text and head, by loops."""
    n, rows = len(encoded.input_ids), len(ours) if padded else len(encoded.input_ids)
    dot = sum(ours[i, j] * theirs[i, j] for i in range(rows) for j in range(len(ours)))
    norms = [np.sqrt(sum(m[i, j] ** 2 for i in range(rows) for j in range(len(ours))))
             for m in (ours, theirs)]  # fmt: skip
    flat = sum(theirs[i, j] / n for i in range(rows) for j in range(n))
    found: dict[tuple[str, str | None], float] = {
        ("map_cosine", None): dot / (norms[0] * norms[1]),
        ("uniform_cosine", None): flat / norms[1] / np.sqrt(rows * (1 / n) ** 2 * n),
    }
    received, other = ([sum(m[i, j] for i in range(n)) / n for j in range(n)]
                       for m in (ours, theirs))  # fmt: skip
    words = [j for j in range(n) if encoded.word_of_piece[j] >= 0]
    for target in TARGETS:
        places = [
            j for j in words
            if wanted(sentence.words[encoded.word_of_piece[j]],
                      sentence.upos[encoded.word_of_piece[j]],
                      sentence.deprels[encoded.word_of_piece[j]])[target]
        ]  # fmt: skip
        if not places:
            continue
        found["attention_to_target", target] = max(received[j] for j in places)
        found["reference_attention_to_target", target] = max(other[j] for j in places)
        if math.comb(len(words), len(places)) <= 500:
            every = itertools.combinations(words, len(places))
            highest = [max(received[j] for j in chosen) for chosen in every]
            found["shuffled_mean", target] = np.mean(highest)
            found["shuffled_variance", target] = np.var(highest)
    return found


@pytest.mark.parametrize(
    ("family", "length"),
    mostly_slow(
        [("bert", 0), ("bert", 40), ("albert", 0), ("deberta", 36)], [("bert", 40), ("albert", 0)]
    ),
)
def test_agrees_with_loops_over_single_texts(family, length):
    context = with_dead_heads(compared(family, max_length=length or 128), [(0, 1)])
    examples = with_pronouns(random_examples(20))
    result = change(context, examples, padded_to=length)
    items = result.items
    found = {
        (*row[:4], None if pd.isna(row[4]) else row[4]): row[5]
        for row in items[[*KEY, "score"]].itertuples(index=False)
    }
    checked = set()
    for example in examples:
        ours, encoded = plain_maps(context, context.model, context.subnetwork, example, length)
        theirs, _ = plain_maps(context, context.reference, None, example, length)
        for layer, head in zip(*np.nonzero(context.alive), strict=True):
            expected = plain_numbers(
                ours[layer][head], theirs[layer][head], encoded, example.first, padded=bool(length)
            )
            for (metric, relation), value in expected.items():
                given = found[example.id, layer, head, metric, relation]
                assert given == pytest.approx(value, abs=1e-6), (metric, relation)
                checked.add((metric, relation))
    # where there are too many shuffles to list them, moments stay unchecked
    listed = {relation for metric, relation in checked if metric == "shuffled_mean"}
    assert len(listed) >= 5
    assert {relation for _, relation in checked} == {None, *TARGETS}
    assert set(items["metric"]) == {metric for metric, _ in checked}
    assert items.loc[items["metric"] == "map_cosine", "score"].astype(float).std() > 1e-2


# -- what must hold -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "padded"),
    mostly_slow(
        [*((family, 0) for family in FAMILIES), ("bert", 64), ("modernbert", 64)],
        [*((family, 0) for family in KINDS), ("bert", 64)],
    ),
)
def test_the_same_weights_have_cosine_one(family, padded):
    context = tiny_context(family, double=False, max_length=64)
    context = replace(context, reference=tiny_model(family))
    result = change(context, random_examples(4), batch_size=3, padded_to=padded)
    cosine = result.rows[result.rows["metric"] == "map_cosine"]
    np.testing.assert_allclose(cosine["value"].astype(float), 1, atol=1e-6)
    assert (cosine["baseline_value"].astype(float) < 1 - 1e-3).all()
    moved = result.rows[result.rows["metric"] == "attention_to_target_change"]
    np.testing.assert_allclose(moved["value"].dropna().astype(float), 0, atol=1e-7)


@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
def test_batches_order_and_padding_do_not_matter(family):
    context, examples = compared(family, double=False), random_examples(9)
    first = change(context, examples, batch_size=9).rows["value"].astype(float)
    for given, size in ((examples, 2), (examples[::-1], 4)):
        other = change(context, given, batch_size=size).rows["value"].astype(float)
        np.testing.assert_allclose(other, first, atol=1e-5)


def test_other_probes_of_the_pass_see_what_they_saw_alone():
    context, examples = compared(double=False, max_length=40), random_examples(6)
    alone = run_probes(context, examples, [AttentionStats(context)])[0].rows["value"]
    probes: list[Probe] = [AttentionStats(context), AttentionChange(context, padded_to=40)]
    beside = run_probes(context, examples, probes)[0].rows["value"]
    np.testing.assert_allclose(beside.astype(float), alone.astype(float), atol=1e-5)


def test_few_maps_are_held_at_a_time(monkeypatch):
    context, examples = compared(double=False), random_examples(12)
    whole = change(context, examples, batch_size=12).rows["value"].astype(float)
    seen = []
    original = reference_module.ReferencePass.run

    def run(self, batch):
        original(self, batch)
        seen.append(sum(one.nbytes for one in self._held.values()))

    monkeypatch.setattr(reference_module, "HELD_BYTES", 40_000)
    monkeypatch.setattr(reference_module.ReferencePass, "run", run)
    small = change(context, examples, batch_size=12).rows["value"].astype(float)
    np.testing.assert_allclose(small, whole, atol=1e-5)
    one_text = [2 * 4 * 4 * int(n) ** 2 for n in (20, 30, 40)]
    assert max(seen) <= max(40_000, *one_text)
    assert len(seen) > 1
    assert batch_limit(context, 10_000) == 1


def test_dead_heads_have_no_value_and_leave_the_means():
    context = with_dead_heads(compared(), [(1, h) for h in range(4)] + [(0, 2)])
    result = change(context, random_examples(5))
    rows = result.rows[result.rows["metric"] == "map_cosine"]
    heads = rows[rows["unit"] == "head"].set_index(["layer", "head"])["value"]
    assert heads.loc[1].isna().all()
    assert np.isnan(heads.astype(float)[0, 2])
    layers = rows[rows["unit"] == "layer"].set_index("layer")
    assert layers.loc[0, "value"] == pytest.approx(heads.loc[0].dropna().mean())
    assert layers.loc[1, ["flag", "n"]].tolist() == ["dead", 0]
    model = rows[rows["unit"] == "model"].iloc[0]
    assert model["value"] == pytest.approx(layers.loc[0, "value"])
    # the mask is on the model alone: maps of the first layer are those of the whole one
    whole = change(replace(context, subnetwork=None), random_examples(5)).rows
    whole = whole[(whole["metric"] == "map_cosine") & (whole["unit"] == "head")]
    whole = whole.set_index(["layer", "head"])["value"]
    pd.testing.assert_series_equal(heads.loc[0].dropna(), whole.loc[0].drop(2))


def test_a_mask_on_the_same_weights_moves_what_comes_after():
    context = replace(tiny_context(), reference=tiny_model("bert").double())
    rows = change(with_dead_heads(context, [(0, 0)]), random_examples(5)).rows
    cosine = rows[(rows["metric"] == "map_cosine") & (rows["unit"] == "layer")]["value"]
    assert cosine.iloc[0] == pytest.approx(1)
    assert cosine.iloc[1] < 0.99


def test_rows_are_a_function_of_items():
    context = with_dead_heads(compared(), [(1, 2)])
    result = change(context, with_pronouns(random_examples(8)))
    rows = result.rows[result.rows["unit"] == "head"]
    means = result.items.assign(relation=result.items["relation"].fillna("")).groupby(
        ["metric", "relation", "layer", "head"]
    )["score"].mean()  # fmt: skip
    pairs = {
        "map_cosine": ("map_cosine", "uniform_cosine"),
        "attention_to_target": ("attention_to_target", "shuffled_mean"),
    }
    for row in rows.itertuples():
        if pd.notna(row.value) and row.metric in pairs:
            relation = "" if pd.isna(row.relation) else row.relation
            for name, value in zip(pairs[row.metric], (row.value, row.baseline_value), strict=True):
                assert means[name, relation, row.layer, row.head] == pytest.approx(value, rel=1e-9)
        elif pd.notna(row.value):
            names = ("attention_to_target", "reference_attention_to_target")
            both = [means[name, row.relation, row.layer, row.head] for name in names]
            assert row.value == pytest.approx(both[0] - both[1], abs=1e-12)


def test_absent_targets_are_left_out_or_count_as_nothing():
    context, examples = compared(), random_examples(10)
    kept, zeros = (change(context, examples, absent=absent).rows for absent in ("skip", "zero"))
    for rows, n in ((kept, None), (zeros, 10)):
        targets = rows[(rows["metric"] == "attention_to_target") & (rows["unit"] == "head")]
        for target, of_one in targets.groupby("relation"):
            has = sum(target_words([one.first])[TARGETS.index(target)].any() for one in examples)
            assert (of_one["n"] == (has if n is None else n)).all()
    wide = [
        rows[rows["metric"] == "attention_to_target"].set_index(
            ["unit", "layer", "head", "relation"]
        )
        for rows in (kept, zeros)
    ]
    share = wide[0]["n"] / 10
    np.testing.assert_allclose(
        (wide[0]["value"] * share).fillna(0).astype(float), wide[1]["value"].astype(float)
    )


def test_without_a_reference_only_targets_are_measured():
    context = tiny_context()
    rows = change(context, random_examples(4)).rows
    assert set(rows["metric"]) == {"attention_to_target"}


@pytest.mark.parametrize(("m", "k"), [(1, 1), (5, 1), (6, 3), (7, 7), (9, 2)])
def test_moments_of_the_highest_are_those_over_all_shuffles(m, k):
    generator = torch.Generator().manual_seed(m * 10 + k)
    values = torch.rand(1, 2, m + 3, generator=generator, dtype=torch.float64)
    places = torch.zeros(1, m + 3, dtype=torch.bool)
    places[0, 1 : m + 1] = True
    targets = torch.zeros(1, 2, m + 3, dtype=torch.bool)
    targets[0, 0, 1 : k + 1] = True
    mean, variance = shuffled_maximum(values, places, targets)
    for head in range(2):
        highest = [max(one) for one in
                   itertools.combinations(values[0, head, 1 : m + 1].tolist(), k)]  # fmt: skip
        assert mean[0, head, 0] == pytest.approx(np.mean(highest), abs=1e-12)
        assert variance[0, head, 0] == pytest.approx(np.var(highest), abs=1e-12)
    assert mean[..., 1].isnan().all()


def test_names_of_both_schemes_are_the_same_targets():
    base = with_pronouns(random_examples(1))[0].first
    ud = replace(base, deprels=tuple(
        {"nsubj": "nsubj:pass"}.get(name, name) for name in base.deprels))  # fmt: skip
    spacy = replace(base, scheme="clearnlp", deprels=tuple(
        {"nsubj": "nsubjpass", "nsubj:pass": "nsubjpass", "obj": "dobj", "advmod": "neg"}.get(n, n)
        for n in base.deprels))  # fmt: skip
    np.testing.assert_array_equal(target_words([ud]), target_words([spacy]))
    assert target_words([ud]).any(axis=1).sum() >= 4


@pytest.mark.realdata
def test_targets_of_a_treebank_are_those_of_its_columns(realdata):
    path = realdata / "ud" / "en_ewt-ud-dev.conllu"
    counts = dict.fromkeys(TARGETS, 0)
    for line in path.read_text("utf-8").splitlines():
        cells = line.split("\t")
        if len(cells) != 10 or not cells[0].isdigit():
            continue
        word, tag, relation = cells[1].lower(), cells[3], cells[7].split(":")[0]
        counts["noun"] += tag in ("NOUN", "PROPN")
        counts["verb"] += tag in ("VERB", "AUX")
        counts["pronoun"] += tag == "PRON"
        counts["subject"] += relation in ("nsubj", "csubj")
        counts["object"] += relation in ("obj", "iobj")
        negates = relation == "advmod" and word in ("not", "n't", "n’t", "nt")
        counts["negation"] += negates or (relation == "det" and word == "no")
    found = sum(target_words([sentence]).sum(axis=1) for sentence in read_corpus(path))
    assert dict(zip(TARGETS, found.tolist(), strict=True)) == counts
    assert counts["noun"] > 5000 < counts["verb"] + counts["pronoun"]


# -- errors -------------------------------------------------------------------------------------


class Broken(AttentionChange):
    def pair(self, layer, attention, reference):
        raise RuntimeError("the probe broke")


def test_models_are_left_as_they_were_when_a_probe_breaks():
    context = with_dead_heads(compared(double=False), [(1, 0)])
    context.reference.train()
    with pytest.raises(RuntimeError, match="the probe broke"):
        run_probes(context, random_examples(3), [Broken(context)])
    for model in (context.model, context.reference):
        assert hooks_on(model) == 0
        assert model.config._attn_implementation == "sdpa"
    assert context.reference.training
    context.reference.eval()
    change(context, random_examples(3))
    assert hooks_on(context.reference) == hooks_on(context.model) == 0


def test_what_cannot_be_compared_is_refused():
    context = compared(double=False)
    mask = full_subnetwork(context.anatomy)
    heads = np.array(mask.head_mask)
    heads[0, 0] = False
    smaller = shrink(tiny_model("bert"), replace(mask, head_mask=heads))
    others = {
        "are the same object": context.model,
        "compact model": smaller,
        "family: the model has bert, the reference roberta": tiny_model("roberta"),
        "layers: the model has 2, the reference 3": tiny_model("bert", layers=3),
        "heads: the model has 4, the reference 2": tiny_model("bert", heads=2),
    }
    for said, other in others.items():
        with pytest.raises(ConfigError, match=said):
            AttentionChange(replace(context, reference=other))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"absent": "none"}, "choose skip or zero"),
        ({"padded_to": 100}, "text length of 128"),
        ({"padded_to": 129}, "has only 128 positions"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, said):
    with pytest.raises(ConfigError, match=said):
        AttentionChange(compared(), **options)


def test_sentences_without_relations_or_tags_are_refused():
    context, example = compared(), random_examples(1)[0]
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"upos": ()}, "no universal tags"),
        ({"heads": (), "deprels": ()}, "no relations"),
    )
    for changed, said in cases:
        one = example.with_sentences(replace(example.first, **changed), None)
        with pytest.raises(AnnotationError, match=said):
            change(context, [one])
