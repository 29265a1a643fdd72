"""Exact intervals of shares, of items that stand alone and of clustered ones."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta, binomtest, t
from subprobe.analysis.intervals.exact_intervals import (
    CLUSTERED,
    effective_n,
    exact_intervals,
    share_limits,
)
from subprobe.analysis.statistics.count_laws import EXACT
from subprobe.data.output.tables import items_frame, rows_frame
from subprobe.probes.forward.base import ProbeResult


@pytest.mark.parametrize(("right", "n"), [(0, 18), (7, 18), (18, 18), (3, 4), (25, 34)])
def test_items_that_stand_alone_have_the_binomial_interval(right, n):
    scores = np.array([1.0] * right + [0.0] * (n - right))
    limits = share_limits(scores, [f"{place}" for place in range(n)])
    assert limits is not None
    wanted = binomtest(right, n).proportion_ci(method="exact")
    assert limits[:2] == pytest.approx((wanted.low, wanted.high), abs=1e-12)
    assert limits[2] == EXACT


def test_clusters_of_equal_items_count_once():
    # ten clusters of two equal items say as much as ten items, a little less for the spread of t
    scores = np.repeat([1.0] * 6 + [0.0] * 4, 2)
    unit = np.repeat(np.arange(10), 2)
    variance = 0.6 * 0.4 / 10 * 10 / 9
    wanted = 0.6 * 0.4 / variance * (t.ppf(0.975, 19) / t.ppf(0.975, 9)) ** 2
    assert effective_n(scores, unit) == pytest.approx(wanted)
    assert wanted < 10
    limits = share_limits(scores, [f"{one}" for one in unit])
    assert limits is not None
    low, high = beta.ppf(0.025, 0.6 * wanted, 0.4 * wanted + 1), beta.ppf(
        0.975, 0.6 * wanted + 1, 0.4 * wanted
    )  # fmt: skip
    assert limits[:2] == pytest.approx((low, high))
    assert limits[2] == CLUSTERED
    alone = share_limits(scores, [f"{one}" for one in range(20)])
    assert alone is not None
    assert limits[0] < alone[0] < alone[1] < limits[1]


def test_clusters_never_make_an_interval_narrower():
    # within each cluster one of two is right: the design effect is below 1
    scores, names = np.tile([0.0, 1.0], 10), [f"{one // 2}" for one in range(20)]
    wanted = binomtest(10, 20).proportion_ci(method="exact")
    limits = share_limits(scores, names)
    assert limits is not None
    assert limits[:2] == pytest.approx((wanted.low, wanted.high))
    one_cluster = share_limits(scores, ["a"] * 20)
    assert one_cluster is not None
    assert one_cluster[:2] == (None, None)
    assert share_limits(np.array([0.2, 1.0]), ["a", "b"]) is None


def test_all_right_in_clusters_counts_the_clusters():
    limits = share_limits(np.ones(20), [f"{one // 4}" for one in range(20)])
    assert limits is not None
    assert limits[:2] == pytest.approx((beta.ppf(0.025, 5, 1), 1.0))


def test_rows_of_a_probe():
    scores = [1.0, 0.0, 1.0, 1.0]
    same = {"probe": "cloze", "variant": "v", "relation": "r"}
    items = items_frame(
        {**same, "item_id": str(n), "sentence_id": str(n), "metric": metric, "score": value}
        for metric, values in (("sensitivity", scores), ("log_odds", [1.5, -0.25, 2.0, 0.75]))
        for n, value in enumerate(values)
    )
    rows = rows_frame(
        [
            {**same, "metric": "coverage", "value": 0.5, "n": 8, "unit": "model"},
            {**same, "metric": "sensitivity", "value": 0.75, "n": 4, "unit": "model"},
            {**same, "metric": "log_odds", "value": 1.0, "n": 4, "unit": "model"},
        ]
    )
    found = exact_intervals(ProbeResult("cloze", rows, lambda: items))
    assert found["metric"].tolist() == ["coverage", "sensitivity", "log_odds"]
    none, exact, drawn = found.to_dict("records")
    assert pd.isna(none["ci_low"])
    wanted = binomtest(3, 4).proportion_ci(method="exact")
    assert (exact["ci_low"], exact["ci_high"]) == pytest.approx((wanted.low, wanted.high))
    assert exact["ci_method"] == EXACT
    assert drawn["ci_low"] < 1.0 < drawn["ci_high"]
    assert "bootstrap" in drawn["ci_method"]


def test_log_odds_of_a_network_that_tells_nothing_apart_are_no_share():
    same = {"probe": "agreement", "variant": "sentence", "relation": "r"}
    items = items_frame(
        {**same, "item_id": str(n), "sentence_id": str(n), "metric": metric, "score": value}
        for metric, value in (("accuracy", 0.5), ("margin", 0.0))
        for n in range(4)
    )
    rows = rows_frame(
        {**same, "metric": metric, "value": value, "n": 4, "unit": "model"}
        for metric, value in (("accuracy", 0.5), ("margin", 0.0))
    )
    accuracy, margin = exact_intervals(ProbeResult("agreement", rows, lambda: items)).to_dict(
        "records"
    )
    assert accuracy["ci_method"] == EXACT
    assert pd.isna(margin["ci_low"])
    assert margin["ci_method"].startswith("no interval")
