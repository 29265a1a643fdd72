"""Intervals and tests of clustered examples on simulated data: two tables of their own."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
from subprobe.analysis.statistics.checks import LEAST_COVERAGE
from subprobe.analysis.statistics.paired_coverage import (
    CLUSTER_COVERAGE_FILE,
    CLUSTER_SIZE_FILE,
    OVER_CLUSTERS,
)
from subprobe.data.output.tables import write_csv

from .cluster_coverage import cluster_laws, cover_clusters
from .cluster_size import cluster_size_cases, cluster_size_rows
from .paired_coverage import PairLaw

SIMULATIONS = {"classes": 800, "numbers": 160, "ratio": 600}
"""Simulations of a law with one seed; those with several have half as many."""
SIZES = 400
_LINE = ["interval", "outcome", "over", "seeds", "n", "members", "icc", "share"]


def cluster_frame(
    covered: list[tuple[PairLaw, int, dict[tuple[str, str, str], float]]],
) -> Any:
    """One line for each interval, outcome and numbers: the lowest coverage over the laws."""
    lines = pd.DataFrame(
        [
            {"interval": interval, "outcome": outcome, "over": over, "seeds": law.seeds,
             "n": law.n // law.members, "members": law.members, "icc": law.icc,
             "share": law.share, "coverage": coverage, "simulations": simulations}
            for law, simulations, shares in covered
            for (interval, outcome, over), coverage in shares.items()
        ]
    )  # fmt: skip
    found = lines.groupby(_LINE, sort=True, dropna=False)
    table = found.agg(
        coverage=("coverage", lambda shares: shares.min(skipna=False)),
        highest=("coverage", "max"),
        laws=("coverage", "size"),
        simulations=("simulations", "max"),
    )
    return table.reset_index().round({"coverage": 4, "highest": 4})


def check_clusters(out: Path, scale: float) -> list[str]:
    """Simulate, write both tables, say what does not hold; returns the tests that are too large."""
    laws = sorted(cluster_laws(), key=lambda law: -law.n * law.seeds)
    cases = cluster_size_cases()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        halved = [SIMULATIONS[law.family] / min(2, law.seeds) for law in laws]
        counts = [max(20, round(n * scale)) for n in halved]
        shares = pool.map(cover_clusters, laws, counts, chunksize=2)
        tested = pool.map(cluster_size_rows, cases, [max(20, round(SIZES * scale))] * len(cases))
        table = cluster_frame(list(zip(laws, counts, shares, strict=True)))
        size = pd.DataFrame([row for rows in tested for row in rows])
    size = size.sort_values(["test", "over", "n", "icc"])
    size = size.round({"size": 4, "monte_carlo_error": 4})
    write_csv(table, out / CLUSTER_COVERAGE_FILE)
    write_csv(size, out / CLUSTER_SIZE_FILE)
    for over, lines in table.groupby("over"):
        low = lines[~(lines["coverage"] >= LEAST_COVERAGE)]
        print(f"{len(low)} of {len(lines)} intervals over {over} cover less than "
              f"{LEAST_COVERAGE:.0%} with clusters")  # fmt: skip
    ours = size[size["over"] == OVER_CLUSTERS]
    large = ours[~ours["holds"]]
    print(f"{len(large)} of {len(ours)} tests of clusters reject more than .05 + 2 Monte Carlo "
          "errors")  # fmt: skip
    return [large.to_string(index=False)] if len(large) else []
