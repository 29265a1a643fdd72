"""Check intervals and tests on simulated data with a known truth, and write the tables.

`make check-statistics` runs it. The tables in `data/resources/checks/` are read by the package,
which reports an interval only if its simulated coverage suffices, and by the tests of sizes.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import subprobe
from subprobe.analysis.stability.coverage import COVERAGE_FILE
from subprobe.analysis.stability.seed_intervals import JACKKNIFE
from subprobe.analysis.statistics.checks import LEAST_COVERAGE
from subprobe.analysis.survival_content.coverage import CHECKS_FILE
from subprobe.data.output.tables import write_csv

from .check_clusters import check_clusters
from .check_crossed import check_crossed
from .check_hypotheses import check_hypotheses
from .check_paired import check_paired
from .stability_coverage import Law, cover, laws
from .stability_size import UNITS, size_rows
from .survival_content_size import survival_content_frame

FOLDER = Path(subprobe.__file__).parent / "data" / "resources" / "checks"
SIZE_FILE = "stability_size.csv"
_LINE = ["statistic", "interval", "units", "seeds", "kept"]


def coverage_frame(covered: list[tuple[Law, dict[str, float]]], simulations: dict[str, int]) -> Any:
    """One line for each statistic, interval and numbers: the lowest coverage over the laws."""
    lines = pd.DataFrame(
        [
            {"statistic": name, "interval": law.interval, "units": law.units, "seeds": law.seeds,
             "kept": law.kept, "coverage": share}
            for law, shares in covered
            for name, share in shares.items()
        ]
    )  # fmt: skip
    found = lines.groupby(_LINE, sort=False)["coverage"]
    table = found.agg(coverage="min", highest="max", laws="size").reset_index()
    table["simulations"] = table["interval"].map(simulations)
    return table.sort_values(_LINE, kind="stable").round({"coverage": 4, "highest": 4})


def main(arguments: list[str] | None = None) -> None:
    """Simulate, write the tables, report failures; exit code 1 if a test's size exceeds .05."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.check_statistics", description=__doc__
    )
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder for the tables")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the simulations")
    parser.add_argument("--part", choices=list(_PARTS), help="only one of them")
    options = parser.parse_args(arguments)
    wanted = [options.part] if options.part else list(_PARTS)
    large = [line for part in wanted for line in _PARTS[part](options.out, options.scale)]
    if large:
        print("\n".join(large))
        raise SystemExit(1)


def _check_stability(out: Path, scale: float) -> list[str]:
    """Simulate agreement of masks; returns the tests whose size exceeds .05."""
    jackknife, bootstrap = (max(20, round(n * scale)) for n in (600, 300))
    sizes = max(20, round(2000 * scale))
    simulations = {law.interval: jackknife if law.interval == JACKKNIFE else bootstrap
                   for law in laws()}  # fmt: skip
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        tested = pool.map(partial(size_rows, simulations=sizes), reversed(UNITS))
        wanted = laws()
        shares = pool.map(cover, wanted, [simulations[law.interval] for law in wanted], chunksize=4)
        table = coverage_frame(list(zip(wanted, shares, strict=True)), simulations)
        size = pd.DataFrame([row for rows in tested for row in rows])
        survival = survival_content_frame(pool, max(20, round(1000 * scale)))
    size = size.sort_values(["test", "units"]).round({"attainable": 4, "monte_carlo_error": 4})
    write_csv(table, out / COVERAGE_FILE)
    write_csv(size, out / SIZE_FILE)
    write_csv(survival, out / CHECKS_FILE)
    low = table[~(table["coverage"] >= LEAST_COVERAGE)]
    print(
        f"{len(low)} of {len(table)} intervals cover less than {LEAST_COVERAGE:.0%} and are not "
        "reported"
    )
    tests = pd.concat([size, survival[survival["check"] == "size"]], ignore_index=True)
    large = tests[~tests["holds"].astype(bool)]
    print(f"{len(large)} of {len(tests)} tests reject more than .05 + 2 Monte Carlo errors")
    return [large.to_string(index=False)] if len(large) else []


_PARTS: dict[str, Callable[[Path, float], list[str]]] = {
    "stability": _check_stability,
    "paired": check_paired,
    "clusters": check_clusters,
    "crossed": check_crossed,
    "hypotheses": check_hypotheses,
}
"""Subject -> function that simulates it and returns the tests whose size exceeds .05."""

if __name__ == "__main__":
    main()
