from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from attention_oracle import item_sums, plain_text, punctuated_examples
from probe_cases import tiny_context, with_dead_heads
from subprobe.probes.context_mixing import norms as module
from subprobe.probes.context_mixing.norms import HEAD_METRICS, LAYER_METRICS, Norms
from subprobe.probes.forward.shared_pass import run_probes
from subprobe.probes.forward.token_kinds import KINDS
from tiers import few_or_many, mostly_slow

DEAD = [(0, 1), (1, 0), (1, 2)]


def norms(context, examples, *, batch_size=7):
    return run_probes(context, examples, [Norms(context)], batch_size=batch_size)[0]


def plain_head(text, layer, head):
    """Every head metric of one text by loops: metric -> (numerator, denominator)."""
    alpha, f, n = text.attention[layer][head], text.parts[layer]["f"], text.n
    sums: dict[str, Any] = {metric: [0.0, float(n)] for metric in HEAD_METRICS}
    for kind in KINDS:
        sums[f"transformed_norm_{kind}"] = [0.0, 0.0]
    for j in range(n):
        sums[f"transformed_norm_{text.kinds[j]}"][0] += np.linalg.norm(f[head, j])
        sums[f"transformed_norm_{text.kinds[j]}"][1] += 1
    for i in range(n):
        weighted = [np.linalg.norm(alpha[i, j] * f[head, j]) for j in range(n)]
        for j in range(n):
            sums[f"weighted_norm_to_{text.kinds[j]}"][0] += weighted[j]
            sums[f"norm_share_to_{text.kinds[j]}"][0] += weighted[j] / sum(weighted)
        sums["weighted_norm"][0] += sum(weighted)
        given = [np.linalg.norm(text.attention[layer][h][i] @ f[h]) for h in range(len(f))]
        sums["head_output_norm"][0] += given[head]
        sums["head_output_share"][0] += given[head] / sum(given)
    return sums


def plain_layer(text, layer, alive):
    """Every layer metric of one text by loops."""
    alpha, part, n = text.attention[layer], text.parts[layer], text.n
    f, x = part["f"], text.states[layer]
    sums: dict[str, Any] = dict.fromkeys(LAYER_METRICS, 0.0)

    def normal(vector):
        return (vector - vector.mean()) * part["gain"]

    def ratio(rest, own):
        return np.linalg.norm(rest) / (np.linalg.norm(rest) + np.linalg.norm(own))

    for i in range(n):
        v = [sum(alpha[h][i, j] * f[h, j] for h in range(len(f))) for j in range(n)]
        length = [np.linalg.norm(one) for one in v]
        for j in range(n):
            sums[f"summed_norm_to_{text.kinds[j]}"] += length[j]
            sums[f"summed_norm_share_to_{text.kinds[j]}"] += length[j] / sum(length)
        sums["summed_norm"] += sum(length)
        rest = sum(v[j] for j in range(n) if j != i)
        off = np.mean([1 - alpha[h][i, i] for h in range(len(f)) if alive[h]])
        sums["mixing_weight_attention"] += off
        sums["mixing_weight_residual"] += off / 2
        sums["mixing_norm_attention"] += ratio(rest, v[i])
        sums["mixing_norm_residual"] += ratio(rest, v[i] + x[i])
        sums["mixing_norm_layernorm"] += ratio(normal(rest), normal(v[i] + x[i]))
    return sums


@pytest.mark.parametrize(
    ("family", "pairs", "dead"),
    mostly_slow(
        [("bert", False, DEAD), ("roberta", True, []), ("distilbert", False, []),
         ("mpnet", False, [])],
        [("bert", False, DEAD), ("mpnet", False, [])],
    ),
)  # fmt: skip
@few_or_many
def test_agrees_with_loops_over_single_texts(count, family, pairs, dead, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 20_000)  # several blocks a batch
    context = with_dead_heads(tiny_context(family), dead)
    examples = punctuated_examples(count, pairs=pairs)
    result = norms(context, examples)
    texts = {example.id: plain_text(context, example) for example in examples}
    found = {metric: item_sums(result, metric, "head").T.to_dict("list") for metric in HEAD_METRICS}
    for name, text in texts.items():
        for layer, head in zip(*np.nonzero(context.alive), strict=True):
            for metric, expected in plain_head(text, layer, head).items():
                if expected[1]:
                    given = found[metric].pop((name, layer, head))
                    assert given == pytest.approx(expected, abs=1e-6), metric
    assert not any(found.values())
    by_layer = {metric: item_sums(result, metric, "layer") for metric in LAYER_METRICS}
    for name, text in texts.items():
        for layer in range(2):
            expected = plain_layer(text, layer, context.alive[layer])
            for metric in LAYER_METRICS:
                given = by_layer[metric].loc[(name, layer)]
                assert given["numerator"] == pytest.approx(expected[metric], abs=1e-6)
                assert given["denominator"] == text.n


