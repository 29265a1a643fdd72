from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from attention_oracle import plain_text
from probe_cases import random_examples, tiny_context, with_dead_heads
from scipy.spatial.distance import jensenshannon
from subprobe.data.errors import ConfigError
from subprobe.probes.attention import head_distances as module
from subprobe.probes.attention.head_distances import HeadDistances
from subprobe.probes.forward.shared_pass import run_probes


def distances(context, examples, *, batch_size=6, **options):
    probe = HeadDistances(context, **options)
    return run_probes(context, examples, [probe], batch_size=batch_size)[0]


@pytest.mark.parametrize("smoothing", ["none", "clark"])
def test_agrees_with_scipy_one_row_at_a_time(smoothing, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 300)
    context, examples = with_dead_heads(tiny_context("bert"), [(0, 1)]), random_examples(20)
    result = distances(context, examples, smoothing=smoothing)
    total, n_rows = np.zeros((8, 8)), 0
    for example in examples:
        text = plain_text(context, example)
        maps = np.concatenate(text.attention)  # [L * H, n, n]
        if smoothing == "clark":
            maps = 0.999 * maps + 0.001 / text.n
        n_rows += text.n
        for a, b in np.ndindex(8, 8):
            total[a, b] += (jensenshannon(maps[a], maps[b], axis=1) ** 2).sum()
    expected = total / (1 if smoothing == "clark" else n_rows)
    living = [0, *range(2, 8)]
    pairs = [(a, b) for a in living for b in living if a < b]
    rows = result.rows
    found = list(zip(rows["layer"] * 4 + rows["head"], rows["layer_b"] * 4 + rows["head_b"],
                     strict=True))  # fmt: skip
    assert found == pairs
    np.testing.assert_allclose(
        rows["value"].astype(float), [expected[pair] for pair in pairs], atol=1e-6
    )
    matrix = result.arrays["js_divergence"]
    assert np.isnan(matrix[1]).all()
    np.testing.assert_array_equal(matrix, matrix.T)
    assert rows["value"].astype(float).std() > 1e-3
    if smoothing == "none":
        assert rows["value"].max() <= np.log(2)


def test_result_does_not_depend_on_batch_size():
    context, examples = tiny_context("bert"), random_examples(8)
    reference = distances(context, examples, batch_size=8).rows
    for batch_size in (1, 3):
        other = distances(context, examples, batch_size=batch_size).rows
        pd.testing.assert_frame_equal(other, reference, atol=1e-10)


def test_unknown_smoothing_is_refused():
    with pytest.raises(ConfigError, match="none or clark"):
        HeadDistances(tiny_context("bert"), smoothing="some")  # type: ignore[arg-type]
