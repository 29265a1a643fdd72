"""Intervals and tests with clusters of four, against simulated data with a known truth.

The short form of that part of `make check-statistics`: a few lines of its tables, simulated again.
"""

import numpy as np
import pytest
from subprobe.analysis.statistics.checks import checks_table, trusted
from subprobe.analysis.statistics.paired_coverage import (
    CLUSTER_SIZE_FILE,
    EXAMPLES,
    ONE_MODEL,
    OVER_CLUSTERS,
    OVER_EXAMPLES,
    cluster_coverage_table,
    coverage_of_difference,
)
from subprobe.benchmarks.cluster_coverage import ALIKE, CLUSTERS, MEMBERS, cover_clusters
from subprobe.benchmarks.cluster_size import cluster_size_rows
from subprobe.benchmarks.paired_coverage import PairLaw

SIMULATIONS = 120
ERROR = np.sqrt(0.95 * 0.05 / SIMULATIONS)


@pytest.mark.parametrize("icc", ALIKE)
def test_intervals_over_clusters_cover_what_the_table_says(icc):
    law = PairLaw("classes", 100 * MEMBERS, 1, 0.15, 0.6, 0.06, 0.0, MEMBERS, icc)
    found = cover_clusters(law, SIMULATIONS, resamples=300)
    for metric in ("accuracy", "matthews", "f1"):
        known = coverage_of_difference(EXAMPLES, metric, n=100, share=0.15, clustered=True)
        assert trusted(known)
        assert found[EXAMPLES, metric, OVER_CLUSTERS] >= known - 3 * ERROR
        assert found[ONE_MODEL, metric, OVER_CLUSTERS] >= 0.95 - 3.5 * ERROR
        if icc == 0.8:
            # what resampling single sentences claims to cover, it does not
            assert found[ONE_MODEL, metric, OVER_EXAMPLES] < 0.95 - 3.5 * ERROR


def test_the_table_has_clusters_at_every_degree_of_likeness():
    table = cluster_coverage_table()
    assert set(table["icc"]) == set(ALIKE)
    assert set(table["n"]) == set(CLUSTERS)
    assert set(table["members"]) == {MEMBERS}
    assert set(table["outcome"]) == {"accuracy", "matthews", "f1", "pearson", "spearman", "ratio"}
    alone = table[(table["interval"] == ONE_MODEL) & (table["n"] == 100) & (table["icc"] == 0.8)]
    least = alone.groupby("over")["coverage"].min()
    assert least[OVER_CLUSTERS] > 0.88
    assert least[OVER_EXAMPLES] < 0.8


def test_coverage_with_clusters_is_the_lowest_over_degrees_of_likeness():
    table = cluster_coverage_table()
    mine = table[
        (table["interval"] == EXAMPLES) & (table["outcome"] == "f1") & (table["n"] == 30)
        & (table["share"] == 0.05) & (table["over"] == OVER_CLUSTERS)
    ]  # fmt: skip
    assert len(mine) == len(ALIKE)
    found = coverage_of_difference(EXAMPLES, "f1", n=99, share=0.1, clustered=True)
    assert found == pytest.approx(mine["coverage"].min())
    assert coverage_of_difference(EXAMPLES, "f1", n=4, share=0.1, clustered=True) is None


def test_tests_that_exchange_clusters_hold_their_size_and_mcnemars_does_not():
    table = checks_table(CLUSTER_SIZE_FILE)
    ours = table[table["over"] == OVER_CLUSTERS]
    assert ours["holds"].all()
    assert set(ours["test"]) == {
        "signs of clusters, exact", "McNemar of effective counts", "exchanged answers, matthews",
        "exchanged answers, f1", "exchanged answers, pearson", "exchanged sentences",
    }  # fmt: skip
    single = table[(table["test"] == "McNemar, exact") & (table["icc"] == 0.8) & (table["n"] >= 30)]
    assert len(single)
    assert (single["size"] > 0.1).all()


@pytest.mark.parametrize("icc", [0.0, 0.8])
def test_sizes_simulated_again_hold(icc):
    ours = [row for row in cluster_size_rows((30, icc), 80) if row["over"] == OVER_CLUSTERS]
    assert len(ours) == 6
    for row in ours:
        assert row["size"] <= 0.05 + 3 * row["monte_carlo_error"], row
