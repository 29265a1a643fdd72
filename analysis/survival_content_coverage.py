"""How often the interval of an odds ratio covers the truth, from simulations with a known one."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import pandas as pd

from .interval_coverage import LEAST_COVERAGE

CHECKS_FILE = "survival_content.csv"


@cache
def checks_table() -> pd.DataFrame:
    """The committed table of `make check-statistics`: size, power and coverage."""
    source = files("subprobe.data").joinpath("resources", "checks", CHECKS_FILE)
    with source.open("rb") as stream:
        return pd.read_csv(stream)


def interval_coverage(*, heads: int, runs: int) -> float | None:
    """Simulated coverage at the next smaller numbers of heads and runs; None where there is none.

    The lowest over all simulated effects counts.
    """
    table = checks_table()
    found = table[table["check"] == "coverage"]
    for name, value in (("heads", heads), ("runs", runs)):
        smaller = found[found[name] <= value]
        if smaller.empty:
            return None
        found = smaller[smaller[name] == smaller[name].max()]
    return float(found["share"].min())


def trusted(coverage: float | None) -> bool:
    """Whether an interval with this simulated coverage may be given."""
    return coverage is not None and coverage >= LEAST_COVERAGE
