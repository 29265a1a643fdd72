from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
from attention_oracle import plain_text, punctuated_examples
from hypothesis import given
from hypothesis import strategies as st
from probe_cases import tiny_context, with_dead_heads
from subprobe.data.errors import ConfigError
from subprobe.probes.context_mixing.effective_attention import (
    _MASS,
    _NORMS,
    EffectiveAttention,
    effective_attention,
)
from subprobe.probes.forward.shared_pass import run_probes
from subprobe.probes.forward.token_kinds import KINDS
from tiers import few_or_many, mostly_slow


def effective(context, examples, *, batch_size=7, **options):
    probe = EffectiveAttention(context, **options)
    return run_probes(context, examples, [probe], batch_size=batch_size)[0]


@given(
    n=st.integers(1, 14), d=st.integers(1, 10), lost=st.integers(0, 5), pad=st.integers(0, 4),
    kept=st.booleans(), seed=st.integers(0, 10_000),
)  # fmt: skip
def test_output_is_the_same_and_nothing_else_is_left(n, d, lost, pad, kept, seed):
    generator = torch.Generator().manual_seed(seed)
    full = torch.randn(n, d, generator=generator)
    rank = max(1, min(n, d) - lost)
    T = torch.randn(n, rank, generator=generator) @ torch.randn(rank, d, generator=generator)
    T = full if not lost else T
    rank = min(n, d) if not lost else rank
    attention = torch.softmax(torch.randn(n, n, generator=generator), dim=-1)
    padded = torch.zeros(1, 1, n + pad, n + pad)
    padded[..., :n, :n] = attention
    values = torch.zeros(1, 1, n + pad, d)
    values[..., :n, :] = T
    real = (torch.arange(n + pad) < n).float()[None]
    found, ranks, _ = effective_attention(padded, values, real, row_sums_kept=kept)
    assert ranks.item() == rank
    scale = T.abs().max() + 1
    assert ((found @ values - padded @ values).abs().max() / scale) < 1e-5
    if rank == n:
        assert (found - padded).abs().max() < 1e-5
    elif not kept:
        null = scipy.linalg.null_space(T.double().numpy().T, rcond=1e-5)
        assert np.abs(found[0, 0, :n, :n].numpy() @ null).max() < 1e-4
    if kept:
        assert (found.sum(-1) - padded.sum(-1)).abs().max() < 1e-5
    again, *_ = effective_attention(found, values, real, row_sums_kept=kept)
    assert (again - found).abs().max() < 1e-5
    assert not found[..., n:, :].any()
    assert found[..., n:].abs().max() < 1e-5 if pad else True


def plain(text, layer, head, kept):
    """Every metric of one text and head, and the same of attention itself, by loops."""
    alpha, part, n = text.attention[layer][head], text.parts[layer], text.n
    T = part["value"][head]
    rank = int(np.linalg.matrix_rank(T))
    null = scipy.linalg.null_space(np.column_stack([T, np.ones(n)]).T if kept else T.T)
    shown = alpha - alpha @ null @ null.T
    tables = []
    for grid in (shown, alpha):
        sums = dict.fromkeys((*_MASS, *_NORMS), 0.0)
        for i in range(n):
            norm = [abs(grid[i, j]) * np.linalg.norm(part["f"][head, j]) for j in range(n)]
            for j in range(n):
                sums[f"effective_to_{text.kinds[j]}"] += grid[i, j]
                sums[f"effective_norm_share_to_{text.kinds[j]}"] += norm[j] / sum(norm)
            sums["effective_to_previous"] += grid[i, i - 1] if i else 0.0
            sums["effective_to_next"] += grid[i, i + 1] if i + 1 < n else 0.0
            sums["effective_to_self"] += grid[i, i]
            row = np.abs(grid[i]) / np.abs(grid[i]).sum()
            sums["effective_entropy"] -= sum(a * np.log(a) for a in row if a > 0)
        tables.append(sums)
    found, raw = tables
    found["effective_row_sum"] = shown.sum()
    found["rank"], found["null_dimension"] = rank, n - rank
    found["full_row_rank"] = float(rank == n)
    found["change"] = float(np.linalg.norm(alpha - shown) / np.linalg.norm(alpha))
    return found, raw


@pytest.mark.parametrize(
    ("family", "row_sums"),
    mostly_slow(
        [("bert", "free"), ("distilbert", "kept"), ("mpnet", "free")],
        [("bert", "free"), ("distilbert", "kept")],
    ),
)
@few_or_many
def test_agrees_with_loops_over_single_texts(count, family, row_sums):
    context = with_dead_heads(tiny_context(family), [(0, 1), (1, 3)])
    examples = punctuated_examples(count)
    result = effective(context, examples, row_sums=row_sums)
    items = result.items.set_index(["item_id", "layer", "head", "metric"])["numerator"]
    found, totals = items.astype(float).to_dict(), {}
    for example in examples:
        text = plain_text(context, example)
        assert set(text.kinds) <= set(KINDS)
        for layer, head in zip(*np.nonzero(context.alive), strict=True):
            expected, raw = plain(text, layer, head, row_sums == "kept")
            for metric, value in expected.items():
                given = found.pop((example.id, layer, head, metric), 0.0)
                assert given == pytest.approx(value, abs=1e-6), metric
            for metric, value in raw.items():
                key = layer, head, metric
                totals[key] = totals.get(key, 0.0) + value
    assert not found
    rows = result.rows.set_index(["layer", "head", "metric"])
    counts = result.items.groupby(["layer", "head", "metric"])["denominator"].sum()
    for key, total in totals.items():
        value = rows.loc[key, "baseline_value"]
        assert value == pytest.approx(total / counts[key], abs=1e-6), key
    changed = rows.xs("change", level="metric")["value"].astype(float)
    assert changed.max() > 0.05  # heads of 8 dimensions cannot show longer texts


def test_short_texts_with_full_rank_are_as_they_were():
    context = tiny_context("bert", heads=2, hidden=64)  # d = 32, more than any text has pieces
    examples = [one for one in punctuated_examples(12) if len(one.first.words) < 5]
    rows = effective(context, examples).rows
    value = rows.pivot_table(index=["layer", "head"], columns="metric", values="value")
    assert (value["full_row_rank"] == 1).all()
    assert (value["change"].astype(float) < 1e-6).all()
    held = rows[rows["baseline_value"].notna()]
    np.testing.assert_allclose(held["value"].astype(float), held["baseline_value"].astype(float))
    np.testing.assert_allclose(value["effective_row_sum"].astype(float), 1.0)


def test_dead_heads_have_no_value_and_batches_do_not_matter():
    context = with_dead_heads(tiny_context("bert", double=False), [(1, h) for h in range(4)])
    examples = punctuated_examples(8)
    rows, other = (effective(context, examples, batch_size=size).rows for size in (8, 3))
    dead = rows["layer"] == 1
    assert rows.loc[dead, "value"].isna().all()
    assert (rows.loc[dead, "flag"] == "dead").all()
    np.testing.assert_allclose(rows["value"].astype(float), other["value"].astype(float), atol=1e-4)


def test_unknown_row_sums_are_refused():
    with pytest.raises(ConfigError, match="choose free or kept"):
        EffectiveAttention(tiny_context("bert"), row_sums="all")  # type: ignore[arg-type]
