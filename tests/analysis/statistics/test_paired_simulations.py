"""Intervals and tests of differences against simulated data with a known truth.

The short form of `make check-statistics`: a few lines of the committed tables, simulated again.
"""

import numpy as np
import pandas as pd
import pytest
from paired_simulation import (
    PairLaw,
    cover_pairs,
    mcnemar_size,
    paired_size_rows,
    population,
)
from scipy.stats import binomtest
from subprobe.analysis.statistics.checks import checks_table, trusted
from subprobe.analysis.statistics.paired_coverage import (
    EXAMPLES,
    SEEDS_AND_EXAMPLES,
    SIZE_FILE,
    TWO_RUNS,
    coverage_of_difference,
    paired_coverage_table,
)
from subprobe.data.tasks.metrics import METRICS

pytestmark = pytest.mark.slow

NAN = float("nan")


@pytest.mark.parametrize("metric", ["accuracy", "matthews", "f1"])
def test_the_truth_is_what_many_examples_score(metric):
    rng = np.random.default_rng(0)
    gold = rng.binomial(1, 0.6, 200_000)
    said = np.where(rng.random(200_000) < 0.8, gold, 1 - gold)
    assert population(metric, 0.8) == pytest.approx(METRICS[metric](said, gold), abs=0.01)


@pytest.mark.parametrize(
    "law",
    [
        PairLaw("classes", 300, 1, 0.15, 0.6, 0.06, 0.0),
        PairLaw("ratio", 100, 1, NAN, 0.8, 0.1, 0.0),
        PairLaw("classes", 100, 10, 0.15, 0.6, 0.06, 0.3),
    ],
)
def test_intervals_cover_what_the_table_says(law):
    """The table has the lowest and the highest of several laws, simulated with the same seeds."""
    table = paired_coverage_table()
    table = table[(table["n"] == law.n) & (table["seeds"] == law.seeds)]
    table = table[table["share"].isna() if np.isnan(law.share) else table["share"] == law.share]
    lines = table.set_index(["interval", "outcome"])
    simulations = 240
    found = cover_pairs(law, simulations)
    for key, coverage in found.items():
        line = lines.loc[key]
        assert trusted(line["coverage"])
        assert line["simulations"] == simulations
        # other processors round otherwise: one simulation more or less
        least, most = line["coverage"] - 1.1 / simulations, line["highest"] + 1.1 / simulations
        assert least <= coverage <= most, key


def test_few_differing_examples_are_not_trusted():
    law = PairLaw("classes", 30, 1, 0.05, 0.9, 0.02, 0.0)
    assert not min(cover_pairs(law, 150).values()) >= 0.92
    for metric in ("accuracy", "matthews", "f1"):
        assert not trusted(coverage_of_difference(EXAMPLES, metric, n=30, share=0.05))


def test_every_test_of_the_table_holds_its_size():
    table = checks_table(SIZE_FILE)
    assert table["holds"].all()
    limit = 0.05 + 2 * table["monte_carlo_error"]
    assert (table["size"] <= limit + 1e-3).all()
    known = table[table["attainable"].notna()]
    error = np.sqrt(np.maximum(known["attainable"], 0.002) / known["simulations"])
    assert ((known["size"] - known["attainable"]).abs() <= 3.5 * error).all()
    five = known[(known["test"] == "sign flips over seeds") & (known["seeds"] == 5)]
    assert five[["size", "attainable"]].to_numpy().tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize(
    ("case", "simulations"),
    [
        pytest.param(("items", 30, 1), 600, marks=pytest.mark.slow),
        (("seeds", 1, 6), 4000),
        (("seeds", 1, 4), 4000),
    ],
)
def test_sizes_simulated_again_are_those_of_the_table(case, simulations):
    table = checks_table(SIZE_FILE).set_index(["test", "n", "seeds"])
    for row in paired_size_rows(case, simulations):
        line = table.loc[(row["test"], row["n"], row["seeds"])]
        assert line["simulations"] == simulations
        assert row["size"] == pytest.approx(line["size"], abs=1.1 / simulations), row


def test_tests_over_items_reject_but_not_too_often():
    for row in paired_size_rows(("items", 30, 1), 150):
        assert 0 < row["size"] <= 0.05 + 3 * row["monte_carlo_error"], row


def test_exact_size_of_mcnemar_is_a_sum_over_outcomes():
    from scipy.stats import binom

    n, share, size = 12, 0.4, 0.0
    for k in range(n + 1):
        for one in range(k + 1):
            p = binomtest(one, k).pvalue if k else 1.0
            size += binom.pmf(k, n, share) * binom.pmf(one, k, 0.5) * (p <= 0.05)
    assert mcnemar_size(n, share) == pytest.approx(size)


def test_the_table_has_every_interval_at_the_numbers_asked_for():
    table = paired_coverage_table()
    assert set(table["interval"]) == {EXAMPLES, SEEDS_AND_EXAMPLES, TWO_RUNS}
    alone = table[table["interval"] == EXAMPLES]
    assert {5, 10, 30} <= set(alone["n"])
    several = table[table["interval"] == SEEDS_AND_EXAMPLES]
    assert {5, 10, 30} <= set(several["seeds"])
    assert set(table["outcome"]) == {"accuracy", "matthews", "f1", "pearson", "spearman", "ratio"}


def test_coverage_is_looked_up_at_no_more_than_what_was_simulated(monkeypatch):
    from subprobe.analysis.statistics import paired_coverage

    line = {"interval": EXAMPLES, "outcome": "accuracy", "seeds": 1}
    table = pd.DataFrame(
        [
            {**line, "n": 30, "share": 0.05, "coverage": 0.8},
            {**line, "n": 30, "share": 0.15, "coverage": 0.94},
            {**line, "n": 100, "share": 0.05, "coverage": 0.93},
            {**line, "outcome": "pearson", "n": 30, "share": NAN, "coverage": 0.9},
        ]
    )
    monkeypatch.setattr(paired_coverage, "paired_coverage_table", lambda: table)
    paired_coverage._lines.cache_clear()
    try:
        looked = {
            (n, share): coverage_of_difference(EXAMPLES, "accuracy", n=n, share=share)
            for n, share in ((10, 0.3), (99, 0.1), (99, 0.3), (30, 0.01), (5000, 0.9))
        }
        assert looked == {
            (10, 0.3): None, (99, 0.1): 0.8, (99, 0.3): 0.94, (30, 0.01): 0.8, (5000, 0.9): 0.93,
        }  # fmt: skip
        assert coverage_of_difference(EXAMPLES, "pearson", n=40) == 0.9
        assert coverage_of_difference(EXAMPLES, "pearson_spearman", n=40) is None
        assert coverage_of_difference(SEEDS_AND_EXAMPLES, "pearson", n=40, seeds=5) is None
    finally:
        paired_coverage._lines.cache_clear()
