"""HSIC against its definition, its permutation test, and the strata of gold labels."""

import numpy as np
import pytest
from subprobe.analysis.hypotheses.independence import MOST_POINTS, factors, hsic_test


def plain_hsic(x, y):
    """Gretton et al. (2005): trace(K H L H) / n^2 with Gaussian kernels, median bandwidths."""
    n = len(x)

    def kernel(values):
        apart = sorted(
            abs(a - b) for i, a in enumerate(values) for j, b in enumerate(values)
            if i != j and a != b
        )  # fmt: skip
        sigma = np.median(apart)
        gaps = np.subtract.outer(values, values)
        return np.exp(-(gaps**2) / (2 * sigma**2))

    centre = np.eye(n) - np.ones((n, n)) / n
    return np.trace(kernel(x) @ centre @ kernel(y) @ centre) / n**2


@pytest.mark.parametrize("n", [5, 20, 40])
def test_the_statistic_is_that_of_the_paper(n):
    rng = np.random.default_rng(n)
    x = rng.normal(size=n)
    y = x**2 + rng.normal(size=n)
    assert hsic_test(x, y, permutations=19).hsic == pytest.approx(plain_hsic(x, y), abs=1e-10)


def test_strata_are_weighted_by_their_shares():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 30))
    strata = [0] * 12 + [1] * 18
    expected = 0.4 * plain_hsic(x[:12], y[:12]) + 0.6 * plain_hsic(x[12:], y[12:])
    assert hsic_test(x, y, strata, permutations=19).hsic == pytest.approx(expected, abs=1e-10)


def test_a_dependence_without_correlation_is_found():
    rng = np.random.default_rng(2)
    x = rng.normal(size=120)
    found = hsic_test(x, x**2 + 0.1 * rng.normal(size=120), permutations=199)
    assert abs(np.corrcoef(x, x**2)[0, 1]) < 0.3
    assert found.p_value == pytest.approx(1 / 200) == found.floor


def test_agreement_on_the_labels_alone_is_no_dependence():
    # both models know which class is frequent, and nothing else
    rng = np.random.default_rng(3)
    labels = rng.random(200) < 0.5
    x, y = (np.where(labels, 0.8, 0.2) + 0.01 * rng.normal(size=200) for _ in range(2))
    assert hsic_test(x, y, permutations=99).p_value == pytest.approx(0.01)
    assert hsic_test(x, y, labels.tolist(), permutations=99).p_value > 0.05


def test_constants_and_small_samples_have_no_small_p():
    x = np.arange(10.0)
    flat = hsic_test(np.ones(10), x, permutations=99)
    assert (flat.hsic, flat.p_value, flat.constant) == (0.0, 1.0, True)
    three = hsic_test(x[:3], x[:3], permutations=99)
    assert three.floor == pytest.approx(1 / 6)
    assert factors(np.ones(4)).shape == (4, 0)


def test_the_seed_gives_the_same_p_and_large_samples_are_cut():
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(2, MOST_POINTS + 50))
    first, second = (hsic_test(x, y, permutations=19, seed=7) for _ in range(2))
    assert first == second
    assert first.n == MOST_POINTS
