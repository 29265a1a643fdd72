"""Calibration errors against plain loops, and what holds of any forecasts."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from subprobe.analysis.calibration.binned import (
    calibrated,
    inner_edges,
    measured,
    places_of,
)
from subprobe.analysis.calibration.curve import reliability
from subprobe.analysis.calibration.forecasts import made_forecasts, of_two_classes
from subprobe.analysis.calibration.summary import resampled_measures, summed


def forecasts(confidence, right, units=None):
    """Two-class forecasts of one model with these confidences."""
    sure, hit = np.asarray(confidence, float), np.asarray(right, float)
    gold = np.where(hit > 0, sure, 1 - sure)
    n = len(sure)
    ids = tuple(f"e{place}" for place in range(n))
    units = np.arange(n) if units is None else np.asarray(units)
    return of_two_classes(ids, units, gold[:, None], hit[:, None])


def plain_errors(confidence, right, bins=15, *, mass=False):
    """ECE and MCE as in Guo et al., bin by bin."""
    n = len(confidence)
    members = [[] for _ in range(bins)]
    if mass:
        ordered = sorted(confidence)
        limits = [ordered[max(math.ceil(k * n / bins), 1) - 1] for k in range(1, bins)]
    else:
        limits = [k / bins for k in range(1, bins)]
    for place, sure in enumerate(confidence):
        members[sum(sure > limit for limit in limits)].append(place)
    ece, mce = 0.0, 0.0
    for inside in filter(None, members):
        gap = abs(sum(right[i] for i in inside) - sum(confidence[i] for i in inside)) / len(inside)
        ece += len(inside) / n * gap
        mce = max(mce, gap)
    return ece, mce


some = st.lists(
    st.tuples(st.floats(0.5, 1), st.integers(0, 1)), min_size=1, max_size=40
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(some, st.integers(2, 20))
def test_errors_are_those_of_a_plain_loop(pairs, bins):
    sure, right = map(list, zip(*pairs, strict=True))
    found = measured(forecasts(sure, right), np.ones((1, len(sure)), np.float32), bins)
    ece, mce = plain_errors(sure, right, bins)
    assert found["ece"][0, 0] == pytest.approx(ece, abs=1e-9)
    assert found["mce"][0, 0] == pytest.approx(mce, abs=1e-9)
    equal, _ = plain_errors(sure, right, bins, mass=True)
    assert found["ece_adaptive"][0, 0] == pytest.approx(equal, abs=1e-9)
    # the bins cannot hide more than their mean, nor show more than single examples
    gap = abs(np.mean(sure) - np.mean(right))
    assert gap - 1e-9 <= ece <= mce + 1e-9 <= 1 + 2e-9
    assert found["overconfidence"][0, 0] == pytest.approx(np.mean(sure) - np.mean(right))


def test_a_resample_counts_copies():
    rng = np.random.default_rng(4)
    sure, right = rng.uniform(0.5, 1, 60), rng.integers(0, 2, 60)
    chosen = rng.integers(0, 60, 60)
    weights = np.bincount(chosen, minlength=60)[None].astype(np.float32)
    found = measured(forecasts(sure, right), weights)
    ece, mce = plain_errors(sure[chosen].tolist(), right[chosen].tolist())
    assert found["ece"][0, 0] == pytest.approx(ece)
    assert found["mce"][0, 0] == pytest.approx(mce)


def test_a_bin_has_its_upper_limit():
    edges = inner_edges(np.array([0.5]), 10)
    assert places_of(np.array([0.1, 0.10001, 0.2, 0.95, 1.0]), edges).tolist() == [0, 1, 1, 9, 9]


def test_bins_of_equal_mass_hold_equally_many():
    sure = np.random.default_rng(0).permutation(np.linspace(0.5, 0.9, 45))
    places = places_of(sure, inner_edges(sure, 15, mass=True))
    assert np.bincount(places).tolist() == [3] * 15


def test_brier_and_likelihood_of_several_classes():
    likely = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    gold = np.array([0, 1])
    brier = np.array([0.3**2 + 0.2**2 + 0.1**2, 0.1**2 + 0.7**2 + 0.6**2])
    found = made_forecasts(
        ("a", "b"), np.arange(2), np.array([[0.7], [0.6]]), np.array([[1.0], [0.0]]),
        brier[:, None], likely[[0, 1], gold][:, None],
    )  # fmt: skip
    scores = measured(found, np.ones((1, 2), np.float32))
    assert scores["brier"][0, 0] == pytest.approx(brier.mean())
    assert scores["nll"][0, 0] == pytest.approx(-(np.log(0.7) + np.log(0.3)) / 2)


def test_two_classes_need_only_the_probability_of_the_label():
    found = forecasts([0.9, 0.6], [1, 0])
    assert found.brier[:, 0] == pytest.approx([2 * 0.1**2, 2 * 0.6**2])
    assert found.nll[:, 0] == pytest.approx([-np.log(0.9), -np.log(0.4)])
    assert np.isfinite(forecasts([1.0], [0]).nll).all()


def test_a_calibrated_model_is_its_own_null():
    rng = np.random.default_rng(1)
    sure = rng.uniform(0.5, 1, 200)
    right = rng.random(200) < sure
    [ece] = [m for m in summed(resampled_measures({1: forecasts(sure, right)}, resamples=200))
             if m.metric == "ece"]  # fmt: skip
    assert ece.p_value > 0.05
    assert ece.low == 0 < ece.calibrated
    assert ece.value < 2 * ece.calibrated
    # a model that is always sure and half right is not
    sure_of_all = resampled_measures({1: forecasts(np.full(200, 0.99), right)}, resamples=200)
    wrong = {m.metric: m for m in summed(sure_of_all)}
    assert wrong["ece"].p_value == pytest.approx(1 / 201)
    assert wrong["ece"].low > 0.1
    assert wrong["overconfidence"].value == pytest.approx(0.99 - right.mean())
    assert wrong["ece_debiased"].value <= wrong["ece"].value


def test_a_null_of_clusters_moves_them_together():
    """With one outcome per source, the null is wider than that of as many independent examples."""
    rng = np.random.default_rng(2)
    sure = np.repeat(rng.uniform(0.5, 1, 25), 8)
    right = np.repeat(rng.random(25) < sure[::8], 8)
    alone = calibrated(forecasts(sure, right), 300)["ece"].mean()
    together = calibrated(forecasts(sure, right, np.repeat(np.arange(25), 8)), 300)["ece"].mean()
    assert together > 1.5 * alone


def test_the_curve_counts_every_prediction():
    rng = np.random.default_rng(3)
    sure = rng.uniform(0.5, 1, 80)
    right = (rng.random(80) < sure).astype(float)
    one = forecasts(sure, right)
    lines = list(reliability({1: one}, bins=10, resamples=50))
    assert [line["bin"] for line in lines] == [5, 6, 7, 8, 9]
    assert sum(line["n"] for line in lines) == 80
    for line in lines:
        inside = (sure > line["bin_low"]) & (sure <= line["bin_high"])
        assert line["value"] == pytest.approx(right[inside].mean())
        assert line["confidence"] == pytest.approx(sure[inside].mean())
        assert line["ci_low"] <= line["value"] <= line["ci_high"]
        assert "exact" in line["ci_method"]
    # the distance of the curve from the diagonal is the error
    gaps = [line["n"] / 80 * abs(line["value"] - line["confidence"]) for line in lines]
    ece, _ = plain_errors(sure.tolist(), right.tolist(), 10)
    assert sum(gaps) == pytest.approx(ece)
    # a second seed of the same model doubles the predictions, not the sources
    twice = list(reliability({1: one, 2: one}, bins=10, resamples=50))
    assert [line["n"] for line in twice] == [2 * line["n"] for line in lines]
    assert [line["n_clusters"] for line in twice] == [line["n"] for line in lines]
    assert all("bootstrap" in line["ci_method"] for line in twice)


def test_one_example_has_no_interval():
    lines = summed(resampled_measures({1: forecasts([0.9], [1])}, resamples=20))
    assert all(np.isnan(line.low) for line in lines)
    assert {line.method for line in lines} == {"no interval: there is only one independent unit"}
