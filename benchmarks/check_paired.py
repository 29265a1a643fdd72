"""Intervals and tests of differences on simulated data: two tables of `make check-statistics`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from subprobe.analysis.statistics.checks import LEAST_COVERAGE
from subprobe.analysis.statistics.paired_coverage import COVERAGE_FILE, SIZE_FILE

from .paired_coverage import PairLaw, cover_pairs, pair_laws
from .paired_size import paired_size_rows, size_cases
from .simulated_tables import (
    coverage_table,
    fewest,
    simulate,
    size_table,
    too_large,
    write_both,
)

SIMULATIONS = {"classes": 240, "numbers": 80, "ratio": 240}
SIZES = {"items": 600, "seeds": 600, "few seeds": 4000, "mixed": 80}
"""Simulations of each size; tests that list every outcome of a few seeds take no time."""


def _about(law: PairLaw, key: tuple[str, str]) -> dict[str, Any]:
    interval, outcome = key
    return {"interval": interval, "outcome": outcome, "seeds": law.seeds, "n": law.n,
            "share": law.share}  # fmt: skip


def _kind(case: tuple[str, int, int]) -> str:
    kind, _, seeds = case
    return "few seeds" if kind == "seeds" and seeds < 10 else kind


def check_paired(out: Path, scale: float) -> list[str]:
    """Simulate, write both tables, report failures; returns the tests whose size exceeds .05."""
    # the longest first
    laws = sorted(pair_laws(), key=lambda law: -law.n * law.seeds)
    covered, tested = simulate(
        [(law, fewest(SIMULATIONS[law.family] * scale)) for law in laws], cover_pairs,
        [(case, fewest(SIZES[_kind(case)] * scale)) for case in size_cases()], paired_size_rows,
    )  # fmt: skip
    table, size = coverage_table(covered, _about), size_table(tested, ["test", "n", "seeds"])
    write_both(table, size, (out / COVERAGE_FILE, out / SIZE_FILE))
    low = table[~(table["coverage"] >= LEAST_COVERAGE)]
    print(f"{len(low)} of {len(table)} paired intervals cover less than {LEAST_COVERAGE:.0%}")
    print(f"{(~size['holds']).sum()} of {len(size)} paired tests reject more than .05 + 2 Monte "
          "Carlo errors")  # fmt: skip
    return too_large(size)
