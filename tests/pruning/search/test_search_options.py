"""Searches for a size, for one kind of unit, with heads left in every layer, for a fixed metric."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from subprobe.data.errors import ConfigError, UnknownNameError
from subprobe.pruning.search.plan import Rule, Size, schedule
from subprobe.pruning.search.structured import Scored, structured_search


def search(layers, heads, rule, metric=lambda *masks: 1.0, seed=0, **options):
    random = np.random.default_rng(seed)
    neurons = options.get("num_neurons", 0)
    scores = (
        random.uniform(0.1, 1, (layers, heads)),
        random.uniform(0.1, 1, layers),
        random.uniform(0.1, 1, (layers, neurons)) if neurons else None,
    )

    def score(*masks):
        return Scored(metric(*masks), *scores)

    found = structured_search(score, rule=rule, num_layers=layers, num_heads=heads, **options)
    return found, scores


@given(st.integers(1, 5), st.integers(1, 8), st.floats(0, 1), st.floats(0, 1), st.integers(0, 9))
def test_a_size_is_reached_exactly_whatever_the_metric(layers, heads, of_heads, of_mlps, seed):
    size = Size(int(of_heads * layers * heads), int(of_mlps * layers))
    found, _ = search(layers, heads, size, lambda *masks: float("nan"), seed)
    assert (found.head_mask.sum(), found.mlp_mask.sum()) == (size.heads, size.mlps)
    assert all(record["accepted"] for record in found.trace)
    assert found.trace[0]["rule"] == "size"
    assert found.trace[0]["target"] is None


def test_heads_alone_go_at_the_full_step_and_mlps_one_by_one():
    found, _ = search(
        12, 12, Rule("study"), lambda h, m: float(h.sum() >= 100), method="structured-heads"
    )
    assert [(r["phase"], r["heads"], r["mlps"]) for r in found.trace] == [
        ("full", 144, 12),
        ("heads", 130, 12),
        ("heads", 116, 12),
        ("heads", 102, 12),
        ("heads", 88, 12),
    ]
    found, _ = search(
        6, 12, Rule("study"), lambda h, m: float(m.sum() >= 4), method="structured-mlps"
    )
    assert [(r["phase"], r["heads"], r["mlps"]) for r in found.trace] == [
        ("full", 72, 6),
        ("mlps", 72, 5),
        ("mlps", 72, 4),
        ("mlps", 72, 3),
    ]


def test_neurons_go_a_tenth_at_a_time_the_lowest_first():
    found, (_, _, scores) = search(
        2,
        4,
        Rule("study"),
        lambda h, m, n: float(n.sum() >= 28),
        method="structured-neurons",
        num_neurons=20,
    )
    assert [r["neurons"] for r in found.trace] == [40, 36, 32, 28, 24]
    kept = np.sort(scores.ravel())[-28:]
    np.testing.assert_array_equal(np.sort(scores[found.neuron_mask]), kept)
    assert found.head_mask.all()
    assert found.mlp_mask.all()
    assert (
        search(2, 4, Size(8, 2, 7), method="structured-neurons", num_neurons=20)[
            0
        ].neuron_mask.sum()
        == 7
    )


@given(st.integers(1, 5), st.integers(1, 8), st.integers(1, 3), st.integers(0, 9))
def test_every_layer_keeps_its_most_important_heads(layers, heads, least, seed):
    found, (scores, *_) = search(layers, heads, Size(0, 0), seed=seed, min_heads=least)
    kept = min(least, heads)
    assert found.head_mask.sum(axis=1).tolist() == [kept] * layers
    for layer in range(layers):
        best = np.sort(scores[layer])[-kept:]
        np.testing.assert_array_equal(np.sort(scores[layer][found.head_mask[layer]]), best)
    assert not found.mlp_mask.any()


def test_a_fixed_threshold_is_held_or_refused():
    found, _ = search(6, 12, Rule("absolute", 0.7), lambda h, m: h.mean())
    assert 0.7 <= found.head_mask.mean() < 0.75
    with pytest.raises(ConfigError, match=r"scores 0\.6000, below the threshold 0\.7000"):
        search(6, 12, Rule("absolute", 0.7), lambda h, m: 0.6)
    with pytest.raises(ConfigError, match="below"):
        search(6, 12, Rule("absolute", 0.7), lambda h, m: float("nan"))


def test_raw_scores_compete_across_layers():
    """Layer 0 has small scores throughout: by shares its best survive, by raw scores none do."""
    raw = np.array([[0.01, 0.02, 0.03, 0.04], [1, 2, 3, 4]])

    def score(normalised):
        return lambda h, m: Scored(1.0, raw, np.ones(2), normalised=normalised)

    plan: dict[str, Any] = {"rule": Size(4, 2), "num_layers": 2, "num_heads": 4}
    assert structured_search(score(False), **plan).head_mask.tolist() == [[False] * 4, [True] * 4]
    by_share = structured_search(score(True), **plan).head_mask
    assert by_share.sum(axis=1).tolist() == [2, 2]


def test_impossible_plans_are_refused():
    with pytest.raises(ConfigError, match="negative"):
        Size(-1, 0)
    with pytest.raises(ConfigError, match="exceeds that of the model"):
        search(2, 4, Size(9, 2))
    with pytest.raises(ConfigError, match="exceeds that of the model"):
        search(2, 4, Size(8, 2, 1))
    with pytest.raises(UnknownNameError, match="search"):
        schedule(2, 4, "structured-layers")
