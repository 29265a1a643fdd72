"""Two tables from simulations: coverage of intervals, and how often tests reject a true null."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from subprobe.data.output.tables import write_csv

from .paired_coverage import PairLaw

Case = TypeVar("Case")
Shares = dict[Any, float]
"""Coverage by (interval, outcome, ...)."""


def fewest(simulations: float) -> int:
    """A whole number of simulations, at least 20."""
    return max(20, round(simulations))


def simulate(
    laws: Sequence[tuple[PairLaw, int]],
    cover: Callable[[PairLaw, int], Shares],
    cases: Sequence[tuple[Case, int]],
    reject: Callable[[Case, int], list[dict[str, Any]]],
) -> tuple[list[tuple[PairLaw, int, Shares]], pd.DataFrame]:
    """Coverage of every law and lines of every case, simulated on all processors."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        shares = pool.map(cover, *zip(*laws, strict=True), chunksize=2)
        tested = pool.map(reject, *zip(*cases, strict=True))
        covered = [(law, n, found) for (law, n), found in zip(laws, shares, strict=True)]
        return covered, pd.DataFrame([row for rows in tested for row in rows])


def coverage_table(
    covered: list[tuple[PairLaw, int, Shares]], about: Callable[[PairLaw, Any], dict[str, Any]]
) -> pd.DataFrame:
    """One line for each interval, outcome and numbers: the lowest coverage over the laws.

    Args:
        covered: laws, how often each was simulated, and coverage by key.
        about: a law and a key -> the columns that name a line.
    """
    named = [about(law, key) for law, _, shares in covered for key in shares]
    measured = [{"coverage": coverage, "simulations": simulations}
                for _, simulations, shares in covered for coverage in shares.values()]  # fmt: skip
    lines = pd.concat([pd.DataFrame(named), pd.DataFrame(measured)], axis=1)
    table = lines.groupby(list(named[0]), sort=True, dropna=False).agg(
        coverage=("coverage", lambda shares: shares.min(skipna=False)),
        highest=("coverage", "max"),
        laws=("coverage", "size"),
        simulations=("simulations", "max"),
    )
    return table.reset_index().round({"coverage": 4, "highest": 4})


def size_table(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """The lines of tests in order, rounded."""
    measured = ("size", "attainable", "monte_carlo_error")
    return rows.sort_values(by).round({name: 4 for name in measured if name in rows})


def write_both(table: pd.DataFrame, size: pd.DataFrame, files: tuple[Path, Path]) -> None:
    """Write the coverage and the sizes."""
    for one, file in zip((table, size), files, strict=True):
        write_csv(one, file)


def too_large(size: pd.DataFrame) -> list[str]:
    """The tests whose size exceeds .05, as a table; empty if there are none."""
    large = size[~size["holds"]]
    return [large.to_string(index=False)] if len(large) else []