def value_of(rows, unit):
    return rows[rows["unit"] == unit].pivot_table(
        index=["layer", "head"] if unit == "head" else "layer", columns="metric", values="value"
    ).astype(float)  # fmt: skip


def test_identities():
    rows = norms(tiny_context("electra"), punctuated_examples(12)).rows
    layers, heads = value_of(rows, "layer"), value_of(rows, "head")
    half = layers["mixing_weight_attention"] / 2
    np.testing.assert_allclose(layers["mixing_weight_residual"], half, rtol=1e-12)
    for table, prefix, total in (
        (heads, "norm_share_to_", 1.0), (layers, "summed_norm_share_to_", 1.0),
        (heads, "weighted_norm_to_", heads["weighted_norm"]),
        (layers, "summed_norm_to_", layers["summed_norm"]),
    ):  # fmt: skip
        summed = sum(table[prefix + kind] for kind in KINDS)
        np.testing.assert_allclose(summed, total, rtol=1e-9)
    share = heads["head_output_share"].groupby("layer").sum()
    np.testing.assert_allclose(share, 1.0, rtol=1e-9)
    summed = heads["weighted_norm"].groupby("layer").sum()
    assert (layers["summed_norm"] < summed).all()  # the triangle inequality
    weights = rows[rows["metric"].str.startswith("norm_share_to_")]
    total = weights.groupby(["layer", "head"])["baseline_value"].sum().astype(float)
    np.testing.assert_allclose(total, 1.0, rtol=1e-9)


def test_result_does_not_depend_on_batch_size_padding_or_order():
    context, examples = tiny_context("bert", double=False), punctuated_examples(12)
    reference = norms(context, examples, batch_size=12).rows
    for other in (norms(context, examples, batch_size=1), norms(context, examples[::-1])):
        for column in ("value", "baseline_value"):
            np.testing.assert_allclose(
                other.rows[column].astype(float), reference[column].astype(float), atol=1e-5
            )


def test_dead_units_have_no_value_and_no_items():
    context = with_dead_heads(tiny_context("bert"), [(1, h) for h in range(4)] + [(0, 2)])
    result = norms(context, punctuated_examples(4))
    rows = result.rows
    heads, layers = rows[rows["unit"] == "head"], rows[rows["unit"] == "layer"]
    dead = (heads["layer"] == 1) | (heads["head"] == 2)
    assert heads.loc[dead, "value"].isna().all()
    assert (heads.loc[dead, "flag"] == "dead").all()
    assert heads.loc[~dead, "value"].notna().all()
    assert layers["value"].isna().tolist() == (layers["layer"] == 1).tolist()
    assert (layers.loc[layers["layer"] == 1, "flag"] == "dead").all()
    assert (rows.loc[rows["value"].isna(), "n"] == 0).all()
    items = result.items
    assert not ((items["layer"] == 1) | (items["head"].fillna(-1) == 2)).any()


def test_rows_are_a_function_of_items():
    result = norms(tiny_context("bert"), punctuated_examples(6))
    keys = ["layer", "head", "metric"]
    items, rows = (
        frame.assign(head=frame["head"].fillna(-1)) for frame in (result.items, result.rows)
    )
    sums = items.groupby(keys)[["numerator", "denominator"]].sum()
    value = (sums["numerator"] / sums["denominator"]).astype(float)
    rows = rows.set_index(keys)["value"].astype(float)
    np.testing.assert_allclose(rows.reindex(value.index), value, rtol=1e-12)
    assert len(rows) == len(value)
