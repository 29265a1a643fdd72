from __future__ import annotations

import numpy as np
import pytest
from probe_cases import random_examples, tiny_context, with_dead_heads
from subprobe.analysis.findings.dependency_tests import dependency_rows, mcnemar_p
from subprobe.analysis.statistics.corrections import CORRECTIONS, adjust
from subprobe.analysis.statistics.uncertainty import mcnemar_exact
from subprobe.probes.forward.held_out import halves, text_digest
from subprobe.probes.forward.shared_pass import run_probes
from subprobe.probes.syntax.arcs import arcs_of
from subprobe.probes.syntax.dependency_heads import DependencyHeads


def found(selection="held-out", dead=((0, 1),)):
    context = with_dead_heads(tiny_context("bert"), list(dead))
    probe = DependencyHeads(context, selection=selection, min_count=5)
    examples = random_examples(20)
    return run_probes(context, examples, [probe])[0], examples


def test_p_values_equal_those_of_one_table_at_a_time():
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 30, 40)) < [[[0.5]], [[0.35]]]
    alone = [mcnemar_exact(a, b) for a, b in zip(first, second, strict=True)]
    together = mcnemar_p([one.only_first for one in alone], [one.only_second for one in alone])
    np.testing.assert_allclose(together, [one.p_value for one in alone], rtol=1e-12)
    assert together.min() < 0.05
    assert mcnemar_p([0], [0]).tolist() == [1.0]


def test_arcs_of_one_sentence_are_no_more_than_it_says():
    first, second = np.array([9.0, 5.0, 0.0]), np.array([2.0, 5.0, 0.0])
    once = mcnemar_p(first, second, first + second)  # one arc a sentence
    np.testing.assert_allclose(once, mcnemar_p(first, second))
    for k in (2, 5):
        copies = mcnemar_p(k * first, k * second, k**2 * (first + second))
        np.testing.assert_allclose(copies, once, rtol=1e-12)
    # sentences whose arcs contradict each other are not taken for more evidence than their arcs
    np.testing.assert_allclose(mcnemar_p(first, second, [3, 0, 0]), once)


def test_squares_are_those_of_sentences():
    result, examples = found("reported")
    relations = result.notes["relations"].split()
    offsets = result.rows[result.rows["metric"] == "offset_accuracy"].set_index("relation")
    items = result.items
    for relation in relations:
        offset = int(offsets.loc[relation, "target"].split()[1])
        by_offset = {}
        for one in examples:
            arcs = arcs_of(one.first)
            mine = (arcs.relation == relation) | (relation == "all")
            hits = (arcs.head - arcs.dependent == offset)[mine].sum()
            by_offset[one.id] = by_offset.get(one.id, 0) + int(hits)
        head = items[(items["relation"] == relation) & (items["layer"] == 1) & (items["head"] == 0)]
        for d, direction in enumerate(("dependent->head", "head->dependent")):
            mine = head[head["direction"] == direction].set_index("item_id")["numerator"]
            gaps = [mine.get(name, 0) - hits for name, hits in by_offset.items()]
            expected = sum(gap**2 for gap in gaps)
            found_one = result.arrays["squares"][relations.index(relation), d, 1, 0]
            assert found_one == pytest.approx(expected)


@pytest.mark.parametrize("selection", ["held-out", "reported"])
def test_discordant_arcs_add_up_to_the_accuracies(selection):
    result, examples = found(selection)
    rows = result.rows[result.rows["unit"] == "head"].dropna(subset="value")
    relations = result.notes["relations"].split()
    side = halves([text_digest(one.first) for one in examples])
    offsets = result.rows[result.rows["metric"] == "offset_accuracy"].set_index("relation")
    assert len(rows)
    for row in rows.itertuples():
        r = relations.index(row.relation)
        place = r, ("dependent->head", "head->dependent").index(row.direction), row.layer, row.head
        gained, lost = (result.arrays[name][place] for name in ("only_head", "only_offset"))
        assert row.value * row.n - row.baseline_value * row.n == pytest.approx(gained - lost)
        offset = int(offsets.loc[row.relation, "target"].split()[1])
        by_offset = sum(
            int((arcs.head - arcs.dependent == offset)[
                (arcs.relation == row.relation) | (row.relation == "all")
            ].sum())
            for one, half in zip(examples, side, strict=True)
            for arcs in [arcs_of(one.first)]
            if selection == "reported" or half == 1
        )  # fmt: skip
        assert 0 <= lost <= by_offset


@pytest.mark.parametrize("correction", sorted(CORRECTIONS))
def test_heads_relations_and_directions_are_one_family(correction):
    result, _ = found()
    rows = dependency_rows(result, correction)
    every = rows[(rows["metric"] == "dependency_accuracy") & rows["value"].notna()]
    relations = len(result.notes["relations"].split())
    assert len(every) == relations * 2 * 7  # heads that live
    assert (every["family_size"] == len(every)).all()
    assert (every["correction"] == CORRECTIONS[correction]).all()
    expected = adjust(every["p_value"].to_numpy(float), correction)
    np.testing.assert_allclose(every["p_adjusted"].to_numpy(float), expected)
    best = rows[rows["metric"] == "best_head_accuracy"]
    assert (best["family_size"] == relations).all()
    rest = rows[~rows.index.isin([*every.index, *best.index])]
    assert rest["p_value"].isna().all()
    assert rest["correction"].isna().all()


def test_a_head_that_was_chosen_on_what_it_is_scored_on_has_no_p_value():
    rows = dependency_rows(found("reported")[0])
    best = rows[rows["metric"] == "best_head_accuracy"]
    assert len(best)
    assert best["p_value"].isna().all()
    assert rows.loc[rows["metric"] == "dependency_accuracy", "p_value"].notna().any()
