"""Tests of differences in calibration against explicit exchanges of forecasts."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from subprobe.analysis.calibration.binned import BINNED, MEANS, measured
from subprobe.analysis.calibration.exchange import UNTESTED, exchange_tests
from subprobe.analysis.calibration.forecasts import of_two_classes

NAMES = tuple(name for name in MEANS if name not in BINNED)


def made(sharpness, n=10, draws=1, seed=0, members=1):
    rng = np.random.default_rng([seed, round(10 * sharpness), n])
    gold = 1 / (1 + np.exp(-sharpness * rng.normal(0.6, 1, size=(n, draws))))
    units = np.repeat(np.arange(n // members), members)
    ids = tuple(f"e{place}" for place in range(n))
    return of_two_classes(ids, units, gold, (gold > 0.5).astype(float))


def swapped(first, second, swap):
    """The first model's forecasts, with the second's where they change places."""
    parts = {
        name: np.where(swap[:, None], getattr(second, name), getattr(first, name))
        for name in ("confidence", "right", "brier", "nll")
    }
    return replace(first, **parts)


def gaps_of(first, second, swap):
    once = np.ones((1, len(swap)), dtype=np.float32)
    sides = [measured(swapped(*pair, swap), once) for pair in
             ((first, second), (second, first))]  # fmt: skip
    return {name: float((sides[0][name] - sides[1][name]).mean()) for name in NAMES}


@pytest.mark.parametrize("members", [1, 2])
def test_p_is_the_share_of_all_exchanges(members):
    n = 8 * members
    first, second = made(3.0, n, members=members), made(0.8, n, seed=1, members=members)
    seen = gaps_of(first, second, np.zeros(n, dtype=bool))
    every = [gaps_of(first, second, np.repeat(np.array(ways, dtype=bool), members))
             for ways in product((0, 1), repeat=8)]  # fmt: skip
    found = exchange_tests({1: first}, {1: second}, [1], draws=3999)
    for name in NAMES:
        exact = np.mean([abs(gap[name]) >= abs(seen[name]) - 1e-9 for gap in every])
        error = np.sqrt(exact * (1 - exact) / 3999)
        assert found[name].p_value == pytest.approx(exact, abs=5 * error + 1e-3), name


def test_binned_errors_have_no_p_and_say_why():
    first, second = made(3.0, 40), made(0.8, 40, seed=1)
    found = exchange_tests({1: first}, {1: second}, [1], draws=199)
    assert set(found) == {*BINNED, *NAMES}
    for name in BINNED:
        assert np.isnan(found[name].p_value)
        assert "biased by different amounts" in found[name].flag


def test_the_order_of_two_models_and_more_draws_of_one_do_not_matter():
    first, second = made(3.0, 40), made(0.8, 40, seed=1)
    a = exchange_tests({1: first}, {1: second}, [1], draws=199)
    b = exchange_tests({1: second}, {1: first}, [1], draws=199)
    twice = replace(second, **{name: np.repeat(getattr(second, name), 3, axis=1)
                               for name in ("confidence", "right", "brier", "nll")})  # fmt: skip
    c = exchange_tests({1: first, 2: first}, {1: twice, 2: twice}, [1, 2], draws=199)
    for name in NAMES:
        one = a[name]
        assert one.p_value == b[name].p_value == c[name].p_value


def test_models_that_differ_in_every_example_have_the_smallest_p():
    ids, units = tuple(f"e{n}" for n in range(40)), np.arange(40)
    sure, unsure = (of_two_classes(ids, units, np.full((40, 1), p), np.ones((40, 1)))
                    for p in (0.95, 0.55))  # fmt: skip
    found = exchange_tests({1: sure}, {1: unsure}, [1], draws=199)
    for name in ("nll", "brier", "overconfidence"):
        assert found[name].p_value == pytest.approx(1 / 200)
        assert found[name].floor == pytest.approx(1 / 200)


def test_a_model_does_not_differ_from_itself():
    first = made(2.0, 30)
    for one in exchange_tests({1: first}, {1: first}, [1], draws=99).values():
        assert np.isnan(one.p_value)
        assert one is UNTESTED or one.flag == "the two never differ"


def test_few_clusters_give_no_p():
    first, second = made(3.0, 20, members=4), made(0.8, 20, seed=1, members=4)
    for one in exchange_tests({1: first}, {1: second}, [1], draws=99).values():
        assert np.isnan(one.p_value)
        assert one is UNTESTED or "5 clusters; 6 are needed" in one.flag
