"""How often intervals of agreement cover the truth, from simulations with a known one.

`make check-statistics` simulates masks whose seeds and units follow a known law and writes the
share of intervals that cover the truth into `data/resources/checks/`. An interval is given only
where that share is at least 92% at the numbers of seeds and units in use.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from ..statistics.checks import at_next_smaller, checks_table
from .agreement import Floats

COVERAGE_FILE = "stability_coverage.csv"


def coverage_table() -> pd.DataFrame:
    """The committed table: statistic, interval, units, seeds, kept, coverage, simulations.

    `coverage` is the lowest over the laws that were simulated for one line.
    """
    return checks_table(COVERAGE_FILE)


def coverage_of(
    statistic: str, interval: str, *, units: int, seeds: int, kept: float
) -> float | None:
    """Simulated coverage of an interval at the numbers in use, or None where none was simulated.

    Args:
        statistic: name in the table.
        interval: `jackknife` or `bootstrap`.
        units: U; the next smaller number simulated counts.
        seeds: S; the next smaller number simulated counts.
        kept: share of units kept; the nearest share simulated counts.
    """
    kept_shares, coverages = _simulated(statistic, interval, units, seeds)
    if not len(coverages):
        return None
    nearest = np.abs(kept_shares - kept)
    return float(coverages[nearest == nearest.min()].min())


@cache
def _simulated(statistic: str, interval: str, units: int, seeds: int) -> tuple[Floats, Floats]:
    """Kept shares and coverages of the simulations that count for these numbers."""
    table = coverage_table()
    found = table[(table["statistic"] == statistic) & (table["interval"] == interval)]
    found = at_next_smaller(found, units=units, seeds=seeds)
    return found["kept"].to_numpy(np.float64), found["coverage"].to_numpy(np.float64)
