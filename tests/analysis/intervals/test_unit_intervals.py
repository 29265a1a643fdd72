from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from subprobe.analysis.intervals.unit_intervals import unit_intervals
from subprobe.data.output.tables import items_frame, rows_frame
from subprobe.probes.forward.base import ProbeResult


def result_of(scores, clusters=None):
    """Scores [N, 2] of the MLP of layer 0 and of head 1.2, in one variant."""
    units = ((0, None), (1, 2))
    rows = [
        {"probe": "p", "variant": "v", "metric": "m", "layer": layer, "head": head,
         "value": scores[:, place].mean()}
        for place, (layer, head) in enumerate(units)
    ]  # fmt: skip
    rows.append({"probe": "p", "variant": "v", "metric": "other", "value": 3.0, "ci_low": 2.0,
                 "ci_high": 4.0, "ci_method": "known"})  # fmt: skip
    items = [
        {"probe": "p", "variant": "v", "item_id": f"e{n}", "metric": "m", "layer": layer,
         "head": head, "score": scores[n, place], "cluster_id": clusters and clusters[n]}
        for n in range(len(scores))
        for place, (layer, head) in enumerate(units)
    ]  # fmt: skip
    return ProbeResult("p", rows_frame(rows), make_items=lambda: items_frame(items))


def test_each_unit_gets_the_interval_of_its_own_mean():
    rng = np.random.default_rng(0)
    scores = rng.normal([0.0, 5.0], [1.0, 3.0], size=(60, 2))
    rows = unit_intervals(result_of(scores))
    for place in range(2):
        drawn = rng.integers(0, 60, size=(4000, 60))
        low, high = np.quantile(scores[drawn, place].mean(axis=1), [0.025, 0.975])
        width = high - low
        assert abs(rows.loc[place, "ci_low"] - low) < 0.1 * width
        assert abs(rows.loc[place, "ci_high"] - high) < 0.1 * width
        assert rows.loc[place, "ci_method"] == "percentile bootstrap over examples (1000)"
    assert rows.loc[2, ["ci_low", "ci_high", "ci_method"]].tolist() == [2.0, 4.0, "known"]
    pd.testing.assert_frame_equal(unit_intervals(result_of(scores)), rows)


def test_clusters_are_resampled_whole():
    scores = np.repeat(np.random.default_rng(1).normal(size=(10, 2)), 6, axis=0)
    clusters = [f"c{n // 6}" for n in range(60)]
    alone, together = unit_intervals(result_of(scores)), unit_intervals(result_of(scores, clusters))
    widths = [rows["ci_high"] - rows["ci_low"] for rows in (alone, together)]
    assert (widths[1][:2] > 1.8 * widths[0][:2]).all()
    assert together.loc[0, "ci_method"] == "percentile bootstrap over clusters of examples (1000)"


def test_one_unit_of_inference_has_no_interval():
    for scores, clusters in ((np.ones((1, 2)), None), (np.ones((4, 2)), ["c"] * 4)):
        rows = unit_intervals(result_of(scores, clusters))
        assert rows.loc[:1, "ci_low"].isna().all()
        assert rows.loc[:1, "ci_method"].str.startswith("no interval").all()


def test_items_in_parts_give_what_items_at_once_give():
    scores = np.random.default_rng(2).normal(size=(30, 2))
    clusters = [f"c{n // 3}" for n in range(30)]
    whole = result_of(scores, clusters)
    items = whole.items
    parts = [items.iloc[start : start + 7] for start in range(0, len(items), 7)]
    again = replace(whole, make_items=lambda: iter(parts))
    pd.testing.assert_frame_equal(unit_intervals(again), unit_intervals(whole))
