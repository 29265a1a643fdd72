"""The size of a hardened mask: exactly the target, ties by index, and one line if impossible."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from subprobe.data.errors import ConfigError
from subprobe.pruning.sized.hardening import check_target, kept_at_size

SHAPES = {"heads": (3, 4), "mlps": (3,)}


def plain(locations, costs, keep):
    """The same with loops: add gates from the highest on while that comes closer to the size."""
    units = [
        (float(locations[name].ravel()[i]), name, i)
        for name in locations
        for i in range(locations[name].numel())
    ]
    wanted = keep * sum(float(one.sum()) for one in costs.values())
    # sorted() is stable, so equal locations stay in the order of names and indices
    ranked = sorted(units, key=lambda unit: -unit[0])
    best, reached, sizes = 1, 0.0, []
    for _, name, i in ranked:
        reached += float(costs[name].ravel()[i])
        sizes.append(reached)
    for count in range(1, len(sizes) + 1):
        if abs(sizes[count - 1] - wanted) < abs(sizes[best - 1] - wanted):
            best = count
    kept = {name: np.zeros(tuple(one.shape), dtype=bool) for name, one in locations.items()}
    for _, name, i in ranked[:best]:
        kept[name].ravel()[i] = True
    return kept


@given(st.integers(0, 10_000), st.floats(0.05, 0.95), st.booleans())
def test_it_equals_a_plain_second_implementation(seed, keep, weighed):
    random = np.random.default_rng(seed)
    # few distinct values, so that there are ties
    locations = {n: torch.from_numpy(random.integers(0, 4, s) * 1.0) for n, s in SHAPES.items()}
    costs = {
        n: random.integers(1, 5, s).astype(float) if weighed else np.ones(s)
        for n, s in SHAPES.items()
    }
    found, expected = kept_at_size(locations, costs, keep), plain(locations, costs, keep)
    assert all(np.array_equal(found[name], expected[name]) for name in SHAPES)


@given(st.integers(1, 40), st.integers(1, 12), st.floats(0.01, 0.99))
def test_a_share_of_equal_units_is_met_within_one(heads, mlps, keep):
    shapes = {"heads": (heads,), "mlps": (mlps,)}
    random = np.random.default_rng(heads)
    locations = {name: torch.from_numpy(random.normal(size=s)) for name, s in shapes.items()}
    kept = kept_at_size(locations, {name: np.ones(s) for name, s in shapes.items()}, keep)
    count = sum(int(one.sum()) for one in kept.values())
    assert abs(count - keep * (heads + mlps)) < 1
    assert count >= 1


def test_half_of_the_units_of_a_base_model_are_kept_and_the_lowest_go():
    random = np.random.default_rng(1)
    locations = {
        "heads": torch.from_numpy(random.normal(size=(12, 12))),
        "mlps": torch.from_numpy(random.normal(size=12)),
    }
    kept = kept_at_size(locations, {n: np.ones(tuple(x.shape)) for n, x in locations.items()}, 0.5)
    assert kept["heads"].sum() + kept["mlps"].sum() == 78
    least = min(locations[n][torch.from_numpy(kept[n])].min() for n in kept)
    highest = max(locations[n][torch.from_numpy(~kept[n])].max() for n in kept)
    assert least > highest


def test_of_equal_gates_the_first_are_kept():
    kept = kept_at_size({"heads": torch.zeros(2, 3)}, {"heads": np.ones((2, 3))}, 0.5)
    assert kept["heads"].tolist() == [[True, True, True], [False, False, False]]


@pytest.mark.parametrize(
    ("keep", "said"),
    [
        (0.01, r"keeps less than one of 15 heads and MLPs, got 0\.01"),
        (0.99, r"prunes less than one of 15 heads and MLPs, got 0\.99"),
    ],
)
def test_a_target_below_one_unit_is_refused_with_the_nearest_possible_one(keep, said):
    costs = {name: np.ones(shape) for name, shape in SHAPES.items()}
    with pytest.raises(ConfigError, match=said) as caught:
        check_target(keep, costs, "heads and MLPs")
    nearest = float(caught.value.remedy.split()[-1])
    check_target(nearest, costs, "heads and MLPs")


@pytest.mark.parametrize("count", [*range(2, 60), 78, 144, 145, 156, 1728])
def test_one_unit_less_than_all_is_a_target_and_remedies_can_be_followed(count):
    costs = {"heads": np.ones(count)}
    check_target(1 / count, costs, "heads")
    check_target(1 - 1 / count, costs, "heads")
    for keep in (0.5 / count, 1 - 0.5 / count):
        with pytest.raises(ConfigError) as caught:
            check_target(keep, costs, "heads")
        check_target(float(caught.value.remedy.split()[-1]), costs, "heads")
