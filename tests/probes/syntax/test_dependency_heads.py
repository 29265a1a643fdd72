from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from probe_cases import random_examples, tiny_context, with_dead_heads
from subprobe.data.encoding.alignment import encode_words
from subprobe.data.errors import AnnotationError, ConfigError
from subprobe.data.sentences.relations import main_relation
from subprobe.data.sentences.sentence import ROOT, Example, Sentence
from subprobe.probes.forward.held_out import halves, text_digest
from subprobe.probes.forward.shared_pass import run_probes
from subprobe.probes.syntax.arc_counts import DIRECTIONS
from subprobe.probes.syntax.dependency_heads import DependencyHeads
from subprobe.probes.syntax.offsets import offset_scores
from tiers import mostly_slow


def heads(context, examples, *, batch_size=4, **options):
    options = {"min_count": 1, **options}
    probe = DependencyHeads(context, **options)
    return run_probes(context, examples, [probe], batch_size=batch_size)[0]


def plain_hits(context, example):
    """For each arc of one text by loops: (segment, relation, {(direction, layer, head): right})."""
    sentences = [example.first] + ([example.second] if example.second else [])
    encoded = encode_words(
        context.tokenizer,
        [example.first],
        [example.second] if example.second else None,
        max_length=context.max_length,
    )[0]
    inputs = {"input_ids": torch.tensor([encoded.input_ids])}
    if encoded.token_type_ids is not None:
        inputs["token_type_ids"] = torch.tensor([encoded.token_type_ids])
    context.model.set_attn_implementation("eager")
    with torch.no_grad():
        maps = context.model.base_model(**inputs, output_attentions=True).attentions
    word, segment = np.array(encoded.word_of_piece), np.array(encoded.segment_of_piece)
    arcs = []
    for s, sentence in enumerate(sentences):
        pieces = [np.flatnonzero((word == w) & (segment == s)) for w in range(len(sentence.words))]
        for dependent, (head, deprel) in enumerate(
            zip(sentence.heads, sentence.deprels, strict=True)
        ):
            if head == ROOT or not len(pieces[dependent]) or not len(pieces[head]):
                continue
            right = {}
            for layer, stack in enumerate(maps):
                for h in range(stack.shape[1]):
                    grid = stack[0, h].numpy()

                    def flow(source, target, grid=grid, pieces=pieces):
                        if source == target or not len(pieces[source]) or not len(pieces[target]):
                            return 0.0
                        cells = [grid[i, j] for i in pieces[source] for j in pieces[target]]
                        return sum(cells) / len(pieces[source])

                    words = range(len(sentence.words))
                    row = max(words, key=partial(flow, dependent))
                    column = max(words, key=partial(flow, target=dependent))
                    right[DIRECTIONS[0], layer, h] = row == head
                    right[DIRECTIONS[1], layer, h] = column == head
            arcs.append((s, main_relation(deprel), right))
    return arcs


def plain_frame(context, examples, side=None):
    """Share of arcs found for each relation, direction, layer and head, by loops."""
    records = []
    for example in examples:
        sentences = [example.first] + ([example.second] if example.second else [])
        for segment, relation, right in plain_hits(context, example):
            if side is not None and side[sentences[segment].id] != 1:
                continue
            records += [
                (name, direction, layer, head, float(hit))
                for name in (relation, "all")
                for (direction, layer, head), hit in right.items()
            ]
    frame = pd.DataFrame(records, columns=["relation", *KEY[1:], "value"])
    return frame.groupby(KEY)["value"].agg(["mean", "size"])


KEY = ["relation", "direction", "layer", "head"]


def every_head(result):
    rows = result.rows
    return rows[rows["metric"] == "dependency_accuracy"].set_index(KEY).sort_index()


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("family", mostly_slow(["bert", "roberta", "xlm-roberta"], ["bert"]))
def test_agrees_with_loops_over_single_texts(family, pairs):
    context, examples = tiny_context(family), random_examples(20, pairs=pairs)
    found = every_head(heads(context, examples, selection="reported"))
    expected = plain_frame(context, examples)
    assert list(found.index) == list(expected.index)
    np.testing.assert_allclose(found["value"].astype(float), expected["mean"], atol=1e-12)
    assert found["n"].tolist() == expected["size"].tolist()
    assert expected["mean"].std() > 0.01


