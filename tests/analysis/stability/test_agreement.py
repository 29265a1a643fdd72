"""Agreement of masks equals plain second implementations, libraries, and exact enumeration."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import hypergeom
from statsmodels.stats.contingency_tables import cochrans_q
from statsmodels.stats.inter_rater import aggregate_raters
from statsmodels.stats.inter_rater import fleiss_kappa as library_kappa
from subprobe.analysis.stability.agreement import (
    STATISTICS,
    cochran_q,
    fleiss_kappa,
    jaccard_expected,
    jaccard_mean,
    kept_in_all,
    kept_in_all_expected,
    krippendorff_alpha,
)
from subprobe.analysis.stability.mask_nulls import (
    kept_in_all_null,
    kept_in_all_p,
    permutation_tests,
    shared_null,
    shared_p,
    shuffled,
    smallest_p,
)

masks = st.tuples(st.integers(2, 5), st.integers(1, 9)).flatmap(
    lambda shape: arrays(np.bool_, shape)
)


def some_masks(sizes, n_units, seed=0):
    rng = np.random.default_rng(seed)
    return rng.permuted(np.arange(n_units) < np.asarray(sizes)[:, None], axis=1)


def plain_alpha(given):
    """Krippendorff's alpha from its coincidence matrix, one pair of values at a time."""
    n_seeds, n_units = given.shape
    coincidence = np.zeros((2, 2))
    for unit in range(n_units):
        for a, b in product(range(n_seeds), repeat=2):
            if a != b:
                coincidence[int(given[a, unit]), int(given[b, unit])] += 1 / (n_seeds - 1)
    totals = coincidence.sum(axis=1)
    n = totals.sum()
    expected = totals[0] * totals[1] * 2 / (n - 1)
    return 1 - (coincidence[0, 1] + coincidence[1, 0]) / expected


def plain_jaccard(given):
    shares = []
    for a, b in combinations(given, 2):
        either = set(np.flatnonzero(a)) | set(np.flatnonzero(b))
        if not either:
            return float("nan")
        shares.append(len(set(np.flatnonzero(a)) & set(np.flatnonzero(b))) / len(either))
    return float(np.mean(shares))


@given(masks)
def test_kappa_and_alpha_equal_a_library_and_a_loop(given):
    if given.all() or not given.any():
        assert np.isnan(fleiss_kappa(given))
        assert np.isnan(krippendorff_alpha(given))
        return
    table, _ = aggregate_raters(given.T.astype(int), n_cat=2)
    assert fleiss_kappa(given) == pytest.approx(library_kappa(table), abs=1e-12)
    assert krippendorff_alpha(given) == pytest.approx(plain_alpha(given), abs=1e-12)


@given(masks)
def test_jaccard_and_common_units_equal_sets(given):
    assert float(jaccard_mean(given)) == pytest.approx(plain_jaccard(given), nan_ok=True)
    common = set(range(given.shape[1]))
    for mask in given:
        common &= set(np.flatnonzero(mask))
    assert kept_in_all(given) == len(common)


@given(masks, st.integers(0, 2**32 - 1))
def test_statistics_take_many_masks_at_once_in_any_order(given, seed):
    rng = np.random.default_rng(seed)
    orders = [(rng.permutation(len(given)), rng.permutation(given.shape[1])) for _ in range(3)]
    many = np.stack([given[seeds][:, units] for seeds, units in orders])
    for name, statistic in STATISTICS.items():
        found = statistic(many)
        assert found.shape == (3,), name
        # neither the order of seeds nor that of units means anything
        one = float(statistic(given))
        assert found.tolist() == pytest.approx([one] * 3, abs=1e-12, nan_ok=True), name


def test_a_duplicated_mask_agrees_with_itself():
    # why seeds are never drawn with replacement
    given = some_masks([60, 70, 80, 90, 100], 144)
    assert fleiss_kappa(given[[0, 1, 2, 3, 3]]) > fleiss_kappa(given) + 0.05


@pytest.mark.parametrize("shape", [(2, 5), (5, 72), (20, 12), (1, 9)])
def test_cochran_q_is_that_of_statsmodels_bit_for_bit(shape):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        masks = rng.random(shape) < rng.random((shape[0], 1))
        with np.errstate(invalid="ignore", divide="ignore"):
            expected = cochrans_q(masks.T.astype(np.int64))
        if np.isfinite(expected.statistic):
            assert cochran_q(masks) == (expected.statistic, expected.pvalue)
        else:
            assert np.isnan(cochran_q(masks)).all()


