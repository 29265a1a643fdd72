"""How often the interval of an odds ratio covers the truth, from simulations with a known one."""

from __future__ import annotations

from ..statistics.checks import at_next_smaller, checks_table

CHECKS_FILE = "survival_content.csv"
"""Size, power and coverage."""


def interval_coverage(*, heads: int, runs: int) -> float | None:
    """Simulated coverage at the next smaller numbers of heads and runs; None where there is none.

    The lowest over all simulated effects counts.
    """
    table = checks_table(CHECKS_FILE)
    found = at_next_smaller(table[table["check"] == "coverage"], heads=heads, runs=runs)
    return None if found.empty else float(found["share"].min())