def test_held_out_scores_are_of_the_second_half_alone():
    context, examples = tiny_context("bert"), random_examples(12)
    side = dict(
        zip(
            [example.first.id for example in examples],
            halves([text_digest(example.first) for example in examples]),
            strict=True,
        )
    )
    found = every_head(heads(context, examples))
    expected = plain_frame(context, examples, side)
    found = found.loc[expected.index]
    np.testing.assert_allclose(found["value"].astype(float), expected["mean"], atol=1e-12)
    assert found["n"].tolist() == expected["size"].tolist()


@pytest.mark.parametrize("selection", ["held-out", "reported"])
def test_best_head_is_chosen_on_the_choosing_half(selection):
    result = heads(tiny_context("bert"), random_examples(12), selection=selection)
    rows, relations = result.rows, result.notes["relations"].split()
    best = rows[rows["metric"] == "best_head_accuracy"].set_index("relation")
    correct, total = result.arrays["correct"], result.arrays["total"]
    differs = False
    for r, relation in enumerate(relations):
        chosen = correct[0, r] if selection == "held-out" else correct[:, r].sum(0)
        hits = {(y, h, d): chosen[d, y, h] for y in range(2) for h in range(4) for d in range(2)}
        layer, head, direction = max(hits, key=hits.__getitem__)
        row = best.loc[relation]
        assert (row["layer"], row["head"]) == (layer, head)
        assert row["direction"] == DIRECTIONS[direction]
        scored = slice(1, 2) if selection == "held-out" else slice(0, 2)
        n = total[scored, r].sum()
        hits = correct[scored, r, direction, layer, head].sum()
        assert row["n"] == n
        if n:
            assert row["value"] == pytest.approx(hits / n)
        differs |= hits < correct[scored, r].sum(0).max()
    assert differs == (selection == "held-out")
    assert (rows["selection"] == selection).all()
    assert (rows["scheme"] == "ud").all()
    assert (rows["annotation"] == "gold").all()


@pytest.mark.parametrize("selection", ["held-out", "reported"])
def test_offsets_equal_those_of_the_corpus_alone(selection):
    context, examples = tiny_context("bert"), random_examples(15)
    result = heads(context, examples, selection=selection)
    rows = result.rows
    expected = offset_scores([e.first for e in examples], selection=selection, min_count=1)
    offsets = rows[rows["metric"] == "offset_accuracy"].set_index("relation")
    assert list(offsets.index) == list(expected) == result.notes["relations"].split()
    for relation, score in expected.items():
        assert offsets.loc[relation, "target"] == f"offset {score.offset:+d}"
        beside = rows[(rows["relation"] == relation) & (rows["metric"] != "offset_accuracy")]
        assert (beside["baseline"] == "offset").all()
        if score.n:
            assert offsets.loc[relation, "value"] == pytest.approx(score.accuracy)
            assert np.allclose(beside["baseline_value"].astype(float), score.accuracy)


def test_counts_items_and_rows_agree():
    context = with_dead_heads(tiny_context("bert"), [(0, 1)])
    result = heads(context, random_examples(12))
    items = result.items
    scored = items[items["metric"] == "dependency_accuracy"]
    sums = scored.groupby(KEY)[["numerator", "denominator"]].sum().astype(float)
    rows = every_head(result)
    rows = rows[rows["value"].notna()]
    value = (sums["numerator"] / sums["denominator"]).sort_index()
    assert list(value.index) == list(rows.index)
    np.testing.assert_allclose(value, rows["value"].astype(float))
    relations = result.notes["relations"].split()
    for (relation, direction, layer, head), counts in sums.iterrows():
        where = relations.index(relation), DIRECTIONS.index(direction), layer, head
        assert result.arrays["correct"][1][where] == counts["numerator"]
        assert result.arrays["total"][1, where[0]] == counts["denominator"]


