"""How often the intervals of differences cover the truth, from simulations with a known one.

The table is written by `make check-statistics`, as that of the intervals of agreement is.
"""

from __future__ import annotations

from functools import cache

import pandas as pd

from .checks import checks_table
from .weighted import CLASS_METRICS

COVERAGE_FILE = "paired_coverage.csv"
SIZE_FILE = "paired_size.csv"
EXAMPLES, SEEDS_AND_EXAMPLES = "examples", "seeds and examples"
TWO_RUNS = "seeds of two runs, and examples"


def paired_coverage_table() -> pd.DataFrame:
    """The committed table: interval, outcome, n, seeds, share, coverage, highest, simulations.

    `coverage` is the lowest over the laws that were simulated for one line.
    """
    return checks_table(COVERAGE_FILE)


def coverage_of_difference(
    interval: str, outcome: str, *, n: int, seeds: int = 1, share: float = float("nan")
) -> float | None:
    """Simulated coverage at the numbers in use, or None where none was simulated.

    Args:
        interval: `examples` or `seeds and examples`.
        outcome: a metric, or `ratio` (of sums over sentences).
        n: items; the next smaller number simulated counts.
        seeds: S; the next smaller number simulated counts.
        share: share of items on which the models differ; the next smaller share simulated counts,
            or the smallest. Only for class metrics.
    """
    if outcome == "pearson_spearman":
        parts = [
            coverage_of_difference(interval, name, n=n, seeds=seeds)
            for name in ("pearson", "spearman")
        ]
        known = [part for part in parts if part is not None]
        return min(known) if len(known) == len(parts) else None
    lines = _lines().get((interval, outcome), [])
    for place, value in ((0, n), (1, seeds)):
        smaller = [line[place] for line in lines if line[place] <= value]
        if not smaller:
            return None
        lines = [line for line in lines if line[place] == max(smaller)]
    # of classes it also hangs on the share of items on which the two models differ
    if outcome in CLASS_METRICS:
        shares = [line[2] for line in lines]
        smaller = [one for one in shares if one <= share]
        wanted = max(smaller) if smaller else min(shares)
        lines = [line for line in lines if line[2] == wanted]
    return min(line[3] for line in lines)


@cache
def _lines() -> dict[tuple[str, str], list[tuple[float, float, float, float]]]:
    """(interval, outcome) -> n, seeds, share and coverage: asked thousands of times a run."""
    found: dict[tuple[str, str], list[tuple[float, float, float, float]]] = {}
    for line in paired_coverage_table().itertuples():
        numbers = float(line.n), float(line.seeds), float(line.share), float(line.coverage)
        found.setdefault((line.interval, line.outcome), []).append(numbers)
    return found
