"""What was sampled together is resampled and exchanged together: against plain loops."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import pearsonr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef
from subprobe.analysis.statistics.clusters import count_of, over_units, resampled, units_of
from subprobe.analysis.statistics.paired_ratios import swap_ratios
from subprobe.analysis.statistics.paired_tests import cluster_signs, swap_test
from subprobe.analysis.statistics.uncertainty import bootstrap_interval, mcnemar_exact
from subprobe.analysis.statistics.weighted import weight_blocks
from tiers import mostly_slow

SCORES = {
    "accuracy": lambda p, g: accuracy_score(g, p),
    "matthews": lambda p, g: matthews_corrcoef(g, p),
    "f1": lambda p, g: f1_score(g, p, zero_division=0),
    "pearson": lambda p, g: pearsonr(p, g).statistic,
}


def clustered(clusters=24, seed=0, largest=6):
    """Units of unequal size in mixed order, gold labels, and answers that are alike inside them."""
    rng = np.random.default_rng(seed)
    names = rng.permutation(np.repeat(np.arange(clusters), rng.integers(1, largest, clusters)))
    units = units_of([f"set {name}" for name in names])
    gold = rng.integers(0, 2, len(units))
    sides = []
    for right in (0.8, 0.5):
        alike, own = rng.random(clusters)[units] < right, rng.random(len(units)) < right
        sides.append(np.where(np.where(rng.random(len(units)) < 0.7, alike, own), gold, 1 - gold))
    return units, gold, *sides


def test_items_without_a_source_are_units_of_their_own():
    units = units_of(["a", "", "b", "a", None, ""])
    assert units.tolist() == [0, 1, 2, 0, 3, 4]
    assert count_of(units) == 5
    assert over_units(np.arange(6.0), units).tolist() == [3, 1, 2, 4, 5]
    assert count_of(units_of([])) == 0


@pytest.mark.parametrize("metric", mostly_slow(SCORES, ["accuracy", "pearson"]))
def test_an_interval_over_clusters_equals_a_plain_loop(metric):
    units, gold, said, _ = clustered()
    said = said + (np.random.default_rng(1).normal(size=len(gold)) if metric == "pearson" else 0)
    members = [np.flatnonzero(units == unit) for unit in range(count_of(units))]
    rng, scores = np.random.default_rng(5), []
    for _ in range(700):
        drawn = rng.integers(0, len(members), len(members))
        chosen = np.concatenate([members[unit] for unit in drawn])
        scores.append(SCORES[metric](said[chosen], gold[chosen]))
    found = bootstrap_interval(metric, said, gold, units=units)
    low, high = np.quantile(scores, [0.025, 0.975])
    # quantiles are expanded: by sqrt(24 / 23) and Student's t of 23 in place of 1.96
    wider = np.sqrt(24 / 23) * 2.069 / 1.960
    assert (found.high - found.low) / (high - low) == pytest.approx(wider, rel=0.11)
    assert (found.low + found.high) / 2 == pytest.approx((low + high) / 2, abs=0.2 * (high - low))
    assert found.method == "percentile bootstrap over 24 clusters (2000)"


def test_copies_of_an_example_say_no_more_than_the_example():
    gold = np.array([0, 1] * 60)
    said = np.where(np.random.default_rng(2).random(120) < 0.8, gold, 1 - gold)
    alone = bootstrap_interval("accuracy", said, gold)
    four = [np.repeat(column, 4) for column in (said, gold)]
    units = np.repeat(np.arange(120), 4)
    whole = bootstrap_interval("accuracy", *four, units=units)
    naive = bootstrap_interval("accuracy", *four)
    assert whole.high - whole.low == pytest.approx(alone.high - alone.low, rel=0.08)
    assert naive.high - naive.low == pytest.approx((alone.high - alone.low) / 2, rel=0.12)


def test_units_that_are_single_examples_change_nothing():
    _, gold, said, _ = clustered()
    alone = np.arange(len(gold))
    same = bootstrap_interval("matthews", said, gold, units=alone)
    assert same == bootstrap_interval("matthews", said, gold)


@pytest.mark.parametrize("metric", ["accuracy", "matthews", "f1"])
def test_the_same_answer_to_every_example_has_no_interval(metric):
    units, gold = np.repeat(np.arange(50), 4), np.tile([0, 1, 1, 0], 50)
    for said in (np.zeros(200, int), np.ones(200, int)):
        for of in (units, None):
            found = bootstrap_interval(metric, said, gold, units=of)
            assert np.isnan([found.low, found.high]).all()
            assert found.method == "no interval: the prediction is the same for every example"
    same = bootstrap_interval("pearson", np.full(200, 0.3), gold.astype(float), units=units)
    assert np.isnan(same.low)
    assert "same for every example" in same.method


def test_what_shows_no_spread_has_no_interval():
    units, gold = np.repeat(np.arange(50), 4), np.tile([0, 1, 1, 0], 50)
    # half of each set is right: so it is in every resample of sets, whatever was drawn
    half = bootstrap_interval("accuracy", np.tile([0, 1, 0, 1], 50), gold, units=units)
    assert np.isnan(half.low)
    assert half.method == "no interval: all resamples score 0.5"
    right = bootstrap_interval("accuracy", gold, gold, units=units)
    assert np.isnan(right.low)
    assert right.method == "no interval: all resamples score 1"
    one = bootstrap_interval("accuracy", gold[:4], 1 - gold[:4], units=units[:4])
    assert "one independent unit" in one.method


def signs_by_enumeration(a, b, units):
    gaps = np.array([(a.astype(int) - b)[units == unit].sum() for unit in range(count_of(units))])
    gaps = gaps[gaps != 0]
    sums = [abs(np.dot(signs, gaps)) for signs in product((-1, 1), repeat=len(gaps))]
    return np.mean(np.array(sums) >= abs(gaps.sum()))


@pytest.mark.parametrize("seed", range(6))
def test_signs_of_clusters_are_counted_exactly(seed):
    units, gold, first, second = clustered(clusters=12, seed=seed)
    a, b = first == gold, second == gold
    found = cluster_signs(a, b, units)
    gaps = over_units(a.astype(float) - b, units)
    assert found.floor == 2.0 ** (1 - np.count_nonzero(gaps))
    assert found.p_value == pytest.approx(signs_by_enumeration(a, b, units), abs=1e-12)
    assert cluster_signs(b, a, units).p_value == pytest.approx(found.p_value)
    few = cluster_signs(a[units < 5], b[units < 5], units[units < 5])
    assert np.isnan(few.p_value)
    assert "clusters; 6 are needed" in few.flag


def test_signs_of_single_examples_are_mcnemars_test():
    rng = np.random.default_rng(3)
    a, b = rng.random(300) < 0.7, rng.random(300) < 0.6
    found = cluster_signs(a, b, np.arange(300))
    assert found.p_value == pytest.approx(mcnemar_exact(a, b).p_value, abs=1e-12)


def test_copies_are_no_evidence():
    a = np.array([1, 1, 1, 1, 1, 1, 1, 0, 1, 0], bool)
    b = np.array([0, 0, 0, 0, 0, 0, 0, 1, 1, 0], bool)
    once = mcnemar_exact(a, b).p_value
    four = np.repeat(a, 4), np.repeat(b, 4)
    assert cluster_signs(*four, np.repeat(np.arange(10), 4)).p_value == pytest.approx(once)
    assert mcnemar_exact(*four).p_value < once / 100


@pytest.mark.parametrize("metric", mostly_slow(["matthews", "pearson"], ["pearson"]))
def test_exchanges_of_whole_clusters_equal_enumeration(metric):
    units, gold, first, second = clustered(clusters=9, seed=4)
    if metric == "pearson":
        noise = np.random.default_rng(0).normal(size=(2, len(gold)))
        first, second = first + noise[0], second + noise[1]
    score = SCORES[metric]
    observed = score(first, gold) - score(second, gold)
    null = []
    for swaps in product((False, True), repeat=9):
        swap = np.array(swaps)[units]
        a, b = np.where(swap, second, first), np.where(swap, first, second)
        null.append(score(a, gold) - score(b, gold))
    expected = np.mean(np.abs(null) >= abs(observed) - 1e-12)
    found = swap_test(metric, first, second, gold, units, draws=9999)
    assert found.p_value == pytest.approx(expected, abs=0.02)
    single = swap_test(metric, first, second, gold, draws=1999)
    assert single.p_value != pytest.approx(expected, abs=0.02)


def test_ratios_are_exchanged_by_cluster():
    rng = np.random.default_rng(0)
    units = np.repeat(np.arange(20), 3)
    bottom = rng.integers(1, 6, 60).astype(float)
    sides = [np.stack([rng.binomial(bottom.astype(int), p), bottom])[..., None].astype(float)
             for p in (0.7, 0.5)]  # fmt: skip
    ids = [f"s{i}" for i in range(60)]
    summed = [over_units(side.swapaxes(0, 1), units).swapaxes(0, 1) for side in sides]
    assert summed[0].shape == (2, 20, 1)
    (first, second), (one, other) = sides, summed
    assert swap_ratios(first, second, ids, units)[0] == swap_ratios(one, other, ids)[0]
    few = swap_ratios(sides[0][:, :15], sides[1][:, :15], ids[:15], units[:15])[0]
    assert "5 clusters" in few.flag


def test_weights_are_the_same_inside_a_cluster():
    units = units_of(list("aabbbcd"))
    weights = np.concatenate(list(weight_blocks(list("1234567"), units, resamples=4000)))
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 2:5] == weights[:, [2]]).all()
    assert (weights[:, [0, 2, 5, 6]].sum(axis=1) == 4).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(7), abs=0.06)


def test_blocks_of_resamples_do_not_show(monkeypatch):
    from subprobe.analysis.statistics import clusters

    values = np.random.default_rng(0).integers(0, 9, size=(30, 2)).astype(float)
    whole = resampled(values, 1)
    monkeypatch.setattr(clusters, "_CELLS_AT_ONCE", 100)
    np.testing.assert_array_equal(resampled(values, 1), whole)
