"""`head-ablation-cost` beside masks without one head, and on an encoder where one head does all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from labelled_sentences import first_word_sentences, one_head_reads
from probe_cases import random_examples, tiny_context, with_dead_heads
from subprobe.analysis.intervals.item_intervals import item_intervals
from subprobe.data.errors import ConfigError, InputError
from subprobe.data.sentences.sentence import ROOT, Example
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.encoder.kept_units import kept_units_of
from subprobe.models.smaller.shrink import shrink
from subprobe.probes.forward.base import Context
from subprobe.probes.head_ablation.head_ablation_cost import NAME, run_head_ablation_cost
from subprobe.probes.learning.learning import Learning
from subprobe.probes.learning.word_classes import labels_of
from subprobe.probes.options import typed_options
from subprobe.probes.registry import find_probe
from subprobe.probes.states.cache import StateCache
from subprobe.probes.structural.gold_trees import gold_trees
from subprobe.probes.structural.scores import score_matrices, value_of
from tiny import tiny_tokenizer

OPTIONS: dict[str, Any] = {"epochs": 3, "rank": 4, "rates": (1e-2,)}
TEST = random_examples(12, seed=2)
LEARNT = random_examples(30, seed=1)
DEAD = [(0, 0), (1, 2)]


@pytest.fixture(scope="module")
def learning(tmp_path_factory):
    states = StateCache(tmp_path_factory.mktemp("states"))
    return Learning(tuple(LEARNT[:20]), tuple(LEARNT[20:]), "given", states)


@pytest.fixture(scope="module")
def context():
    return tiny_context("bert", double=False)


@pytest.fixture(scope="module")
def whole(context, learning):
    return run_head_ablation_cost(context, TEST, learning=learning, **OPTIONS, seeds=2)


def costs(result, metric):
    """(layer, head) -> value."""
    rows = result.rows[result.rows["metric"] == metric]
    values = rows["value"].astype("float64")
    return dict(zip(zip(rows["layer"], rows["head"], strict=True), values, strict=True))


def scored_by_hand(context, learning, arrays, state=2):
    """Accuracy and UUAS of the classifiers on states that are gathered under a mask."""
    states = learning.states.of(context, TEST)
    labels = labels_of(states, "upos")
    classes = sorted({tag for one in LEARNT[:20] for tag in one.first.upos})
    vectors = states.state(state).double().numpy()
    right = [
        np.mean(
            [classes[k] == tag for k, tag in zip((vectors @ w + b).argmax(1), labels, strict=True)]
        )
        for w, b in zip(
            *(arrays[f"{NAME}_{state}_upos_{it}"] for it in ("weight", "bias")), strict=True
        )
    ]
    matrices = [torch.tensor(one).float() for one in arrays[f"{NAME}_{state}_tree_matrix"]]
    found = score_matrices(
        "distance", states, gold_trees(states, "upos"), matrices, [state] * len(matrices)
    )
    totals = found.totals["uuas"]
    some = totals.scored
    uuas = value_of("uuas", totals.numerators[:, some], totals.denominators[some])
    return np.mean(right), uuas.mean()


@pytest.mark.parametrize("family", ["bert", "albert"])
def test_a_cost_is_the_score_less_that_under_a_mask_without_the_head(family, learning):
    context = tiny_context(family, double=False)
    found = run_head_ablation_cost(context, TEST, learning=learning, **OPTIONS, seeds=2)
    intact = scored_by_hand(context, learning, found.arrays)
    model = found.rows[found.rows["unit"] == "model"].set_index("metric")["value"]
    assert model["accuracy_whole"] == pytest.approx(intact[0])
    assert model["uuas_whole"] == pytest.approx(intact[1])
    labels, trees = costs(found, "accuracy_cost"), costs(found, "uuas_cost")
    assert len(labels) == len(trees) == 8
    assert len({*labels.values()}) > 2
    for head in labels:
        left = scored_by_hand(with_dead_heads(context, [head]), learning, found.arrays)
        assert labels[head] == pytest.approx(intact[0] - left[0], abs=1e-9)
        assert trees[head] == pytest.approx(intact[1] - left[1], abs=1e-9)


def test_the_head_that_carries_a_property_costs_it_and_others_cost_nothing(tmp_path):
    def parsed(count, seed):
        return tuple(
            Example(one.id, replace(one, heads=(ROOT, *(0,) * (len(one.words) - 1))))
            for one in first_word_sentences(count, seed)
        )

    model = one_head_reads((1, 2))
    context = Context(model, tiny_tokenizer("wordpiece"), anatomy_of(model))
    learning = Learning(parsed(150, 1), parsed(30, 2), "given", StateCache(tmp_path))
    found = run_head_ablation_cost(
        context, parsed(20, 3), learning=learning, tasks=("upos",), epochs=60, rates=(0.1, 1e-6)
    )
    assert found.rows["value"].iloc[0] > 0.95
    cost = costs(found, "accuracy_cost")
    assert cost.pop((1, 2)) > 0.2
    assert set(cost.values()) == {0.0}
    assert found.notes[f"{NAME}_upos_rate"] == 0.1
    assert list(found.arrays) == [f"{NAME}_2_upos_weight", f"{NAME}_2_upos_bias"]


def test_a_mask_is_read_by_the_classifiers_of_the_whole_model(context, learning, whole):
    masked = with_dead_heads(context, DEAD)
    given = replace(learning, whole=whole.arrays)
    found = run_head_ablation_cost(masked, TEST, learning=given, **OPTIONS, seeds=2)
    assert found.arrays == {}
    assert set(found.rows["variant"]) == {"transferred;state=2"}
    intact = scored_by_hand(masked, learning, whole.arrays)
    cost = costs(found, "uuas_cost")
    left = scored_by_hand(with_dead_heads(context, [*DEAD, (1, 0)]), learning, whole.arrays)
    assert cost[1, 0] == pytest.approx(intact[1] - left[1], abs=1e-9)
    dead = found.rows[found.rows["flag"].eq("dead")]
    assert {(int(one.layer), int(one.head)) for one in dead.itertuples()} == set(DEAD)
    assert dead["value"].isna().all()
    assert not found.items[["layer", "head"]].apply(tuple, axis=1).isin(DEAD).any()
    alone = run_head_ablation_cost(masked, TEST, learning=learning, **OPTIONS)
    assert set(alone.rows["variant"]) == {"own;state=2"}
    with pytest.raises(ConfigError, match="the whole model has no head-ablation-cost_2_tree"):
        run_head_ablation_cost(masked, TEST, learning=given, **(OPTIONS | {"rank": 3}))


def test_a_smaller_model_costs_what_its_mask_costs(context, learning, whole):
    masked = with_dead_heads(context, DEAD)
    given = replace(learning, whole=whole.arrays)
    expected = run_head_ablation_cost(masked, TEST, learning=given, **OPTIONS)
    small = shrink(context.model, masked.subnetwork)
    assert kept_units_of(small) is not None
    found = run_head_ablation_cost(
        replace(masked, model=small), TEST, learning=given, **OPTIONS
    )  # fmt: skip
    for metric in ("accuracy_cost", "uuas_cost"):
        theirs = costs(expected, metric)
        for head, value in costs(found, metric).items():
            assert value == pytest.approx(theirs[head], abs=1e-9, nan_ok=True)


def test_rows_are_ratios_of_their_items_with_an_interval_for_each_head(whole):
    items, rows = whole.items, item_intervals(whole)
    for row in rows.itertuples():
        mine = items[items["metric"].eq(row.metric)]
        if row.unit == "head":
            mine = mine[mine["layer"].eq(row.layer) & mine["head"].eq(row.head)]
        ratio = mine["numerator"].sum() / mine["denominator"].sum()
        assert row.value == pytest.approx(ratio)
        assert row.n == mine["denominator"].sum()
        assert row.ci_low <= row.value <= row.ci_high
    assert rows["ci_method"].str.startswith("percentile bootstrap").all()
    assert rows["ci_low"].nunique() > 10


def test_a_state_is_read_without_the_heads_above_it(context, learning):
    found = run_head_ablation_cost(
        context, TEST, learning=learning, **OPTIONS, state=1, tasks=("upos",)
    )
    assert {layer for layer, _ in costs(found, "accuracy_cost")} == {0}
    assert set(found.rows["variant"]) == {"own;state=1"}
    for state, said in ((0, "no head acts on hidden state 0"), (3, "no hidden state 3")):
        with pytest.raises(ConfigError, match=said) as refused:
            run_head_ablation_cost(context, TEST, learning=learning, state=state)
        assert refused.value.remedy == "name one of 1 to 2, or -1 for the last"


def test_the_size_of_batches_does_not_matter(context, learning, whole):
    again = run_head_ablation_cost(
        context, TEST, learning=learning, **OPTIONS, seeds=2, batch_size=3
    )
    np.testing.assert_allclose(
        again.rows["value"].astype(float), whole.rows["value"].astype(float), atol=1e-9
    )


def test_what_cannot_be_read_is_refused(context, learning):
    bare = tuple(Example(one.id, replace(one.first, upos=())) for one in TEST)
    with pytest.raises(InputError, match="no word of the test part has a label of upos"):
        run_head_ablation_cost(context, bare, learning=learning, **OPTIONS)
    broken = tiny_context("bert", double=False)
    with torch.no_grad():
        anatomy_of(broken.model).attention_projection(broken.model, 1).bias[0] = float("nan")
    with pytest.raises(InputError, match="not finite"):
        run_head_ablation_cost(broken, TEST, learning=learning, **OPTIONS)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tasks": ["chunks"]}, "unknown task 'chunks'"),
        ({"tasks": ["upos", "upos"]}, "duplicates"),
        ({"state": -2}, "must be >= -1"),
    ],
)
def test_options_are_checked(given, said):
    with pytest.raises(ConfigError, match=said):
        typed_options(find_probe(NAME), given)