def test_dead_heads_have_no_value_and_are_never_best():
    context, examples = tiny_context("bert"), random_examples(12)
    whole = heads(context, examples, selection="reported").rows
    best = whole[(whole["metric"] == "best_head_accuracy") & (whole["relation"] == "all")].iloc[0]
    unit = (int(best["layer"]), int(best["head"]))
    result = heads(with_dead_heads(context, [unit]), examples, selection="reported")
    rows = result.rows
    dead = (rows["layer"] == unit[0]) & (rows["head"] == unit[1]) & (rows["unit"] == "head")
    assert dead.any()
    assert rows.loc[dead, "value"].isna().all()
    assert (rows.loc[dead, "n"] == 0).all()
    again = rows[rows["metric"] == "best_head_accuracy"]
    assert not ((again["layer"] == unit[0]) & (again["head"] == unit[1])).any()
    assert again["value"].notna().all()
    assert result.arrays["alive"].sum() == 7
    assert not ((result.items["layer"] == unit[0]) & (result.items["head"] == unit[1])).any()


def test_no_living_head_leaves_no_best_head():
    every = [(layer, head) for layer in range(2) for head in range(4)]
    rows = heads(with_dead_heads(tiny_context("bert"), every), random_examples(6)).rows
    best = rows[rows["metric"] == "best_head_accuracy"]
    assert best["value"].isna().all()
    assert best["layer"].isna().all()
    assert (best["flag"] == "dead").all()


def test_result_does_not_depend_on_batch_size_or_order():
    context, examples = tiny_context("bert"), random_examples(12)
    reference = heads(context, examples, batch_size=12)
    for again in (
        heads(context, examples, batch_size=1),
        heads(context, examples[::-1], batch_size=5),
    ):
        pd.testing.assert_frame_equal(again.rows, reference.rows)
        np.testing.assert_array_equal(again.arrays["correct"], reference.arrays["correct"])


def test_truncated_words_leave_the_score_and_are_counted():
    context, examples = tiny_context("bert", max_length=12), random_examples(10)
    result = heads(context, examples, selection="reported")
    kept = sum(
        len({w for w in one.word_of_piece if w >= 0})
        for one in encode_words(context.tokenizer, [e.first for e in examples], max_length=12)
    )
    n_words = sum(len(example.first.words) for example in examples)
    assert 0 < result.notes["n_words_dropped"] == n_words - kept
    expected = plain_frame(context, examples)
    found = every_head(result).loc[expected.index]
    np.testing.assert_allclose(found["value"].astype(float), expected["mean"], atol=1e-12)
    n = expected.loc["all"]["size"].iloc[0]
    assert result.notes["n_arcs"] == n_words - len(examples)
    assert result.notes["n_arcs_dropped"] == result.notes["n_arcs"] - n > 0
    assert (found.loc["all", "n_dropped"] == result.notes["n_arcs_dropped"]).all()


def test_a_sentence_of_one_word_has_no_arcs():
    lonely = Example(
        "one",
        Sentence("one", ("Go",), heads=(ROOT,), deprels=("root",), annotation="gold", scheme="ud"),
    )
    context, examples = tiny_context("bert"), random_examples(4)
    alone, together = heads(context, [lonely]), heads(context, [lonely, *examples])
    assert alone.rows["value"].isna().all()
    assert alone.items.empty
    np.testing.assert_array_equal(
        together.arrays["total"].sum(0), heads(context, examples).arrays["total"].sum(0)
    )


def test_bad_input_is_refused():
    context, examples = tiny_context("bert"), random_examples(2)
    with pytest.raises(ConfigError, match="held-out or reported"):
        DependencyHeads(context, selection="best")  # type: ignore[arg-type]
    bare = replace(examples[1], first=replace(examples[1].first, heads=()))
    with pytest.raises(AnnotationError, match="no dependency tree"):
        heads(context, [examples[0], bare])
    other = replace(examples[1], first=replace(examples[1].first, scheme="clearnlp"))
    with pytest.raises(AnnotationError, match="one kind at a time"):
        heads(context, [examples[0], other], batch_size=1)
