"""Steps that are doubled, and interactions whose memory does not grow with the examples."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from probe_cases import random_examples, tiny_context
from subprobe.data.errors import ConfigError, InputError
from subprobe.data.output import item_parts
from subprobe.probes.head_attributions.head_attributions import run_head_attributions
from subprobe.probes.head_attributions.pair_table import PairTable

IG: Any = ("integrated-gradients",)


@pytest.fixture(scope="module")
def context():
    return tiny_context("bert", "classification")


def of_examples(result, metric):
    items = result.items
    return items[items["metric"] == metric].set_index("item_id")["score"].astype(float)


def test_steps_are_doubled_until_the_delta_is_small(context):
    examples, method = random_examples(6), IG
    by_steps = {
        steps: run_head_attributions(context, examples, methods=method, n_steps=steps)
        for steps in (2, 4, 8, 16)
    }
    deltas = {n: of_examples(one, "convergence_delta_mean") for n, one in by_steps.items()}
    tolerance = float(np.median(deltas[2]))
    found = run_head_attributions(
        context, examples, methods=method, n_steps=2, tolerance=tolerance, batch_size=4
    )
    expected = {
        one.id: next(n for n in deltas if deltas[n][one.id] <= tolerance) for one in examples
    }
    steps = of_examples(found, "steps")
    assert steps.to_dict() == expected
    assert steps.nunique() > 1
    values = of_examples(found, "head_attribution")
    for name, n in expected.items():
        own = of_examples(by_steps[n], "head_attribution")[name]
        np.testing.assert_allclose(values[name], own, atol=1e-9)
    rows = found.rows[found.rows["unit"] == "model"].set_index("metric")["value"]
    assert rows["steps_mean"] == steps.mean()
    assert rows["unconverged_share"] == 0
    assert f"tolerance={tolerance:g}" in found.rows["variant"].iloc[0]


def test_what_no_number_of_steps_reaches_is_said(context, monkeypatch):
    monkeypatch.setattr("subprobe.probes.head_attributions.by_captum.MOST_STEPS", 4)
    found = run_head_attributions(
        context, random_examples(2), methods=("integrated-gradients",), n_steps=2, tolerance=1e-12
    )
    rows = found.rows[found.rows["unit"] == "model"].set_index("metric")["value"]
    assert (rows["steps_mean"], rows["unconverged_share"]) == (4, 1)


def test_texts_have_orders_of_their_own(context):
    """Errors of sampling that all texts shared would not average out over them."""
    one = random_examples(1)[0]
    same = [one, replace(one, id="again"), replace(one, id="once more")]
    options: Any = {"methods": ("shapley-sampling",), "n_samples": 1}
    found = run_head_attributions(context, same, **options)
    scores = [of_examples(found, "head_attribution")[example.id].to_numpy() for example in same]
    for first, second in combinations(scores, 2):
        assert np.abs(first - second).max() > 1e-6
    alone = run_head_attributions(context, same[1:2], **options)
    np.testing.assert_allclose(
        of_examples(alone, "head_attribution")["again"], scores[1], atol=1e-9
    )


def test_pairs_of_heads_are_made_some_texts_at_a_time(context, monkeypatch):
    examples = random_examples(5)
    options: Any = {"methods": ("ablation",), "interactions": "second-order", "batch_size": 2}
    whole = run_head_attributions(context, examples, **options)
    expected = whole.items
    monkeypatch.setattr(item_parts, "ITEMS_AT_ONCE", 60)
    # 28 pairs of 8 heads: two texts at a time
    parts = [part for part in whole.item_parts if (part["metric"] == "head_interaction").any()]
    assert [len(part) for part in parts] == [56, 56, 28]
    key = ["metric", "variant", "item_id", "layer", "head", "relation"]
    again, once = (frame.sort_values(key, ignore_index=True) for frame in (whole.items, expected))
    assert again.equals(once)
    pairs = expected[expected["metric"] == "head_interaction"]
    means = pairs.groupby(["layer", "head", "relation"])["score"].mean()
    rows = whole.rows[whole.rows["metric"] == "head_interaction"]
    for row in rows.itertuples():
        assert row.value == pytest.approx(means[row.layer, row.head, row.relation])
    assert len(rows) == 28


def test_memory_of_interactions_does_not_grow_with_the_texts():
    def peak(texts):
        tracemalloc.start()
        table = PairTable(texts, 1000)
        for start in range(0, texts, 5):
            table.put(np.arange(start, start + 5), np.full((5, 1000), -1.0))
        signed, sizes = table.means()
        assert (signed == -1).all()
        assert (sizes == 1).all()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(800) < 1.5 * peak(200)


def test_numbers_that_are_not_finite_are_refused():
    context = tiny_context("bert", "classification", seed=9)
    with torch.no_grad():
        context.model.classifier.bias[0] = float("nan")
    with pytest.raises(InputError, match="logits contain NaN or infinity"):
        run_head_attributions(context, random_examples(2))


@pytest.mark.parametrize("interactions", ["second-order", "shapley"])
def test_interactions_need_two_heads(context, interactions: Any):
    with pytest.raises(ConfigError, match="an interaction needs two heads, got 0"):
        run_head_attributions(context, random_examples(1), units="mlps", interactions=interactions)
