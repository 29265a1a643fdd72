"""Spread and correlations over masks, against scipy and plain computations."""

from itertools import permutations
from math import factorial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from subprobe.analysis.same_score.beside import (
    FEWEST_FOR_P,
    bonett_wright,
    correlation_lines,
    residual_sd,
    smallest_r,
    spread_line,
)
from subprobe.analysis.same_score.measure import measure_points
from subprobe.analysis.same_score.points import FULL, Line, Points

SCORES = [0.81, 0.82, 0.80, 0.83, 0.815, 0.805]
OTHERS = [0.10, 0.02, 0.07, 0.05, 0.01, 0.12]


def line_of(values, metric="m", **more):
    names = [str(place) for place in range(len(values))]
    about = {"probe": "p", "relation": "", "better": "higher", "primary": False, "full": 0.9,
             **more}  # fmt: skip
    return Line(metric=metric, values=pd.Series(values, index=names), **about)


def both(scores=SCORES, others=OTHERS):
    pearson, spearman = correlation_lines(line_of(others), line_of(scores, "score"), 500, 0)
    return pearson, spearman


def test_correlations_are_those_of_scipy():
    pearson, spearman = both()
    assert pearson["r"] == pytest.approx(stats.pearsonr(SCORES, OTHERS).statistic)
    assert spearman["r"] == pytest.approx(stats.spearmanr(SCORES, OTHERS).statistic)
    for one, of in ((pearson, stats.pearsonr), (spearman, stats.spearmanr)):
        null = [abs(of(SCORES, list(order)).statistic) for order in permutations(OTHERS)]
        assert one["p_value"] == pytest.approx(
            np.mean(np.array(null) >= abs(one["r"]) - 1e-12), abs=1e-12
        )
        assert one["test"] == "masks permuted (720, all)"


def test_five_masks_are_the_fewest_for_a_test():
    assert FEWEST_FOR_P == 5
    assert 2 / factorial(5) <= 0.05 < 2 / factorial(4)
    for one in both(SCORES[:4], OTHERS[:4]):
        assert np.isnan(one["p_value"])
        assert "a test needs 5" in one["note"]
        assert np.isfinite(one["r"])
    for one in both(SCORES[:2], OTHERS[:2]):
        assert "a correlation needs 3" in one["note"]


def test_equal_scores_have_no_correlation_and_a_spread():
    equal = [0.8] * 6
    assert all("does not vary" in one["note"] for one in both(equal))
    found = spread_line(line_of(OTHERS), line_of(equal, "score"), 0)
    # nothing is explained by a score that does not vary
    assert found["sd_at_equal_score"] == pytest.approx(np.std(OTHERS) * np.sqrt(6 / 4))
    assert (found["lowest"], found["highest"]) == (0.01, 0.12)


def test_the_spread_at_equal_score_is_that_of_the_residuals():
    fit = stats.linregress(SCORES, OTHERS)
    residuals = np.array(OTHERS) - fit.intercept - fit.slope * np.array(SCORES)
    assert residual_sd(np.array(SCORES), np.array(OTHERS)) == pytest.approx(
        np.sqrt((residuals**2).sum() / 4)
    )


@given(st.lists(st.floats(0, 1), min_size=4, max_size=12, unique=True), st.floats(0.1, 3))
def test_nothing_remains_at_equal_score_where_the_score_says_all(scores, slope):
    values = np.array(scores)
    if np.ptp(values) > 0.01:
        assert residual_sd(values, slope * values + 1) == pytest.approx(0, abs=1e-9)


def test_the_smallest_correlation_is_where_students_p_is_05():
    for n in (5, 12, 30):
        r = smallest_r(n)
        t = r * np.sqrt((n - 2) / (1 - r**2))
        assert 2 * stats.t.sf(t, n - 2) == pytest.approx(0.05)
    assert smallest_r(12) == pytest.approx(0.576, abs=5e-4)


@pytest.mark.parametrize("correlation", ["pearson", "spearman"])
@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_limits_cover_the_true_correlation(correlation, rho):
    rng = np.random.default_rng(3)
    truth = rho if correlation == "pearson" else 6 / np.pi * np.arcsin(rho / 2)
    n, inside = 10, []
    for _ in range(600):
        x = rng.normal(size=n)
        y = rho * x + np.sqrt(1 - rho**2) * rng.normal(size=n)
        found = list(correlation_lines(line_of(y), line_of(x, "score"), 99, 0))
        one = next(line for line in found if line["correlation"] == correlation)
        inside.append(one["ci_low"] <= truth <= one["ci_high"])
    assert np.mean(inside) >= 0.93


def test_limits_of_spearman():
    low, high = bonett_wright(0.5, 20)
    error = np.sqrt((1 + 0.125) / 17)
    assert np.arctanh(high) - np.arctanh(0.5) == pytest.approx(stats.t.ppf(0.975, 18) * error)
    assert np.arctanh(0.5) - np.arctanh(low) == pytest.approx(stats.t.ppf(0.975, 18) * error)
    assert np.isnan(bonett_wright(1.0, 20)[0])
    assert np.isnan(bonett_wright(0.5, 3)[0])


def test_the_interval_of_a_share_stays_within_its_range():
    nearly = line_of([0.999, 1.0, 1.0, 1.0], share=True)
    assert spread_line(nearly, None, 0)["ci_high"] == 1.0
    assert spread_line(line_of([0.999, 1.0, 1.0, 1.0]), None, 0)["ci_high"] > 1.0
    one = spread_line(line_of([0.5]), None, 0)
    assert one["ci_method"] == "no interval: one mask"


def made_points(n=6):
    lines = []
    for mask in [FULL, *map(str, range(n))]:
        place = -1 if mask == FULL else int(mask)
        for metric, values in (("score", SCORES), ("other", OTHERS)):
            lines.append(
                {"mask": mask, "kind": FULL if mask == FULL else "good", "probe": "p",
                 "metric": metric, "primary": metric == "score", "better": "higher", "n": 50,
                 "value": 0.9 if place < 0 else values[place]}
            )  # fmt: skip
    return Points.of(lines)


def test_tables_of_points():
    found = measure_points(made_points())
    assert found.spread["metric"].tolist() == ["score", "other"]
    assert found.spread["full"].tolist() == [0.9, 0.9]
    assert found.correlations["correlation"].tolist() == ["pearson", "spearman"]
    # one test of each kind of correlation: nothing to correct
    assert (found.correlations["p_value"] == found.correlations["p_adjusted"]).all()
    assert found.correlations["resampled"].str.startswith("masks").all()
    assert found.notes.empty
    assert "it needs 5" in measure_points(made_points(4)).notes["note"].iloc[0]


def test_the_order_of_masks_changes_nothing():
    points = made_points()
    turned = Points(points.table.iloc[::-1].reset_index(drop=True))
    first, second = measure_points(points), measure_points(turned)
    columns = ["mean", "sd", "lowest", "highest", "sd_at_equal_score"]
    ordered = second.spread.set_index("metric").loc[first.spread["metric"], columns]
    assert ordered.to_numpy(float) == pytest.approx(
        first.spread[columns].to_numpy(float), nan_ok=True
    )
    assert second.correlations["r"].tolist() == pytest.approx(first.correlations["r"].tolist())
