from __future__ import annotations

import numpy as np
import pytest
import torch
from attention_oracle import plain_mass, plain_text, punctuated_examples
from probe_cases import hooks_on, tiny_context, with_dead_heads
from subprobe.data.encoding.alignment import encode_words
from subprobe.models.masks.gates import gated
from subprobe.probes.context_mixing import contributions as module
from subprobe.probes.context_mixing.contributions import (
    Alti,
    ValueZeroing,
    bias_part,
    transformed_parts,
)
from subprobe.probes.forward.shared_pass import run_probes
from tiers import few_or_many, mostly_slow
from tiny import POST_NORM

DEAD = [(0, 1), *((1, head) for head in range(4))]


@pytest.mark.parametrize("dead", [[], DEAD])
@pytest.mark.parametrize("family", mostly_slow(POST_NORM, ["bert", "mpnet"]))
def test_parts_and_biases_sum_to_the_block_output(family, dead, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 10_000)  # several blocks of queries

    class Check(Alti):
        def scores(self, layer, block):
            parts = list(transformed_parts(block))
            assert len(parts) > 1
            total = torch.cat([one.sum(2) for one, _ in parts], dim=1) + bias_part(block)
            torch.testing.assert_close(total, block.output, atol=1e-4, rtol=0)
            seen.append(layer)
            return super().scores(layer, block)

    seen = []
    context = with_dead_heads(tiny_context(family, double=False), dead)
    run_probes(context, punctuated_examples(5), [Check(context)])
    assert seen == ([0] if dead else [0, 1])


def plain_alti(text, layer):
    part, alpha, x = text.parts[layer], text.attention[layer], text.states[layer]
    grid = np.zeros((text.n, text.n))
    for i in range(text.n):
        v = [
            sum(alpha[h][i, j] * part["f"][h, j] for h in range(len(alpha))) for j in range(text.n)
        ]
        before = sum(v) + part["bias"] + x[i]
        deviation = np.sqrt(before.var() + part["eps"])
        y = (before - before.mean()) / deviation * part["gain"] + part["shift"]
        for j in range(text.n):
            T = v[j] + (x[i] if i == j else 0.0)
            T = (T - T.mean()) * part["gain"] / deviation
            grid[i, j] = max(0.0, np.abs(y).sum() - np.abs(y - T).sum())
    return grid / grid.sum(1, keepdims=True)


def plain_zeroing(context, example, text, layer):
    """Run the whole model with one token's values zeroed by a hook, token by token."""
    model, anatomy = context.model, context.anatomy
    encoded = encode_words(context.tokenizer, [example.first], max_length=128)[0]
    inputs = {"input_ids": torch.tensor([encoded.input_ids])}
    if encoded.token_type_ids is not None:
        inputs["token_type_ids"] = torch.tensor([encoded.token_type_ids])
    grid = np.zeros((text.n, text.n))
    for token in range(text.n):

        def zero(_module, _args, output, token=token):
            output = output.clone()
            output[:, token] = 0.0
            return output

        caught = []
        handles = [
            anatomy.value_projection(model, layer).register_forward_hook(zero),
            anatomy.block(model, layer).register_forward_hook(
                lambda _m, _a, out, caught=caught: caught.append(
                    out[0] if isinstance(out, tuple) else out
                )
            ),
        ]
        with torch.no_grad(), gated(model, context.subnetwork):
            model.base_model(**inputs)
        for handle in handles:
            handle.remove()
        for i in range(text.n):
            a, b = caught[0][0][i].numpy(), text.states[layer + 1][i]
            grid[i, token] = 1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    return grid / grid.sum(1, keepdims=True)


@pytest.mark.parametrize("probe", [Alti, ValueZeroing])
@pytest.mark.parametrize(
    ("family", "dead"),
    mostly_slow([("bert", DEAD), ("distilbert", []), ("mpnet", [])], [("bert", DEAD)]),
)
@few_or_many
def test_agrees_with_loops_over_single_texts(count, family, dead, probe, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 50_000)
    context = with_dead_heads(tiny_context(family, layers=3), dead)
    examples = punctuated_examples(count)
    result = run_probes(context, examples, [probe(context)], batch_size=7)[0]
    assert hooks_on(context.model) == 0
    keys = ["item_id", "layer", "metric"]
    found = result.items.set_index(keys)["numerator"].astype(float).to_dict()
    for example in examples:
        text = plain_text(context, example)
        rolled = np.eye(text.n)
        for layer in range(3):
            grid, expected = np.eye(text.n), {}
            if context.alive[layer].any():
                grid = (
                    plain_alti(text, layer)
                    if probe is Alti
                    else plain_zeroing(context, example, text, layer)
                )
                expected = {f"map_{k}": v for k, v in plain_mass(grid, text.kinds).items()}
            rolled = grid @ rolled
            np.testing.assert_allclose(rolled.sum(1), 1.0)
            expected |= {f"rollout_{k}": v for k, v in plain_mass(rolled, text.kinds).items()}
            for metric, value in expected.items():
                given = found.pop((example.id, layer, metric))
                assert given == pytest.approx(value, abs=1e-6), (layer, metric)
    assert not found
    dead_rows = result.rows[result.rows["flag"] == "dead"]
    assert set(dead_rows["layer"]) == ({1} if dead else set())


@pytest.mark.parametrize("probe", [Alti, ValueZeroing])
def test_rows_sum_to_one_and_batches_do_not_matter(probe):
    context, examples = tiny_context("roberta", double=False), punctuated_examples(9)
    rows, other = (
        run_probes(context, examples, [probe(context)], batch_size=size)[0].rows for size in (9, 2)
    )
    for kind in ("map", "rollout"):
        shares = [f"{kind}_to_{one}" for one in ("first", "separator", "punctuation", "other")]
        total = rows[rows["metric"].isin(shares)].groupby("layer")["value"].sum()
        np.testing.assert_allclose(total.astype(float), 1.0, atol=1e-5)
    np.testing.assert_allclose(rows["value"].astype(float), other["value"].astype(float), atol=1e-5)
