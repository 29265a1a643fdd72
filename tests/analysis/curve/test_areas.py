"""Areas and effective size against published values and plain loops."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from subprobe.analysis.curve.areas import cmd, cpr, effective_size, faithfulness

PUBLISHED = np.array([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0])


def test_areas_on_the_published_grid():
    ones = np.ones(10)
    assert cpr(PUBLISHED, ones) == pytest.approx(0.999, abs=1e-12)
    assert cmd(PUBLISHED, ones) == 0
    assert cpr(PUBLISHED, PUBLISHED) == pytest.approx(0.4999995, abs=1e-12)
    assert cmd(PUBLISHED, PUBLISHED) == pytest.approx(0.4990005, abs=1e-12)
    assert cpr(PUBLISHED, np.sqrt(PUBLISHED)) == pytest.approx(0.6589, abs=5e-5)


shares = st.lists(st.floats(0.001, 1), min_size=2, max_size=8, unique=True).map(sorted)


def plain_area(x, y):
    return math.fsum((y[i] + y[i + 1]) / 2 * (x[i + 1] - x[i]) for i in range(len(x) - 1))


@given(shares, st.integers(0, 2**32 - 1))
def test_areas_are_those_of_a_plain_loop(grid, seed):
    f = np.random.default_rng(seed).normal(0.7, 0.5, (3, len(grid)))
    for ours, distance, row in zip(cpr(grid, f), cmd(grid, f), f, strict=True):
        assert ours == pytest.approx(plain_area(grid, row), abs=1e-12)
        assert distance == pytest.approx(plain_area(grid, [abs(1 - v) for v in row]), abs=1e-12)
    # no subnetwork above the model: the two areas together are that of the model
    low = np.minimum(f, 1)
    width = grid[-1] - grid[0]
    np.testing.assert_allclose(cpr(grid, low) + cmd(grid, low), width, atol=1e-12)


@given(st.floats(-5, 5), st.floats(0.1, 5), st.sampled_from([1.0, -1.0]))
def test_faithfulness_does_not_depend_on_unit_or_direction(empty, gain, sign):
    scores = empty + gain * np.array([0.0, 0.25, 1.0, 1.2])
    np.testing.assert_allclose(
        faithfulness(sign * scores, sign * empty, sign * (empty + gain)),
        [0, 0.25, 1, 1.2], atol=1e-9,
    )  # fmt: skip


def test_faithfulness_is_undefined_without_a_gain():
    assert np.isnan(faithfulness([0.2, 0.3], 0.3, 0.3)).all()


def test_the_effective_size_is_the_smallest_within_the_loss():
    grid = [0.1, 0.2, 0.5, 1.0]
    scores = np.array([[0.50, 0.77, 0.76, 0.80], [0.5, 0.6, 0.7, 0.8], [0.81, 0.1, 0.1, 0.8]])
    found = effective_size(grid, scores, np.full(3, 0.80), 0.03)
    assert found.tolist() == [0.2, 1.0, 0.1]
    # a loss of exactly the limit counts
    assert effective_size(grid, [0.1, 0.5, 0.77, 0.8], np.array(0.8), 0.03) == 0.5


@given(st.lists(st.floats(0, 1), min_size=5, max_size=5), st.floats(0, 1), st.floats(0, 1))
def test_more_loss_never_needs_more_units(scores, one, other):
    grid = [0.1, 0.3, 0.5, 0.7, 1.0]
    full = np.array(scores[-1])
    less, more = sorted([one, other])
    assert effective_size(grid, scores, full, more) <= effective_size(grid, scores, full, less)
