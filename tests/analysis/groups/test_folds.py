"""Folds of whole groups and random ones of the same sizes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from subprobe.analysis.groups.folds import folds_of_groups, ranks
from subprobe.data.errors import ConfigError, DataFileError

SIZES = st.lists(st.integers(1, 9), min_size=2, max_size=12)


def units(sizes, seed=0):
    """Units in a random order, numbered in the order in which they come."""
    drawn = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    names, found = {}, []
    for one in drawn:
        found.append(names.setdefault(int(one), len(names)))
    return np.array(found)


@given(SIZES, st.integers(0, 99), st.integers(0, 2))
def test_folds_are_disjoint_and_as_large_as_random_ones(sizes, seed, k):
    group = units(sizes, seed)
    if max(sizes) <= k:
        return
    cut = folds_of_groups(group, 2, (k,), seed)
    every = np.arange(len(group))
    for kind in (cut.disjoint, cut.random):
        assert (np.sort(np.concatenate(kind)) == every).all()
    assert [len(held) for held in cut.disjoint] == [len(held) for held in cut.random]
    first, second = (set(group[held]) for held in cut.disjoint)
    assert not first & second
    assert (cut.scored == (cut.rank >= k)).all()
    for fold, held in enumerate(cut.disjoint):
        outside = np.setdiff1d(every, held)
        assert (cut.training(fold, 0, seed) == outside).all()
        train = cut.training(fold, k, seed)
        known = np.intersect1d(train, held)
        # k of each held-out group, or all of a smaller one, none of them scored
        for name in set(group[held]):
            assert (group[known] == name).sum() == min(k, sizes_of(group)[name])
        assert not cut.scored[known].any()
        assert len(train) == max(len(outside), len(known))
        assert len(set(train)) == len(train)


def sizes_of(group):
    return np.bincount(group)


@given(SIZES, st.integers(0, 99))
def test_ranks_count_each_group(sizes, seed):
    group = units(sizes, seed)
    found = ranks(group, np.random.default_rng(seed))
    for name, size in enumerate(np.bincount(group)):
        assert sorted(found[group == name]) == list(range(size))


def test_same_seed_same_folds():
    group = units([4, 3, 5, 2, 6])
    one, again, other = (folds_of_groups(group, 2, (1,), seed) for seed in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(one.random, again.random, strict=True))
    assert (one.rank == again.rank).all()
    assert any((a.shape != b.shape or (a != b).any())
               for a, b in zip(one.random, other.random, strict=True))  # fmt: skip


def test_groups_that_cannot_be_held_out_are_refused():
    with pytest.raises(DataFileError, match="belong to one group"):
        folds_of_groups(np.zeros(5, dtype=int), 2, (1,), 1)
    with pytest.raises(ConfigError, match="must be at most 3, the number of groups, got 5"):
        folds_of_groups(np.array([0, 1, 2, 2]), 5, (1,), 1)
    with pytest.raises(DataFileError, match="the largest group has 1 example, so none is left"):
        folds_of_groups(np.arange(6), 2, (1,), 1)
    assert folds_of_groups(np.arange(6), 2, (), 1).scored.all()
