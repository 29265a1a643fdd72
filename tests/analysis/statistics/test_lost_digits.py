"""Statistics of nearly equal numbers keep their digits."""

import numpy as np
import pytest
from subprobe.analysis.statistics.uncertainty import bootstrap_interval
from subprobe.analysis.statistics.weighted import sums, weighted_scores


def test_resampled_sums_of_nearly_equal_models():
    rng = np.random.default_rng(0)
    first = rng.random((500, 3))
    second = first + 1e-7 * rng.random((500, 3))
    weights = rng.integers(0, 3, (20, 500)).astype(np.float32)
    exact = weights.astype(np.float64) @ (second - first)
    np.testing.assert_allclose(sums(weights, second) - sums(weights, first), exact, rtol=1e-5)
    plain = [(weights @ one.astype(np.float32)).astype(np.float64) for one in (first, second)]
    assert (np.abs(plain[1] - plain[0] - exact) / exact).max() > 0.1


def test_resampled_counts_are_exact():
    rng = np.random.default_rng(1)
    counts = rng.integers(0, 9, (300, 2)).astype(np.float64)
    weights = rng.integers(0, 3, (10, 300)).astype(np.float32)
    expected = weights.astype(np.int64) @ counts.astype(np.int64)
    assert (sums(weights, counts) == expected).all()


@pytest.mark.parametrize("n", [3, 6, 10, 30])
@pytest.mark.parametrize("metric", ["pearson", "spearman", "pearson_spearman"])
def test_constants_have_no_correlation_however_their_mean_is_rounded(n, metric):
    for one, other in ((0.7, 0.1), (1 / 3, 2 / 3), (0.1, 0.3)):
        first, second = np.full(n, one), np.full(n, other)
        found = bootstrap_interval(metric, first, second, resamples=20)
        # every resample scores 0, which is no spread to tell
        assert np.isnan([found.low, found.high]).all()
        weights = np.ones((1, n), dtype=np.float32)
        assert weighted_scores(metric, first[:, None], second, weights)[0, 0] == 0
    # what the plain formula gives: the rounding of two means, perfectly correlated
    apart = [np.full(30, v) - np.full(30, v).mean() for v in (0.7, 0.1)]
    assert abs((apart[0] * apart[1]).sum()) / np.linalg.norm(apart[0]) / np.linalg.norm(
        apart[1]
    ) == pytest.approx(1)


@pytest.mark.parametrize("unit", [1, 1e-6, 1e-13, 1e-20])
def test_correlation_does_not_depend_on_the_unit(unit):
    rng = np.random.default_rng(2)
    x = rng.normal(size=50)
    y = x + rng.normal(size=50)
    weights = np.ones((1, 50), dtype=np.float32)
    found = weighted_scores("pearson", (unit * x)[:, None], y, weights)[0, 0]
    assert found == pytest.approx(np.corrcoef(x, y)[0, 1])