def test_cochran_q_equals_its_formula_and_sees_sizes_alone():
    given = some_masks([3, 7, 8, 5], 12, seed=3)
    sizes, rows = given.sum(axis=1), given.sum(axis=0)
    k = len(given)
    q = (k - 1) * (k * (sizes**2).sum() - sizes.sum() ** 2) / (k * rows.sum() - (rows**2).sum())
    assert cochran_q(given)[0] == pytest.approx(q)
    apart = np.array([[1, 1, 0, 0], [0, 0, 1, 1]], dtype=bool)
    assert cochran_q(apart)[1] == pytest.approx(1.0)
    assert fleiss_kappa(apart) == -1
    assert np.isnan(cochran_q(np.zeros((3, 5), dtype=bool))).all()


def every_mask(sizes, n_units):
    """Every combination of masks with these sizes."""
    rows = [
        [np.isin(np.arange(n_units), kept) for kept in combinations(range(n_units), size)]
        for size in sizes
    ]
    return np.array([np.stack(each) for each in product(*rows)])


SIZES = [([2, 3, 3], 5), ([1, 4, 2], 5), ([0, 3, 5], 5), ([2, 2], 6)]


@pytest.mark.parametrize(("sizes", "n_units"), SIZES)
def test_what_chance_makes_equals_enumeration(sizes, n_units):
    every = every_mask(sizes, n_units)
    common = kept_in_all(every).astype(int)
    assert kept_in_all_expected(every[0]) == pytest.approx(common.mean())
    shares = np.bincount(common, minlength=n_units + 1) / len(every)
    assert kept_in_all_null(sizes, n_units) == pytest.approx(shares)
    jaccard = jaccard_mean(every)
    assert jaccard_expected(every[0]) == pytest.approx(jaccard.mean())
    agree = fleiss_kappa(every)
    most = np.isclose(agree, agree.max()).mean()
    assert smallest_p(sizes, n_units) == pytest.approx(most)
    assert np.isclose(jaccard, jaccard.max()).mean() == pytest.approx(most)


def test_shared_units_of_pairs_equal_enumeration():
    pairs, n_units = [(2, 3), (1, 4)], 5
    first, second = (every_mask(pair, n_units) for pair in pairs)
    counts = [(each[:, 0] & each[:, 1]).sum(axis=1) for each in (first, second)]
    sums = np.add.outer(*counts).ravel()
    found = shared_null(pairs, n_units)
    assert found == pytest.approx(np.bincount(sums, minlength=len(found)) / len(sums))
    assert shared_p(3, np.array(pairs), n_units) != shared_p(3, np.array([(5, 5)]), n_units)
    one = np.array([(7, 8)])
    assert shared_p(7, one, 20) == pytest.approx(hypergeom.sf(6, 20, 7, 8))


def test_shuffles_keep_sizes_and_are_uniform():
    given = some_masks([2, 3], 4)
    drawn = np.concatenate(list(shuffled(given, 6000, np.random.default_rng(0))))
    assert drawn.shape == (6000, 2, 4)
    assert (drawn.sum(axis=2) == given.sum(axis=1)).all()
    _, counts = np.unique(drawn.reshape(6000, -1), axis=0, return_counts=True)
    assert len(counts) == 6 * 4
    assert counts.min() > 250 - 5 * np.sqrt(250)
    assert counts.max() < 250 + 5 * np.sqrt(250)


def test_permutation_p_of_small_masks_equals_enumeration():
    sizes, n_units = [3, 3, 4], 6
    given = np.array([[1, 1, 1, 0, 0, 0], [1, 1, 0, 1, 0, 0], [1, 1, 1, 0, 1, 0]], dtype=bool)
    assert given.sum(axis=1).tolist() == sizes
    every = fleiss_kappa(every_mask(sizes, n_units))
    exact = (every >= fleiss_kappa(given) - 1e-12).mean()
    found = permutation_tests(given, {"k": fleiss_kappa}, 20_000, np.random.default_rng(1))["k"]
    assert found == pytest.approx(exact, abs=4 * np.sqrt(exact / 20_000))
    assert 0.01 < exact < 0.5


def test_a_test_that_cannot_reach_five_percent_does_not_answer():
    # two seeds, each without one of 12 MLPs: agreement by chance is 1/12
    nearly = np.ones((2, 12), dtype=bool)
    nearly[:, 0] = False
    rng = np.random.default_rng(0)
    assert smallest_p([11, 11], 12) == pytest.approx(1 / 12)
    assert np.isnan(permutation_tests(nearly, {"k": fleiss_kappa}, 99, rng)["k"])
    assert np.isnan(kept_in_all_p(nearly))
    # with a third seed it is 1/144
    found = permutation_tests(np.vstack([nearly, nearly[:1]]), {"k": fleiss_kappa}, 999, rng)["k"]
    assert found < 0.05
    assert kept_in_all_p(np.ones((5, 12), dtype=bool)) != kept_in_all_p(nearly[:, :0])
