"""Intervals and tests of differences on simulated data: two tables of `make check-statistics`."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
from subprobe.analysis.statistics.checks import LEAST_COVERAGE
from subprobe.analysis.statistics.paired_coverage import COVERAGE_FILE, SIZE_FILE
from subprobe.data.output.tables import write_csv

from .paired_coverage import PairLaw, cover_pairs, pair_laws
from .paired_size import paired_size_rows, size_cases

SIMULATIONS = {"classes": 240, "numbers": 80, "ratio": 240}
SIZES = {"items": 600, "seeds": 600, "few seeds": 4000, "mixed": 80}
"""Simulations of each size; tests that list every outcome of a few seeds take no time."""
_LINE = ["interval", "outcome", "seeds", "n", "share"]


def paired_frame(
    covered: list[tuple[PairLaw, dict[tuple[str, str], float]]], simulations: dict[str, int]
) -> Any:
    """One line for each interval, outcome and numbers: the lowest coverage over the laws."""
    lines = pd.DataFrame(
        [
            {"interval": interval, "outcome": outcome, "seeds": law.seeds, "n": law.n,
             "share": law.share, "coverage": coverage, "simulations": simulations[law.family]}
            for law, shares in covered
            for (interval, outcome), coverage in shares.items()
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


def check_paired(out: Path, scale: float) -> list[str]:
    """Simulate, write both tables, say what does not hold; returns the tests that are too large."""
    simulations = {name: max(20, round(n * scale)) for name, n in SIMULATIONS.items()}
    sizes = {name: max(20, round(n * scale)) for name, n in SIZES.items()}
    # the longest first
    laws = sorted(pair_laws(), key=lambda law: -law.n * law.seeds)
    cases = size_cases()
    tries = [sizes["few seeds" if kind == "seeds" and s < 10 else kind] for kind, _, s in cases]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        shares = pool.map(cover_pairs, laws, [simulations[law.family] for law in laws], chunksize=2)
        tested = pool.map(paired_size_rows, cases, tries)
        table = paired_frame(list(zip(laws, shares, strict=True)), simulations)
        size = pd.DataFrame([row for rows in tested for row in rows])
    size = size.sort_values(["test", "n", "seeds"])
    size = size.round({"size": 4, "attainable": 4, "monte_carlo_error": 4})
    write_csv(table, out / COVERAGE_FILE)
    write_csv(size, out / SIZE_FILE)
    low = table[~(table["coverage"] >= LEAST_COVERAGE)]
    print(f"{len(low)} of {len(table)} paired intervals cover less than {LEAST_COVERAGE:.0%}")
    large = size[~size["holds"]]
    print(f"{len(large)} of {len(size)} paired tests reject more than .05 + 2 Monte Carlo errors")
    return [large.to_string(index=False)] if len(large) else []
