"""Resampled scores, paired intervals and exchange tests against plain loops and scipy."""

import itertools

import numpy as np
import pytest
from scipy.stats import binomtest, permutation_test, ttest_1samp
from subprobe.analysis.statistics.paired import (
    cohens_h,
    d_z,
    expanded_limits,
    over_seeds_and_examples,
    over_two_runs,
    seed_weights,
    t_limits,
)
from subprobe.analysis.statistics.paired_ratios import swap_ratios
from subprobe.analysis.statistics.paired_tests import (
    exchanged_groups,
    sign_flips,
    swap_test,
)
from subprobe.analysis.statistics.uncertainty import mcnemar_exact
from subprobe.analysis.statistics.weighted import weight_blocks, weighted_scores
from subprobe.data.tasks.metrics import METRICS
from tiers import mostly_slow

CLASSES = ("accuracy", "matthews", "f1")
NUMBERS = ("pearson", "spearman", "pearson_spearman")


def answers(metric, n=40, models=3, seed=0):
    rng = np.random.default_rng(seed)
    if metric in CLASSES:
        gold = rng.integers(0, 2 if metric == "f1" else 3, n)
        wrong = rng.integers(0, 2 if metric == "f1" else 3, (n, models))
        return np.where(rng.random((n, models)) < 0.6, gold[:, None], wrong), gold
    gold = rng.integers(0, 6, n).astype(float)  # ties
    return np.round(gold[:, None] + rng.normal(0, 1.5, (n, models)), 1), gold


@pytest.mark.parametrize("metric", [*CLASSES, *NUMBERS])
def test_weighted_scores_equal_the_metric_of_the_copied_examples(metric):
    said, gold = answers(metric)
    blocks = list(weight_blocks([str(i) for i in range(len(gold))], resamples=25))
    weights = np.concatenate([np.ones((1, len(gold)), np.float32), *blocks])
    found = weighted_scores(metric, said, gold, weights)
    for row, counts in enumerate(weights.astype(int)):
        for model in range(said.shape[1]):
            copied = METRICS[metric](np.repeat(said[:, model], counts), np.repeat(gold, counts))
            assert found[row, model] == pytest.approx(copied, abs=1e-6)


def test_weights_are_bootstrap_samples_shared_by_equal_items():
    ids = [f"x{i}" for i in range(30)]
    first = np.concatenate(list(weight_blocks(ids, resamples=4000)))
    assert set(first.sum(axis=1)) == {30}
    # binomial(30, 1 / 30)
    assert first.mean() == pytest.approx(1)
    assert first.var() == pytest.approx(29 / 30, rel=0.03)
    assert (first == np.concatenate(list(weight_blocks(ids, resamples=4000)))).all()
    assert (first != np.concatenate(list(weight_blocks(ids[::-1], resamples=4000)))).any()


def test_blocks_do_not_change_the_weights(monkeypatch):
    ids = [str(i) for i in range(10)]
    whole = np.concatenate(list(weight_blocks(ids, resamples=50)))
    monkeypatch.setattr("subprobe.analysis.statistics.weighted._CELLS_AT_ONCE", 70)
    blocks = list(weight_blocks(ids, resamples=50))
    assert len(blocks) == 8
    assert (np.concatenate(blocks) == whole).all()


def test_expanded_limits_of_a_mean_are_the_t_interval():
    half = np.random.default_rng(1).normal(size=6)
    x = np.r_[half, -half] + 0.2  # percentiles of a skewed sample are skewed, which t is not
    weights = np.concatenate(list(weight_blocks([str(i) for i in range(12)], resamples=40_000)))
    low, high = expanded_limits(weights.astype(float) @ x / 12, 12)
    exact = ttest_1samp(x, 0).confidence_interval()
    width = exact.high - exact.low
    assert (low, high) == pytest.approx((exact.low, exact.high), abs=0.06 * width)
    plain = np.quantile(weights.astype(float) @ x / 12, [0.025, 0.975])
    assert high - low > 1.1 * (plain[1] - plain[0])


def test_limits_that_cannot_be_made_are_empty():
    for samples, n in ((np.ones(50), 20), (np.arange(50.0), 1), (np.r_[np.nan, 1.0], 9)):
        assert np.isnan(expanded_limits(samples, n)).all()
        assert np.isnan(t_limits(0.0, samples, n)).all()


def test_seeds_without_item_noise_give_the_t_interval_over_seeds():
    gaps = np.array([0.1, 0.14, 0.08, 0.2, 0.11])
    samples = np.broadcast_to(gaps, (40_000, 5))
    low, high = over_seeds_and_examples(gaps.mean(), samples)
    exact = ttest_1samp(gaps, 0).confidence_interval()
    assert (low, high) == pytest.approx((exact.low, exact.high), rel=0.02)
    alone = over_seeds_and_examples(0.1, np.random.default_rng(0).normal(size=(200, 1)))
    assert np.isnan(alone).all()


def test_two_runs_add_the_variances_of_their_seeds():
    rng = np.random.default_rng(4)
    a, b = rng.normal(0, 1, 6), rng.normal(0, 2, 6)
    low, high = over_two_runs(0.3, np.tile(a, (40_000, 1)), np.tile(b, (40_000, 1)))
    se = np.sqrt(a.var(ddof=1) / 6 + b.var(ddof=1) / 6)
    assert (low + high) / 2 == pytest.approx(0.3)
    assert (high - low) / 2 == pytest.approx(2.5706 * se, rel=0.02)


