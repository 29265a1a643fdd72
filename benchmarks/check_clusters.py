"""Intervals and tests of clustered examples on simulated data: two tables of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from subprobe.analysis.statistics.checks import LEAST_COVERAGE
from subprobe.analysis.statistics.paired_coverage import (
    CLUSTER_COVERAGE_FILE,
    CLUSTER_SIZE_FILE,
    OVER_CLUSTERS,
)

from .cluster_coverage import cluster_laws, cover_clusters
from .cluster_size import cluster_size_cases, cluster_size_rows
from .paired_coverage import PairLaw
from .simulated_tables import (
    coverage_table,
    fewest,
    simulate,
    size_table,
    too_large,
    write_both,
)

SIMULATIONS = {"classes": 800, "numbers": 160, "ratio": 600}
"""Simulations of a law with one seed; those with several have half as many."""
SIZES = 400


def _about(law: PairLaw, key: tuple[str, str, str]) -> dict[str, Any]:
    interval, outcome, over = key
    return {"interval": interval, "outcome": outcome, "over": over, "seeds": law.seeds,
            "n": law.n // law.members, "members": law.members, "icc": law.icc,
            "share": law.share}  # fmt: skip


def check_clusters(out: Path, scale: float) -> list[str]:
    """Simulate, write both tables, report failures; returns the tests whose size exceeds .05."""
    laws = sorted(cluster_laws(), key=lambda law: -law.n * law.seeds)
    covered, tested = simulate(
        [(law, fewest(SIMULATIONS[law.family] / min(2, law.seeds) * scale)) for law in laws],
        cover_clusters,
        [(case, fewest(SIZES * scale)) for case in cluster_size_cases()], cluster_size_rows,
    )  # fmt: skip
    table, size = coverage_table(covered, _about), size_table(tested, ["test", "over", "n", "icc"])
    write_both(table, size, (out / CLUSTER_COVERAGE_FILE, out / CLUSTER_SIZE_FILE))
    for over, lines in table.groupby("over"):
        low = lines[~(lines["coverage"] >= LEAST_COVERAGE)]
        print(f"{len(low)} of {len(lines)} intervals over {over} cover less than "
              f"{LEAST_COVERAGE:.0%} with clusters")  # fmt: skip
    ours = size[size["over"] == OVER_CLUSTERS]
    print(f"{(~ours['holds']).sum()} of {len(ours)} tests of clusters reject more than .05 + 2 "
          "Monte Carlo errors")  # fmt: skip
    return too_large(ours)
