"""Exact tests of shares: floors, a plain binomial sum as oracle, and monotonicity."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from subprobe.analysis.hypotheses.asked import Asked
from subprobe.analysis.hypotheses.lines import check_draws, equivalence_line
from subprobe.analysis.hypotheses.share_tests import (
    best_equivalent,
    least_draws,
    least_trials,
    p_above,
    p_equivalent,
)
from subprobe.data.errors import ConfigError


def at_least(k, n, chance):
    """P(X >= k), summed term by term."""
    return sum(math.comb(n, i) * chance**i * (1 - chance) ** (n - i) for i in range(k, n + 1))


@pytest.mark.parametrize(("n", "floor"), [(20, 0.1216), (28, 0.0523), (29, 0.0471), (100, 2.66e-5)])
def test_the_smallest_p_is_the_share_to_the_power_of_draws(n, floor):
    assert p_above(n, n, 0.9) == pytest.approx(floor, rel=2e-3)
    assert p_above(n, n, 0.9) == pytest.approx(0.9**n, rel=1e-9)


def test_the_least_draws_reach_the_level_and_one_less_does_not():
    assert least_draws(0.9) == 29
    assert least_draws(0.9, alpha=0.01) == 44
    for share in (0.1, 0.5, 0.75, 0.9, 0.95, 0.99):
        for tests in (1, 3, 40):
            n = least_draws(share, tests)
            assert p_above(n, n, share) * tests <= 0.05 + 1e-12
            assert n == 1 or p_above(n - 1, n - 1, share) * tests > 0.05


@given(st.integers(1, 60), st.data(), st.floats(0.05, 0.95))
def test_p_of_a_share_is_the_tail_of_the_binomial_law(n, data, share):
    wins = data.draw(st.integers(0, n))
    assert p_above(wins, n, share) == pytest.approx(at_least(wins, n, share), abs=1e-9)


@given(st.integers(1, 60), st.data(), st.floats(0.02, 0.45))
def test_equivalence_takes_the_worse_of_both_boundaries(n, data, margin):
    wins = data.draw(st.integers(0, n))
    above = at_least(wins, n, 0.5 - margin)
    below = 1 - at_least(wins + 1, n, 0.5 + margin) if wins < n else 1.0
    assert p_equivalent(wins, n, margin) == pytest.approx(max(above, below), abs=1e-9)
    # a model that wins as often as it loses cannot be told from its mirror image
    assert p_equivalent(n - wins, n, margin) == pytest.approx(p_equivalent(wins, n, margin))


def test_halves_count_against_equivalence():
    for wins in (48, 49, 50, 51):
        half = p_equivalent(wins + 0.5, 100, 0.1)
        assert half >= max(p_equivalent(wins, 100, 0.1), p_equivalent(wins + 1, 100, 0.1)) - 1e-12


def test_the_mean_difference_would_be_another_question():
    # one model scores slightly higher on every example: no equivalence, however small the mean is
    assert p_equivalent(200, 200, 0.1) > 0.999
    assert p_equivalent(100, 200, 0.1) < 0.005


@pytest.mark.parametrize("margin", [0.05, 0.1, 0.2, 0.4])
def test_the_least_trials_of_equivalence(margin):
    n = least_trials(margin)
    assert best_equivalent(n, margin) <= 0.05
    assert all(best_equivalent(fewer, margin) > 0.05 for fewer in range(1, n))
    assert best_equivalent(n, margin) == min(p_equivalent(w, n, margin) for w in range(n + 1))


def test_an_odd_number_of_trials_is_told_the_next_one_that_suffices():
    units = np.arange(77)
    line = equivalence_line(np.zeros(77), np.zeros(77), units, 0.1)
    assert best_equivalent(77, 0.1) > 0.05 >= best_equivalent(78, 0.1)
    assert line["least_n"] == 78
    assert line["flag"] == "77 independent examples: at least 78 are needed"
    assert least_trials(0.1) == least_trials(0.1, start=60) == 76


def test_two_profiles_need_more_draws_than_one():
    check_draws(29, 0.9)
    check_draws(36, 0.9, 2)
    with pytest.raises(ConfigError, match=r"35 draws .* p corrected over 2 profiles is 0\.0501"):
        check_draws(35, 0.9, 2)
    Asked(draws=29, match=("model", "layer"), hypotheses=("minimality",))
    with pytest.raises(ConfigError, match="use at least 36 draws"):
        Asked(draws=29, match=("model", "layer"))
