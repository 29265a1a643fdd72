"""The expected best of n runs, against all samples of them."""

from itertools import combinations, pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from subprobe.analysis.spread.expected_best import WITH, WITHOUT, best_of, best_weights

scores = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=5)


def every_sample(values, n, resampling):
    places = range(len(values))
    return list(product(places, repeat=n) if resampling == WITH else combinations(places, n))


def chosen(sample, values, by):
    """The mean value of the runs of a sample that have its highest score."""
    top = max(by[i] for i in sample)
    return top, [values[i] for i in range(len(values)) if by[i] == top]


@given(scores, st.integers(1, 4), st.sampled_from([WITH, WITHOUT]))
def test_it_is_the_mean_of_the_maximum_over_all_samples(values, n, resampling):
    n = min(n, len(values))
    best = [max(values[i] for i in sample) for sample in every_sample(values, n, resampling)]
    mean, sd = best_of(values, n, resampling=resampling)
    assert mean == pytest.approx(np.mean(best))
    assert sd == pytest.approx(np.std(best), abs=1e-6)


@given(st.data(), st.integers(1, 3), st.sampled_from([WITH, WITHOUT]))
def test_a_run_chosen_by_another_score_counts_with_its_own_value(data, n, resampling):
    by = data.draw(st.lists(st.integers(0, 2).map(float), min_size=3, max_size=5))
    values = data.draw(st.lists(st.floats(-1, 1), min_size=len(by), max_size=len(by)))
    found = [
        np.mean(chosen(sample, values, by)[1]) for sample in every_sample(values, n, resampling)
    ]
    mean, _ = best_of(values, n, chosen_by=by, resampling=resampling)
    assert mean == pytest.approx(np.mean(found), abs=1e-9)


def test_two_of_two_runs_are_a_quarter_and_three_quarters():
    a, b = 0.25, 0.75
    assert best_of([b, a], 2)[0] == pytest.approx((a + 3 * b) / 4)
    assert best_of([b, a], 2, resampling=WITHOUT)[0] == b


@given(scores.filter(lambda values: len(values) > 1))
def test_one_run_is_the_mean_and_more_never_score_lower(values):
    curve = [float(best_of(values, n)[0]) for n in (1, 2, 3, 10, 2000)]
    assert curve[0] == pytest.approx(np.mean(values))
    assert all(b >= a - 1e-9 for a, b in pairwise(curve))
    assert curve[-1] == pytest.approx(max(values), abs=1e-6)
    n = len(values)
    assert best_of(values, n, resampling=WITHOUT)[0] == pytest.approx(max(values))


def test_many_samples_at_once_are_those_one_by_one():
    rng = np.random.default_rng(0)
    values, by = rng.random((4, 6)), rng.integers(0, 3, (4, 6)).astype(float)
    mean, sd = best_of(values, 3, chosen_by=by)
    for row in range(4):
        one = best_of(values[row], 3, chosen_by=by[row])
        assert (mean[row], sd[row]) == (pytest.approx(one[0]), pytest.approx(one[1]))


@pytest.mark.parametrize("resampling", [WITH, WITHOUT])
@pytest.mark.parametrize("n", [1, 7, 250])
def test_weights_are_probabilities_also_of_many_runs(resampling, n):
    weights = best_weights(300, n, resampling)
    assert weights.sum() == pytest.approx(1)
    assert (np.diff(weights) >= -1e-12).all()
    assert (weights >= 0).all()


@pytest.mark.parametrize(
    ("runs", "n", "resampling"), [(0, 1, WITH), (3, 0, WITH), (3, 4, WITHOUT), (3, 1, "none")]
)
def test_impossible_samples_are_refused(runs, n, resampling):
    with pytest.raises(ValueError, match=r"n must be|>= 1|unknown resampling"):
        best_weights(runs, n, resampling)
