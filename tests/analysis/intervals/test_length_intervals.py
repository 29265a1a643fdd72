"""Intervals of correlations that are averaged by length, against a plain bootstrap."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from subprobe.analysis.intervals.length_intervals import length_intervals
from subprobe.analysis.statistics.paired import expanded_limits
from subprobe.analysis.steps.finishing import FINISHED
from subprobe.data.output.tables import items_frame, rows_frame
from subprobe.probes.forward.base import ProbeResult
from subprobe.probes.registry import find_probe

pytestmark = pytest.mark.slow

LENGTHS = np.array([5, 5, 7, 7, 7, 9, 9, 12, 12, 12, 12, 20])


def result(*, layers=2, clusters=None, shuffled=False):
    """Items of sentences whose correlations are random, and the rows that they sum up."""
    draw = np.random.default_rng(0)
    rho = draw.uniform(-1, 1, (layers, len(LENGTHS)))
    items = [
        {"probe": "structural", "metric": metric, "variant": "own", "layer": layer,
         "item_id": f"s{one}", "sentence_id": f"s{one}", "numerator": rho[layer, one] * n,
         "denominator": n, "cluster_id": clusters and clusters[one]}
        for metric in ("dspr_by_word", "uuas") for layer in range(layers)
        for one, n in enumerate(LENGTHS)
    ]  # fmt: skip
    if shuffled:
        items = [items[place] for place in draw.permutation(len(items))]
    parts = [items_frame(items[:9]), items_frame(items[9:])]
    rows = rows_frame(
        [
            {"probe": "structural", "metric": metric, "variant": "own", "unit": "layer",
             "layer": layer, "value": plain(rho[layer], np.ones(len(LENGTHS))), "baseline": name}
            for metric in ("dspr", "uuas") for layer in range(layers)
            for name in ("linear-chain", "layer-0")
        ]
    )  # fmt: skip
    return rho, ProbeResult("structural", rows, lambda: parts)


def plain(rho, weights):
    """Mean by length of the drawn sentences, then mean over lengths."""
    lengths = [n for n in np.unique(LENGTHS) if weights[n == LENGTHS].sum()]
    inside = [np.average(rho[n == LENGTHS], weights=weights[n == LENGTHS]) for n in lengths]
    return float(np.mean(inside))


@pytest.mark.parametrize("shuffled", [False, True])
def test_limits_are_those_of_a_plain_bootstrap(shuffled):
    rho, given = result(shuffled=shuffled)
    rows = length_intervals(given)
    draw = np.random.default_rng(1)
    n = len(LENGTHS)
    weights = [np.bincount(draw.integers(n, size=n), minlength=n) for _ in range(20_000)]
    for layer in range(2):
        own = rows[(rows["metric"] == "dspr") & (rows["layer"] == layer)]
        expected = expanded_limits(np.array([plain(rho[layer], one) for one in weights]), n)
        for row in own.itertuples():  # beside each baseline
            assert (row.ci_low, row.ci_high) == pytest.approx(expected, abs=0.05)
            assert row.ci_method == "percentile bootstrap over sentences (1000)"
    assert rows.loc[rows["metric"] == "uuas", "ci_low"].isna().all()


def test_clusters_are_drawn_whole():
    alike = [f"c{one // 4}" for one in range(len(LENGTHS))]
    _, given = result(clusters=alike)
    rows = length_intervals(given)
    assert rows["ci_method"].iloc[0] == "percentile bootstrap over clusters of sentences (1000)"
    _, apart = result()
    assert rows["ci_low"].iloc[0] != length_intervals(apart)["ci_low"].iloc[0]


def test_one_sentence_has_no_interval_and_same_seed_same_bytes():
    _, given = result()
    one = ProbeResult("structural", given.rows, lambda: given.items[given.items["item_id"] == "s0"])
    assert length_intervals(one)["ci_low"].isna().all()
    pd.testing.assert_frame_equal(length_intervals(given), length_intervals(given))
    assert not length_intervals(given, seed=1).equals(length_intervals(given))


def test_the_probe_names_this_step():
    _, given = result()
    found = FINISHED[find_probe("structural").finish](given, None)
    assert found["ci_low"].notna().sum() >= 4
