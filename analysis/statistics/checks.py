"""The committed tables of `make check-statistics`, and look-ups in them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import pandas as pd

LEAST_COVERAGE = 0.92
"""Minimum simulated coverage for which an interval is reported."""


@cache
def checks_table(file: str) -> pd.DataFrame:
    """A table of `data/resources/checks/` by its file name; not to be written into."""
    source = files("subprobe.data").joinpath("resources", "checks", file)
    with source.open("rb") as stream:
        return pd.read_csv(stream)


def at_next_smaller(table: pd.DataFrame, **numbers: int) -> pd.DataFrame:
    """The lines simulated at these numbers, each column in turn; empty where all are larger.

    Args:
        table: of simulations.
        numbers: column -> the number in use; the next smaller number simulated counts.
    """
    for name, value in numbers.items():
        smaller = table[table[name] <= value]
        table = smaller[smaller[name] == smaller[name].max()]
    return table


def trusted(coverage: float | None) -> bool:
    """Whether an interval with this simulated coverage is reported."""
    return coverage is not None and coverage >= LEAST_COVERAGE
