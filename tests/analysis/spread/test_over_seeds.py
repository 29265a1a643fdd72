"""Means, grids and correlations over seeds, against plain computations."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from subprobe.analysis.spread.over_seeds import (
    correlation,
    fisher_limits,
    mean_over_seeds,
    sd_limits,
)
from subprobe.analysis.spread.seed_grid import (
    INIT,
    ORDER,
    RESIDUAL,
    crossed,
    grid_in,
    variance_parts,
)
from subprobe.analysis.statistics.paired import run_weights
from subprobe.data.seeds import Grid, grid_of

GRID = Grid((1, 2, 3), (1, 2, 3, 4))


def values_of(seed=0, shape=(3, 4)):
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape) + 2 * rng.normal(size=(shape[0], 1)) + rng.normal(size=shape[1])


def test_the_interval_of_a_mean_is_students():
    values = values_of().ravel()[:6]
    found = mean_over_seeds(values, None, 20_000, 0)
    low, high = stats.t.interval(0.95, 5, values.mean(), stats.sem(values))
    assert found["mean"] == pytest.approx(values.mean())
    assert found["sd"] == pytest.approx(values.std(ddof=1))
    assert (found["ci_low"], found["ci_high"]) == (
        pytest.approx(low, abs=0.03 * (high - low)), pytest.approx(high, abs=0.03 * (high - low)),
    )  # fmt: skip
    assert found["range"] == found["highest"] - found["lowest"]


def test_limits_of_a_standard_deviation_cover_it():
    rng = np.random.default_rng(5)
    drawn = rng.normal(size=(2000, 5)).std(axis=1, ddof=1)
    inside = [low <= 1 <= high for low, high in (sd_limits(sd, 5) for sd in drawn)]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.02)


def test_equal_values_and_one_seed_have_no_interval():
    for values, word in (([0.5, 0.5, 0.5], "same value"), ([0.5], "one seed")):
        found = mean_over_seeds(np.array(values), None, 100, 0)
        assert "ci_low" not in found
        assert word in found["ci_method"]


def test_a_grid_is_resampled_by_rows_and_columns():
    weights = run_weights(12, GRID, 4000, 0)
    assert weights.sum(axis=1) == pytest.approx(1)
    cells = weights.reshape(-1, 3, 4)
    rows, columns = cells.sum(axis=2), cells.sum(axis=1)
    assert cells == pytest.approx(rows[:, :, None] * columns[:, None, :])
    # what varies between rows alone is as uncertain as three runs, not twelve
    effect = np.repeat([0.0, 1.0, 2.0], 4)
    assert (weights @ effect).std() == pytest.approx(np.sqrt(2 / 3 / 3), rel=0.05)


def test_a_grid_must_be_complete_and_have_two_of_each():
    pairs = GRID.pairs
    assert grid_of(pairs[::-1]) == GRID
    assert grid_of(pairs[:-1]) is None
    assert grid_of([*pairs, pairs[0]]) is None
    assert grid_of([(1, 1), (1, 2)]) is None


def test_one_row_of_seeds_is_not_crossed():
    def runs(*pairs):
        return pd.DataFrame(pairs, columns=["seed_init", "seed_order"])

    assert not crossed(runs((1, 1), (1, 2), (1, 3)))
    assert not crossed(runs((1, 1), (2, 2), (3, 3)))
    assert crossed(runs((1, 1), (1, 2), (2, 2)))
    assert grid_in(runs((1, 1), (1, 2), (2, 2))) is None


def test_variance_parts_are_those_of_an_analysis_of_variance():
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    values = values_of(3)
    frame = pd.DataFrame({"y": values.ravel(), "i": np.repeat(list("abc"), 4),
                          "j": np.tile(list("wxyz"), 3)})  # fmt: skip
    table = anova_lm(ols("y ~ C(i) + C(j)", frame).fit())
    found = {line["source"]: line for line in variance_parts(values)}
    for source, row in ((INIT, "C(i)"), (ORDER, "C(j)"), (RESIDUAL, "Residual")):
        assert found[source]["df"] == table.loc[row, "df"]
        assert found[source]["sum_of_squares"] == pytest.approx(table.loc[row, "sum_sq"])
        if source != RESIDUAL:
            assert found[source]["f"] == pytest.approx(table.loc[row, "F"])
            assert found[source]["p_value"] == pytest.approx(table.loc[row, "PR(>F)"])
    assert sum(line["share"] for line in found.values()) == pytest.approx(1)
    assert sum(line["share_of_squares"] for line in found.values()) == pytest.approx(1)


def test_variance_parts_find_what_was_planted():
    rng = np.random.default_rng(1)
    mean = np.zeros(3)
    for _ in range(200):
        values = (
            2 * rng.normal(size=(6, 1)) + rng.normal(size=(1, 7)) + 0.5 * rng.normal(size=(6, 7))
        )
        mean += [line["variance"] for line in variance_parts(values)]
    assert mean / 200 == pytest.approx([4, 1, 0.25], rel=0.2)


@given(st.integers(2, 4), st.integers(2, 4), st.integers(0, 99))
def test_variance_parts_do_not_know_the_names_of_seeds(height, width, seed):
    values = values_of(seed, (height, width))
    rng = np.random.default_rng(seed)
    moved = values[rng.permutation(height)][:, rng.permutation(width)] * 3 + 7
    for one, other in zip(variance_parts(values), variance_parts(moved), strict=True):
        assert other["variance"] == pytest.approx(9 * one["variance"], abs=1e-9)
        assert other["share"] == pytest.approx(one["share"], abs=1e-9)
    turned = {line["source"]: line for line in variance_parts(values.T)}
    assert turned[ORDER]["variance"] == pytest.approx(variance_parts(values)[0]["variance"])


def test_a_constant_grid_has_no_shares_and_no_test():
    for line in variance_parts(np.full((2, 3), 0.5)):
        assert line["variance"] == 0
        assert "share" not in line
        assert "p_value" not in line


def test_a_correlation_is_tested_over_all_orders():
    x, y = np.array([1.0, 2, 3, 5]), np.array([2.0, 1, 4, 9])
    found = correlation(x, y, None, 99, 0)
    r = stats.pearsonr(x, y).statistic
    null = [stats.pearsonr(x, y[list(order)]).statistic for order in permutations(range(4))]
    assert found["r"] == pytest.approx(r)
    assert found["p_value"] == pytest.approx(np.mean([abs(one) >= abs(r) - 1e-9 for one in null]))
    assert found["test"] == "runs permuted (24, all)"


def test_a_correlation_of_many_runs_samples_orders():
    rng = np.random.default_rng(2)
    x = rng.normal(size=20)
    strong, none = x + 0.1 * rng.normal(size=20), rng.normal(size=20)
    assert correlation(x, strong, None, 999, 0)["p_value"] == pytest.approx(0.002)
    found = correlation(x, none, None, 999, 0)
    assert found["p_value"] == pytest.approx(stats.pearsonr(x, none).pvalue, abs=0.06)
    assert found["r_low"] < found["r"] < found["r_high"]


def test_a_grid_permutes_rows_and_columns_whole():
    x, y = np.repeat([0.0, 1, 5], 4), np.repeat([1.0, 2, 7], 4)
    found = correlation(x, y, GRID, 99, 0)
    assert found["test"] == "rows and columns permuted (144, all)"
    # the three rows carry everything: one order in six, if runs were alone p would be tiny
    assert found["p_value"] == pytest.approx(1 / 6)
    assert "r_low" not in found


def test_what_does_not_vary_has_no_correlation():
    assert correlation(np.ones(4), np.arange(4.0), None, 99, 0) == {}
    assert correlation(np.arange(2.0), np.arange(2.0), None, 99, 0) == {}
    assert np.isnan(fisher_limits(1.0, 5)[0])
