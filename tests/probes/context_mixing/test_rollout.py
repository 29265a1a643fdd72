from __future__ import annotations

import networkx
import numpy as np
import pytest
from attention_oracle import plain_mass, plain_text, punctuated_examples
from hypothesis import given, settings
from hypothesis import strategies as st
from probe_cases import tiny_context, with_dead_heads
from subprobe.probes.context_mixing.rollout import Flow, Rollout, attention_flow
from subprobe.probes.forward.shared_pass import run_probes
from tiers import few_or_many

DEAD = [(0, 1), *((1, head) for head in range(4))]


def items_of(context, probe, examples):
    result = run_probes(context, examples, [probe(context)], batch_size=7)[0]
    keys = ["item_id", "layer", "metric"]
    return result, result.items.set_index(keys)["numerator"].astype(float).to_dict()


def plain_maps(context, text):
    """Half mean of kept heads, half identity; the identity for dead layers."""
    maps = []
    for layer, heads in enumerate(text.attention):
        living = [heads[h] for h in range(len(heads)) if context.alive[layer, h]]
        own = sum(living) / len(living) if living else np.eye(text.n)
        maps.append(0.5 * own + 0.5 * np.eye(text.n))
    return maps


@pytest.mark.parametrize("dead", [[], DEAD])
@few_or_many
def test_rollout_agrees_with_loops_over_single_texts(count, dead):
    context = with_dead_heads(tiny_context("bert", layers=3), dead)
    examples = punctuated_examples(count)
    result, found = items_of(context, Rollout, examples)
    for example in examples:
        text = plain_text(context, example)
        rolled = np.eye(text.n)
        for layer, grid in enumerate(plain_maps(context, text)):
            rolled = np.array([[sum(a * rolled[k, j] for k, a in enumerate(row))
                                for j in range(text.n)] for row in grid])  # fmt: skip
            np.testing.assert_allclose(rolled.sum(1), 1.0)
            expected = {f"rollout_{k}": v for k, v in plain_mass(rolled, text.kinds).items()}
            if context.alive[layer].any():
                expected |= {f"map_{k}": v for k, v in plain_mass(grid, text.kinds).items()}
            for metric, value in expected.items():
                given = found.pop((example.id, layer, metric))
                assert given == pytest.approx(value, abs=1e-6), metric
    assert not found
    rows = result.rows.set_index(["layer", "metric"])
    for layer in range(3):
        kinds = ("first", "separator", "punctuation", "other")
        total = sum(rows.loc[(layer, f"rollout_to_{kind}"), "value"] for kind in kinds)
        assert total == pytest.approx(1.0)
        flags = set(rows.loc[layer]["flag"].dropna())
        assert flags == (set() if context.alive[layer].any() else {"dead"})
        own = rows.loc[(layer, "map_to_self"), "n"]
        assert (own > 0) == context.alive[layer].any()


@given(seed=st.integers(0, 1000), layers=st.integers(1, 3), n=st.integers(1, 4))
@settings(max_examples=12)
def test_flow_against_another_solver(seed, layers, n):
    rng = np.random.default_rng(seed)
    maps = 0.5 * rng.dirichlet(np.ones(n), size=(layers, n)) + 0.5 * np.eye(n)
    found = attention_flow(maps, list(range(n)))
    graph = networkx.DiGraph()
    for layer in range(layers):
        for i in range(n):
            for j in range(n):
                graph.add_edge((layer + 1, i), (layer, j), capacity=maps[layer, i, j])
    for i in range(n):
        flows = [networkx.maximum_flow_value(graph, (layers, i), (0, j)) for j in range(n)]
        assert max(flows) <= 1 + 1e-9
        np.testing.assert_allclose(found[i], np.array(flows) / sum(flows), atol=1e-6)
    if layers == 1:
        np.testing.assert_allclose(found, maps[0], atol=1e-6)


@few_or_many
def test_flow_agrees_with_loops_over_single_texts(count):
    context = with_dead_heads(tiny_context("distilbert", max_length=8), [(0, 1)])
    examples = punctuated_examples(count)
    result, found = items_of(context, Flow, examples)
    for example in examples:
        text = plain_text(context, example)
        maps, graph = plain_maps(context, text), networkx.DiGraph()
        for layer, grid in enumerate(maps):
            for i, j in np.ndindex(grid.shape):
                graph.add_edge((layer + 1, i), (layer, j), capacity=grid[i, j])
        flows = np.array([[networkx.maximum_flow_value(graph, (2, i), (0, j))
                           for j in range(text.n)] for i in range(text.n)])  # fmt: skip
        flows /= flows.sum(1, keepdims=True)
        for name, value in plain_mass(flows, text.kinds).items():
            assert found[example.id, 1, f"flow_{name}"] == pytest.approx(value, abs=1e-6), name
    assert set(result.rows["layer"]) == {1}


def test_flow_of_the_first_token_is_its_row_of_all_flows():
    context, examples = tiny_context("bert"), punctuated_examples(3)
    probe = Flow(context, first_only=True)
    rows = run_probes(context, examples, [probe])[0].rows.set_index("metric")["value"]
    text = [plain_text(context, example) for example in examples]
    flows = [attention_flow(np.array(plain_maps(context, one)), [0])[0] for one in text]
    expected = np.mean([flow[0] for flow in flows])
    assert rows["flow_to_first"] == pytest.approx(expected, abs=1e-6)
    assert rows.sum() == pytest.approx(1.0)
