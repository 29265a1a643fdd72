"""The rate that the dev part chooses, beside the five ways in which it was once written."""

import numpy as np
import pytest
from subprobe.probes.learning.chosen_rates import best_rates
from subprobe.probes.learning.fitting import Course

RATES = (1e-1, 1e-3, 1e-2)


def courses_of(shape, seed=0):
    """Courses of random losses, some of them equal; rates are on the axis before the last."""
    losses = np.random.default_rng(seed).integers(0, 4, shape) / 4
    rates = np.broadcast_to(np.array(RATES)[:, None], shape)
    return losses, [
        Course(float(lr), (9.0, float(loss)), 1)
        for lr, loss in zip(rates.ravel(), losses.ravel(), strict=True)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_least_mean_over_seeds_of_each_purpose(seed):
    shape = (4, 3, 2)  # purposes, rates, seeds
    losses, courses = courses_of(shape, seed)
    found = best_rates(courses, [*"ddddddbbbbbbccccccaaaaaa"])
    assert list(found) == ["d", "b", "c", "a"]
    places = np.arange(24).reshape(shape)
    for purpose, of in enumerate(found.values()):
        assert of == places[purpose, losses[purpose].mean(1).argmin()].tolist()


def test_of_equal_rates_the_first_and_places_in_order():
    courses = [Course(lr, (1.0,), 0) for lr in (1e-2, 1e-3, 1e-2, 1e-3)]
    assert best_rates(courses, ["x"] * 4) == {"x": [0, 2]}
    assert best_rates(courses, [0, 0, 1, 1]) == {0: [0], 1: [2]}


def test_the_loss_is_that_of_the_weights_that_are_kept():
    late, early = Course(1e-1, (3.0, 2.0, 9.0), 1), Course(1e-2, (2.5, 4.0, 1.0), 0)
    assert best_rates([late, early], [0, 0]) == {0: [0]}