def test_seed_weights_are_shares_and_cannot_be_changed():
    weights = seed_weights(5, 300)
    assert weights.sum(axis=1) == pytest.approx(1)
    with pytest.raises(ValueError, match="read-only"):
        weights[0, 0] = 2


@pytest.mark.parametrize("n", [6, 9])
def test_sign_flips_equal_scipy(n):
    d = np.random.default_rng(n).normal(0.4, 1, n)
    expected = permutation_test((d,), np.mean, permutation_type="samples", n_resamples=np.inf)
    found = sign_flips(d)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.floor == 2 / 2**n


def test_five_seeds_cannot_reach_the_level_and_say_so():
    found = sign_flips([0.1, 0.2, 0.3, 0.1, 0.2])
    assert np.isnan(found.p_value)
    assert "5 seeds; 6 are needed" in found.flag
    assert sign_flips([0.1, 0.2, 0.3, 0.1, 0.2, 0.1]).p_value == pytest.approx(2 / 64)
    assert sign_flips([]).flag == "fewer than 2 seeds"


def test_many_seeds_are_sampled():
    d = np.random.default_rng(0).normal(0.5, 1, 25)
    exact = permutation_test((d,), np.mean, permutation_type="samples", n_resamples=20_000, rng=1)
    assert sign_flips(d).p_value == pytest.approx(exact.pvalue, abs=0.01)


@pytest.mark.parametrize(("n", "m"), [(4, 4), (3, 5), (6, 7)])
def test_exchanged_groups_equal_a_loop_over_divisions(n, m):
    rng = np.random.default_rng(n)
    a, b = rng.normal(0, 1, n), rng.normal(1.2, 1, m)
    pooled = np.r_[a, b]
    gaps = []
    for chosen in itertools.combinations(range(n + m), n):
        mine = pooled[list(chosen)]
        rest = np.delete(pooled, list(chosen))
        gaps.append(abs(mine.mean() - rest.mean()))
    expected = np.mean(np.array(gaps) >= abs(a.mean() - b.mean()) - 1e-12)
    assert exchanged_groups(a, b).p_value == pytest.approx(expected)


def test_three_seeds_a_run_cannot_reach_the_level():
    found = exchanged_groups([1, 2, 3], [7, 8, 9])
    assert np.isnan(found.p_value)
    assert found.floor == pytest.approx(0.1)
    assert "3 and 3 seeds are too few" in found.flag


def test_exchanged_accuracy_is_mcnemar():
    rng = np.random.default_rng(3)
    gold = rng.integers(0, 2, 200)
    a = np.where(rng.random(200) < 0.8, gold, 1 - gold)
    b = np.where(rng.random(200) < 0.7, gold, 1 - gold)
    exact = mcnemar_exact(a == gold, b == gold)
    by_hand = binomtest(exact.only_first, exact.only_first + exact.only_second).pvalue
    assert exact.p_value == pytest.approx(by_hand)
    found = swap_test("accuracy", a, b, gold, draws=20_000)
    assert found.p_value == pytest.approx(exact.p_value, abs=0.01)


@pytest.mark.parametrize(
    "metric", mostly_slow(["matthews", "f1", "pearson", "spearman"], ["matthews", "pearson"])
)
def test_exchanged_answers_equal_a_plain_loop(metric):
    said, gold = answers(metric, n=30, models=2, seed=7)
    a, b = said.T
    observed = abs(METRICS[metric](a, gold) - METRICS[metric](b, gold))
    rng, null = np.random.default_rng(9), []
    for _ in range(1500):
        swap = rng.random(30) < 0.5
        first, second = np.where(swap, b, a), np.where(swap, a, b)
        null.append(abs(METRICS[metric](first, gold) - METRICS[metric](second, gold)))
    expected = (1 + np.sum(np.array(null) >= observed - 1e-12)) / 1501
    assert swap_test(metric, a, b, gold).p_value == pytest.approx(expected, abs=0.04)


def test_tests_on_items_say_when_too_few_differ():
    gold = np.zeros(50, int)
    other = gold.copy()
    other[:4] = 1
    found = swap_test("matthews", gold, other, gold)
    assert np.isnan(found.p_value)
    assert "differ on 4 items; 6 are needed" in found.flag
    assert swap_test("f1", gold, gold, gold).flag == "the two never differ"


def test_exchanged_sentences_equal_a_plain_loop():
    rng = np.random.default_rng(5)
    n = 25
    first, second = rng.integers(1, 9, (2, 2, n, 2)).astype(float)
    second[:, :, 1] = first[:, :, 1]  # the second column never differs
    found = swap_ratios(first, second, [str(i) for i in range(n)])
    a, b = first[:, :, 0], second[:, :, 0]
    observed, null = abs(a[0].sum() / a[1].sum() - b[0].sum() / b[1].sum()), []
    for _ in range(2000):
        swap = rng.random(n) < 0.5
        x, y = np.where(swap, b, a), np.where(swap, a, b)
        null.append(abs(x[0].sum() / x[1].sum() - y[0].sum() / y[1].sum()))
    expected = (1 + np.sum(np.array(null) >= observed - 1e-12)) / 2001
    assert found[0].p_value == pytest.approx(expected, abs=0.04)
    assert found[1].flag == "the two never differ"


def test_effect_sizes_are_cohens():
    assert cohens_h(0.5, 0.5) == 0
    assert cohens_h(1.0, 0.0) == pytest.approx(np.pi)
    assert d_z([1.0, 2.0, 3.0]) == pytest.approx(2.0)
    assert np.isnan(d_z([1.0]))
    assert np.isnan(d_z([1.0, 1.0]))
