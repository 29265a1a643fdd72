"""Coverage of the intervals of differences, from simulations.

The table is written by `make check-statistics`, as that of the intervals of agreement is.
"""

from __future__ import annotations

from functools import cache

import pandas as pd

from .checks import checks_table
from .weighted import CLASS_METRICS

COVERAGE_FILE = "paired_coverage.csv"
SIZE_FILE = "paired_size.csv"
CLUSTER_COVERAGE_FILE = "cluster_coverage.csv"
CLUSTER_SIZE_FILE = "cluster_size.csv"
CROSSED_COVERAGE_FILE = "crossed_coverage.csv"
CROSSED_SIZE_FILE = "crossed_size.csv"
EXAMPLES, SEEDS_AND_EXAMPLES = "examples", "seeds and examples"
TWO_RUNS = "seeds of two runs, and examples"
CROSSED_AND_EXAMPLES = "crossed seeds, and examples"
CROSSED_RUNS = "crossed seeds of two runs, and examples"
ONE_MODEL = "one model"
OVER_CLUSTERS, OVER_EXAMPLES = "clusters", "examples"
"""What the intervals and tests of the tables of clusters resample or exchange."""


def paired_coverage_table() -> pd.DataFrame:
    """The committed table: interval, outcome, n, seeds, share, coverage, highest, simulations.

    `coverage` is the lowest over the laws that were simulated for one line.
    """
    return checks_table(COVERAGE_FILE)


def cluster_coverage_table() -> pd.DataFrame:
    """The committed table of clusters of four: its columns are those of `paired_coverage_table`,
    with `over` (what is resampled), `members` of a cluster, `icc` (how alike they are), and with n
    the number of clusters.
    """
    return checks_table(CLUSTER_COVERAGE_FILE)


def coverage_of_difference(
    interval: str, outcome: str, *, n: int, seeds: float = 1, share: float = float("nan"),
    clustered: bool = False,
) -> float | None:  # fmt: skip
    """Simulated coverage at the numbers in use, or None where none was simulated.

    Args:
        interval: `examples`, `seeds and examples`, `seeds of two runs, and examples`, or the same
            of crossed seeds.
        outcome: a metric, or `ratio` (of sums over sentences).
        n: independent units; the next smaller number simulated counts.
        seeds: S, of crossed seeds the smaller number of the two; the next smaller number simulated
            counts.
        share: share of items on which the models differ; the next smaller share simulated counts,
            or the smallest. Only for class metrics.
        clustered: whether the units are clusters of items; the lowest coverage over all
            simulated degrees of likeness inside a cluster counts.
    """
    if outcome == "pearson_spearman":
        parts = [
            coverage_of_difference(interval, name, n=n, seeds=seeds, clustered=clustered)
            for name in ("pearson", "spearman")
        ]
        known = [part for part in parts if part is not None]
        return min(known) if len(known) == len(parts) else None
    lines = _lines().get((interval, outcome, clustered), [])
    for place, value in ((0, n), (1, seeds)):
        smaller = [line[place] for line in lines if line[place] <= value]
        if not smaller:
            return None
        lines = [line for line in lines if line[place] == max(smaller)]
    # of classes it also hangs on the share of items on which the two models differ
    if outcome in CLASS_METRICS:
        shares = [line[2] for line in lines]
        smaller = [one for one in shares if one <= share]
        wanted = max(smaller) if smaller else min(shares)
        lines = [line for line in lines if line[2] == wanted]
    return min(line[3] for line in lines)


@cache
def _lines() -> dict[tuple[str, str, bool], list[tuple[float, float, float, float]]]:
    """(interval, outcome, clustered) -> n, seeds, share, coverage: asked thousands of times."""
    found: dict[tuple[str, str, bool], list[tuple[float, float, float, float]]] = {}
    clusters = cluster_coverage_table()
    clusters = clusters[clusters["over"] == OVER_CLUSTERS]
    crossed = checks_table(CROSSED_COVERAGE_FILE)
    tables = (False, paired_coverage_table()), (True, clusters), (False, crossed), (True, crossed)
    for clustered, table in tables:
        for line in table.itertuples():
            numbers = float(line.n), float(line.seeds), float(line.share), float(line.coverage)
            found.setdefault((line.interval, line.outcome, clustered), []).append(numbers)
    return found
