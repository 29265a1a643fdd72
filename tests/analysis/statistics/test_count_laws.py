"""The laws of counts equal those of scipy.stats bit for bit, with and without its own functions."""

import numpy as np
import pytest
from scipy.stats import binom, chi2, hypergeom
from subprobe.analysis.statistics import count_laws
from subprobe.analysis.statistics.count_laws import (
    binomial_cdf,
    binomial_pmf,
    chi2_sf,
    hypergeometric_pmf,
)


@pytest.fixture(params=[True, False], ids=["functions", "scipy.stats"])
def either(request, monkeypatch):
    """A scipy with the functions behind its laws, and one without them."""
    if not request.param:
        for name in ("_HYPERGEOMETRIC", "_BINOMIAL", "_BINOMIAL_SUM"):
            monkeypatch.setattr(count_laws, name, None)
    else:
        assert count_laws._HYPERGEOMETRIC is not None


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("n", [1, 7, 72, 144, 3072])
def test_shared_units_have_the_law_of_scipy(n):
    rng = np.random.default_rng(n)
    for _ in range(20):
        first, second = rng.integers(0, n + 1, 2)
        shared = np.arange(n + 1)
        expected = hypergeom.pmf(shared, n, first, second)
        assert np.array_equal(hypergeometric_pmf(shared, n, first, second), expected)
    # one number, and the form in which one set is itself a count
    assert hypergeometric_pmf(1, n, 1, 1) == hypergeom.pmf(1, n, 1, 1)
    common = np.arange(min(n, 72) + 1)
    both = hypergeometric_pmf(common[:, None], n, common[None, :], n // 2)
    assert np.array_equal(both, hypergeom.pmf(common[:, None], n, common[None, :], n // 2))


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("n", [0, 1, 2, 15, 872, 9815])
def test_successes_have_the_law_of_scipy(n):
    k = np.unique(np.linspace(0, n, 40).astype(int))
    for p in (0.5, 0.3):
        assert np.array_equal(binomial_pmf(k, n, p), binom.pmf(k, n, p))
        assert [binomial_cdf(int(one), n, p) for one in k] == binom.cdf(k, n, p).tolist()


def test_chi_squared_has_the_tail_of_scipy():
    for statistic in (0.0, 0.3, 4.083, 250.0):
        assert [chi2_sf(statistic, df) for df in (1, 4, 99)] == chi2.sf(
            statistic, [1, 4, 99]
        ).tolist()
