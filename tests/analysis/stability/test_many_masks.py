"""Masks of many seeds and tasks: worked through in blocks that change no number."""

import time
import tracemalloc
from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from subprobe.analysis.stability import mask_nulls
from subprobe.analysis.stability.agreement import (
    STATISTICS,
    jaccard_expected,
    jaccard_left_out,
    jaccard_mean,
)
from subprobe.analysis.stability.mask_nulls import (
    kept_in_all_null,
    permutation_tests,
    shared_null,
    shuffled,
)
from subprobe.analysis.stability.mask_sets import MaskSet
from subprobe.analysis.stability.measure import measure_stability
from subprobe.analysis.stability.overlap import overlap_table
from subprobe.analysis.stability.seed_intervals import bootstrap_over_units


def random_masks(n_seeds, n_units=24, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((n_seeds, n_units)) < rng.uniform(0.2, 0.9, (n_seeds, 1))


# more seeds than a block of them, and more than two blocks
@pytest.mark.parametrize("n_seeds", [3, 64, 65, 150])
def test_jaccard_of_many_seeds_equals_a_library_and_deleting_seeds(n_seeds):
    masks = random_masks(n_seeds)
    assert float(jaccard_mean(masks)) == pytest.approx((1 - pdist(masks, "jaccard")).mean())
    deleted = [float(jaccard_mean(np.delete(masks, seed, axis=0))) for seed in range(n_seeds)]
    assert jaccard_left_out(masks).tolist() == pytest.approx(deleted, rel=1e-12)
    many = np.stack([masks, random_masks(n_seeds, seed=1)])
    assert jaccard_mean(many).tolist() == [float(jaccard_mean(each)) for each in many]
    alone = np.stack([jaccard_left_out(each) for each in many])
    np.testing.assert_allclose(jaccard_left_out(many), alone, rtol=1e-12)


def test_two_empty_masks_leave_no_jaccard_but_without_one_of_them_there_is_one():
    masks = random_masks(70)
    masks[[3, 66]] = False
    assert np.isnan(jaccard_mean(masks))
    known = np.flatnonzero(~np.isnan(jaccard_left_out(masks)))
    assert known.tolist() == [3, 66]


def test_the_size_of_a_block_changes_no_draw(monkeypatch):
    masks = random_masks(9)

    def drawn():
        rng = np.random.default_rng(5)
        tests = permutation_tests(masks, STATISTICS, 300, rng)
        limits = bootstrap_over_units(masks, STATISTICS, rng=rng, resamples=300)
        # as text, since NaN does not equal itself
        return repr((tests, limits, rng.random()))

    at_once = drawn()
    monkeypatch.setattr(mask_nulls, "_CELLS_AT_ONCE", 7 * masks.size)
    assert [len(block) for block in shuffled(masks, 20, np.random.default_rng(0))] == [7, 7, 6]
    assert drawn() == at_once
    monkeypatch.setattr(mask_nulls, "_SEED_PAIRS_AT_ONCE", 2 * len(masks) ** 2)
    assert [len(block) for block in shuffled(masks, 5, np.random.default_rng(0))] == [2, 2, 1]
    assert drawn() == at_once


def test_permutations_do_not_pile_up_in_memory():
    masks = random_masks(300, 144)
    tracemalloc.start()
    permutation_tests(masks, {"j": jaccard_mean}, 400, np.random.default_rng(0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # all 400 at once hold 17 million cells and 36 million pairs
    assert peak < 60e6


def test_sizes_that_return_are_worked_out_once_with_the_same_result():
    masks = random_masks(40, 12)
    sizes = masks.sum(axis=1)
    assert len(set(sizes)) < len(sizes)
    pairs = np.array(list(combinations(sizes, 2)))
    alone = [jaccard_expected(np.arange(12) < pair[:, None]) for pair in pairs]
    assert jaccard_expected(masks) == np.mean(alone)
    (drawn,) = shuffled(masks[:3], 2000, np.random.default_rng(0))
    common = drawn.all(axis=1)
    shares = np.bincount(common.sum(axis=1), minlength=13) / 2000
    assert kept_in_all_null([*sizes[:3]], 12) == pytest.approx(shares, abs=0.05)
    twice = shared_null(pairs[[0, 0]], 12)
    once = shared_null(pairs[:1], 12)
    assert twice == pytest.approx(np.convolve(once, once))


def test_tasks_compared_at_once_equal_each_two_alone():
    rng = np.random.default_rng(3)
    seeds = [(1, 2, 3), (2, 3, 4), (1, 2, 3), (7, 8), (2, 3, 4)]
    tasks = [
        MaskSet(f"t{i}", of, {"head": random_masks(len(of), 12, i)}, {"head": (3, 4)})
        for i, of in enumerate(seeds)
    ]
    rng.shuffle(tasks)
    whole = overlap_table(tasks)
    order = [(a.task, b.task) for i, a in enumerate(tasks) for b in tasks[i:]]
    assert list(dict.fromkeys(zip(whole["task_a"], whole["task_b"], strict=True))) == order
    for (a, b), lines in whole.groupby(["task_a", "task_b"], sort=False):
        two = [task for task in tasks if task.task in {a, b}]
        alone = overlap_table(two)
        alone = alone[(alone["task_a"] == a) & (alone["task_b"] == b)]
        assert lines.reset_index(drop=True).equals(alone.reset_index(drop=True))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("n_tasks", "n_seeds"), [(1, 1000), (200, 5)])
def test_a_thousand_masks_take_at_most_a_minute(n_tasks, n_seeds):
    tasks = [
        MaskSet(
            f"t{i}",
            tuple(range(n_seeds)),
            {"head": random_masks(n_seeds, 144, i), "mlp": random_masks(n_seeds, 12, 1000 + i)},
            {"head": (12, 12), "mlp": (12,)},
        )
        for i in range(n_tasks)
    ]
    start = time.process_time()
    found = measure_stability(tasks)
    assert time.process_time() - start < 60
    assert len(found.overlap) > 0
