"""Intervals of minimal pairs: exact for single paradigms, stratified for means over them."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, t
from subprobe.analysis.intervals.pair_intervals import (
    ONE_OF_PARADIGM,
    OVER_CLUSTERS,
    STRATIFIED,
    pair_intervals,
    stratified_limits,
)
from subprobe.analysis.statistics.count_laws import EXACT, clopper_pearson
from subprobe.data.output.tables import items_frame, rows_frame
from subprobe.probes.forward.base import ProbeResult


@pytest.mark.parametrize(("right", "n"), [(0, 5), (5, 5), (3, 10), (77, 100)])
def test_the_exact_interval_leaves_a_fortieth_on_each_side(right, n):
    low, high = clopper_pearson(right, n)
    if right:
        assert binom.sf(right - 1, n, low) == pytest.approx(0.025)
    if right < n:
        assert binom.cdf(right, n, high) == pytest.approx(0.025)
    assert (low == 0) == (right == 0)
    assert (high == 1) == (right == n)


def test_half_right_ties_make_it_wider():
    assert clopper_pearson(3.5, 10) == (clopper_pearson(3, 10)[0], clopper_pearson(4, 10)[1])


def test_stratified_limits_cover_the_mean_of_fixed_paradigms():
    draw = np.random.default_rng(0)
    shares, size = np.array([0.95, 0.5, 0.2]), 60
    stratum = np.repeat(np.arange(3), size)
    weight = np.full(3 * size, 1 / size)
    inside, reach = 0, []
    for _ in range(1500):
        values = (draw.random(3 * size) < shares[stratum]).astype(float)
        limits = stratified_limits(values, weight, stratum, np.arange(3 * size))
        assert limits is not None
        low, high = limits
        inside += low <= shares.mean() <= high
        reach.append(high - low)
    assert 0.93 < inside / 1500 < 0.97
    # the spread between paradigms is no error
    pooled = 2 * 1.96 * np.sqrt(shares.mean() * (1 - shares.mean()) / (3 * size))
    assert np.mean(reach) < 0.85 * pooled
    assert stratified_limits(np.ones(4), np.ones(4), np.zeros(4, dtype=int), np.arange(4)) is None
    assert stratified_limits(np.array([0.0, 1.0]), np.ones(2), np.arange(2), np.arange(2)) is None


def test_small_paradigms_are_not_hidden_by_large_ones():
    # the textbook formula: variances of the means of strata, and Satterthwaite's degrees
    parts = [np.array([0.0, 1.0, 1.0]), np.tile([0.0, 1.0, 1.0, 1.0], 50)]
    values, stratum = np.concatenate(parts), np.repeat([0, 1], [3, 200])
    weight = np.repeat([1 / 3, 1 / 200], [3, 200])
    own = [one.var(ddof=1) / len(one) / 4 for one in parts]
    degrees = sum(own) ** 2 / (own[0] ** 2 / 2 + own[1] ** 2 / 199)
    reach = t.ppf(0.975, degrees) * np.sqrt(sum(own))
    middle = np.mean([one.mean() for one in parts])
    found = stratified_limits(values, weight, stratum, np.arange(203))
    assert found == pytest.approx((middle - reach, middle + reach))
    # of a single pair nothing is known about the spread of its paradigm
    one = np.r_[0, np.ones(202, dtype=int)]
    assert stratified_limits(values, weight, one, np.arange(203)) is None


def test_a_mean_over_paradigms_with_a_single_pair_has_no_interval():
    given = result(False)
    kept = given.items[~given.items["item_id"].isin([f"i{n}" for n in range(1, 24)])]
    found = pair_intervals(ProbeResult("minimal-pairs", given.rows, lambda: kept))
    by = found.set_index(["metric", "relation"])
    assert by.loc[("overall_accuracy", "all"), "ci_method"] == ONE_OF_PARADIGM
    assert pd.isna(by.loc[("overall_accuracy", "all"), "ci_low"])


def result(clusters):
    values: dict[str, list[float]] = {"a": [1, 0, 1, 1, 1, 0] * 4, "b": [0.5, 0, 1, 0] * 4}
    items: list[dict[str, object]] = []
    n = 0
    for paradigm, of in values.items():
        for value in of:
            about = {
                "probe": "minimal-pairs",
                "variant": "pll",
                "item_id": f"i{n}",
                "sentence_id": f"i{n}",
                "cluster_id": f"g{n // 2}" if clusters else None,
            }
            items += [
                {**about, "relation": paradigm, "metric": "accuracy",
                 "numerator": value, "denominator": 1.0},
                {**about, "relation": paradigm, "metric": "margin",
                 "numerator": 2 * value - 1.0, "denominator": 1.0},
                {**about, "relation": "all", "metric": "overall_accuracy",
                 "numerator": value / len(of), "denominator": 1 / len(of)},
            ]  # fmt: skip
            n += 1
    frame = pd.DataFrame(items)
    sums = frame.groupby(["metric", "relation"], sort=False)[["numerator", "denominator"]].sum()
    rows = [
        {"probe": "minimal-pairs", "variant": "pll", "unit": "model", "metric": metric,
         "relation": relation, "value": one.numerator / one.denominator}
        for (metric, relation), one in sums.iterrows()
    ]  # fmt: skip
    return ProbeResult("minimal-pairs", rows_frame(rows), lambda: items_frame(frame))


def test_each_row_names_its_method():
    found = pair_intervals(result(False)).set_index(["metric", "relation"])
    assert found.loc[("accuracy", "a"), "ci_method"] == EXACT
    low, high = clopper_pearson(16, 24)
    assert found.loc[("accuracy", "a"), ["ci_low", "ci_high"]].tolist() == [low, high]
    assert found.loc[("overall_accuracy", "all"), "ci_method"] == STRATIFIED
    assert "bootstrap" in found.loc[("margin", "a"), "ci_method"]
    found = pair_intervals(result(True)).set_index(["metric", "relation"])
    assert "clusters" in found.loc[("accuracy", "a"), "ci_method"]
    assert found.loc[("overall_accuracy", "all"), "ci_method"] == OVER_CLUSTERS
