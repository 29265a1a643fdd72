"""Intervals cover what they say, tests have the size they say, corrections are the textbook's."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef
from statsmodels.stats.multitest import multipletests
from subprobe.analysis.statistics.corrections import adjust, adjust_rows, out_of_reach
from subprobe.analysis.statistics.uncertainty import (
    bootstrap_interval,
    mcnemar_exact,
    permutation_p,
)
from tiers import mostly_slow


def labelled(n: int, seed: int, classes: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, classes, n)
    predicted = np.where(rng.random(n) < 0.7, gold, rng.integers(0, classes, n))
    return predicted, gold


CLASS_METRICS = {
    "accuracy": lambda p, g: accuracy_score(g, p),
    "matthews": lambda p, g: matthews_corrcoef(g, p),
    "f1": lambda p, g: f1_score(g, p, zero_division=0),
}
PAIR_METRICS = {
    "pearson": lambda p, g: pearsonr(p, g).statistic,
    "spearman": lambda p, g: spearmanr(p, g).statistic,
    "pearson_spearman": lambda p, g: (pearsonr(p, g).statistic + spearmanr(p, g).statistic) / 2,
}


@pytest.mark.parametrize("name", mostly_slow(CLASS_METRICS, ["accuracy"]))
def test_multinomial_resampling_agrees_with_a_plain_loop(name):
    predicted, gold = labelled(150, 3)
    fast = bootstrap_interval(name, predicted, gold, resamples=6000)
    loop = bootstrap_interval(CLASS_METRICS[name], predicted, gold, resamples=600, seed=9)
    width = fast.high - fast.low
    assert width > 0.05
    assert fast.low == pytest.approx(loop.low, abs=0.12 * width)
    assert fast.high == pytest.approx(loop.high, abs=0.12 * width)


def test_three_classes_have_the_matthews_of_sklearn():
    predicted, gold = labelled(60, 5, classes=3)
    # nothing left to resample: every example is of one of 9 cells, taken as they are
    whole = bootstrap_interval("matthews", predicted, gold, resamples=4000)
    assert whole.low < matthews_corrcoef(gold, predicted) < whole.high


@pytest.mark.parametrize("name", PAIR_METRICS)
def test_vectorised_correlations_equal_a_loop_over_the_same_resamples(name):
    rng = np.random.default_rng(2)
    gold = rng.integers(0, 6, 40).astype(float)  # ties
    predicted = gold + rng.normal(0, 1.5, 40)
    fast = bootstrap_interval(name, predicted, gold, resamples=300, seed=4)
    loop = bootstrap_interval(PAIR_METRICS[name], predicted, gold, resamples=300, seed=4)
    assert fast.low == pytest.approx(loop.low, abs=1e-12)
    assert fast.high == pytest.approx(loop.high, abs=1e-12)


def test_one_class_predictions_have_no_spread_to_speak_of():
    gold = np.array([0, 1] * 20)
    for name in ("accuracy", "matthews", "f1"):
        found = bootstrap_interval(name, np.zeros(40, int), gold)
        assert np.isnan([found.low, found.high]).all()
        assert found.method == "no interval: the prediction is the same for every example"
    assert np.isnan(bootstrap_interval("pearson", np.ones(40), gold).high)


def test_resamples_without_one_of_the_classes_score_zero_and_not_nan():
    gold, predicted = np.array([0] * 9 + [1]), np.array([0] * 8 + [1, 1])
    for name in ("matthews", "f1"):
        found = bootstrap_interval(name, predicted, gold)
        assert found.low == 0
        assert found.high == 1


@pytest.mark.parametrize("n", [30, 200])
def test_bootstrap_covers_the_true_accuracy(n):
    rng, true, covered, runs = np.random.default_rng(n), 0.8, 0, 600
    for run in range(runs):
        right = (rng.random(n) < true).astype(int)
        found = bootstrap_interval("accuracy", right, np.ones(n, int), resamples=400, seed=run)
        covered += found.low <= true <= found.high
    error = 2 * np.sqrt(0.95 * 0.05 / runs)
    assert (0.90 if n == 30 else 0.95 - error - 0.01) <= covered / runs <= 0.95 + error + 0.02


def test_bootstrap_is_seeded_and_says_what_it_covers():
    predicted, gold = labelled(80, 1)
    first = bootstrap_interval("accuracy", predicted, gold, seed=5)
    assert first == bootstrap_interval("accuracy", predicted, gold, seed=5)
    # an accuracy has only n + 1 values, so another seed shows in a statistic that has more
    x = np.random.default_rng(0).normal(size=80)
    y = x + np.random.default_rng(1).normal(size=80)
    assert bootstrap_interval("pearson", x, y, seed=5) != bootstrap_interval(
        "pearson", x, y, seed=6
    )
    assert "over examples" in first.method


@pytest.mark.parametrize(
    ("metric", "predicted", "gold"),
    [("accuracy", [], []), ("accuracy", [1], [1, 0]), ("bleu", [1], [1])],
)
def test_bootstrap_refuses_what_it_cannot_do(metric, predicted, gold):
    with pytest.raises(ValueError, match=r"equal-length 1-d arrays|cannot be bootstrapped"):
        bootstrap_interval(metric, predicted, gold)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_mcnemar_is_the_two_sided_binomial_test(pairs):
    first, second = (np.array(column) for column in zip(*pairs, strict=True))
    found = mcnemar_exact(first, second)
    b, c = int((first & ~second).sum()), int((~first & second).sum())
    expected = min(1.0, 2 * binom.cdf(min(b, c), b + c, 0.5)) if b + c else 1.0
    assert (found.only_first, found.only_second) == (b, c)
    assert found.p_value == pytest.approx(expected, abs=1e-12)
    assert mcnemar_exact(second, first).p_value == pytest.approx(found.p_value)


def test_mcnemar_needs_the_same_examples():
    with pytest.raises(ValueError, match="same examples"):
        mcnemar_exact([True], [True, False])


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.integers(-1, 6))
def test_permutation_p_equals_counting(null, observed):
    above = (1 + sum(x >= observed for x in null)) / (1 + len(null))
    below = (1 + sum(x <= observed for x in null)) / (1 + len(null))
    assert permutation_p(observed, null, alternative="greater") == pytest.approx(above)
    assert permutation_p(observed, null, alternative="less") == pytest.approx(below)
    assert permutation_p(observed, null) == pytest.approx(min(1, 2 * min(above, below)))
    assert above >= 1 / (1 + len(null))


def test_permutation_p_of_an_exchangeable_observation_is_uniform():
    # every rank of the observation among 20 is equally likely, and each gives its own p
    ranks = range(20)
    p = [
        permutation_p(rank, [x for x in ranks if x != rank], alternative="greater")
        for rank in ranks
    ]
    assert sorted(p) == pytest.approx([k / 20 for k in range(1, 21)])
    assert sum(x <= 0.05 + 1e-9 for x in p) == 1
    both = [permutation_p(rank, [x for x in ranks if x != rank]) for rank in ranks]
    assert sum(x <= 0.05 for x in both) == 0  # 19 draws cannot reach .05 two-sided
    assert sum(x <= 0.1 + 1e-9 for x in both) == 2


def test_permutation_p_of_nothing_is_nothing():
    assert np.isnan(permutation_p(float("nan"), [1.0]))
    assert np.isnan(permutation_p(1.0, []))
    with pytest.raises(ValueError, match="unknown alternative"):
        permutation_p(1.0, [1.0], alternative="upper")


def holm(p: list[float]) -> list[float]:
    order = sorted(range(len(p)), key=lambda i: p[i])
    found, worst = [0.0] * len(p), 0.0
    for rank, i in enumerate(order):
        worst = max(worst, min(1.0, (len(p) - rank) * p[i]))
        found[i] = worst
    return found


def benjamini_hochberg(p: list[float]) -> list[float]:
    order = sorted(range(len(p)), key=lambda i: -p[i])
    found, best = [0.0] * len(p), 1.0
    for back, i in enumerate(order):
        best = min(best, p[i] * len(p) / (len(p) - back))
        found[i] = best
    return found


@settings(max_examples=30)
@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=20))
def test_corrections_equal_the_textbook(p):
    assert adjust(p, "holm") == pytest.approx(holm(p))
    assert adjust(p, "fdr_bh") == pytest.approx(benjamini_hochberg(p))


@pytest.mark.parametrize("method", ["holm", "fdr_bh"])
def test_corrections_equal_those_of_statsmodels(method):
    p = np.random.default_rng(1).uniform(size=200) ** 3
    p[:20] = p[20:40]
    assert adjust(p, method) == pytest.approx(multipletests(p, method=method)[1])


def test_missing_p_values_are_no_tests():
    assert adjust([0.01, np.nan, 0.04]) == pytest.approx([0.02, np.nan, 0.04], nan_ok=True)
    assert np.isnan(adjust([np.nan])).all()
    with pytest.raises(ValueError, match="unknown correction"):
        adjust([0.1], "sidak")


def test_rows_are_corrected_within_their_family():
    rows = pd.DataFrame(
        {"task": ["a", "a", "b", "b"], "p_value": pd.array([0.01, 0.04, 0.03, pd.NA], "Float64")}
    )
    found = adjust_rows(rows, ["task"])
    assert found["p_adjusted"].tolist() == pytest.approx([0.02, 0.04, 0.03, np.nan], nan_ok=True)
    assert found["family_size"].tolist()[:3] == [2, 2, 1]
    assert found["family_size"].isna().tolist() == [False, False, False, True]
    assert found["correction"].tolist()[:3] == ["Holm"] * 3
    assert adjust_rows(rows)["family_size"].tolist()[:3] == [3, 3, 3]


def test_a_family_that_no_outcome_brings_to_05_says_so():
    said = "smallest possible corrected p is 0.06: 60 tests, each with p >= 0.001"
    assert out_of_reach([0.001] * 60) == said
    assert out_of_reach([0.001] * 50) == ""
    assert out_of_reach([0.001] * 60, "fdr_bh") == ""
    # the best of its tests decides
    one = "smallest possible corrected p is 0.0525: 21 tests, each with p >= 0.0025"
    assert out_of_reach([0.5] * 20 + [0.0025]) == one
    assert out_of_reach([0.5] * 20 + [0.0023]) == ""
    assert out_of_reach([0.5, np.nan]) == ""
    rows = pd.DataFrame(
        {
            "task": ["a", "a", "b", "b"],
            "p_value": pd.array([0.04, 0.04, 0.04, pd.NA], "Float64"),
            "flag": pd.array([pd.NA, "known", pd.NA, pd.NA], "string"),
        }
    )
    floors = pd.Series(0.04, index=rows.index)
    found = adjust_rows(rows, ["task"], floors=floors)
    assert found["flag"].fillna("").tolist() == [
        "smallest possible corrected p is 0.08: 2 tests, each with p >= 0.04", "known", "", ""
    ]  # fmt: skip
    assert adjust_rows(rows, ["task"])["flag"].isna().tolist() == [True, False, True, True]
