"""Intervals and tests of crossed seeds on simulated data: two tables of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from subprobe.analysis.statistics.checks import LEAST_COVERAGE
from subprobe.analysis.statistics.corrections import ALPHA
from subprobe.analysis.statistics.paired_coverage import CROSSED_COVERAGE_FILE, CROSSED_SIZE_FILE
from subprobe.analysis.statistics.paired_tests import crossed_groups, crossed_t, sign_flips
from subprobe.analysis.statistics.variation import CROSSED_GROUPS, CROSSED_T
from subprobe.data.seeds import Grid

from .paired_coverage import PairLaw, cover_pairs
from .simulated_tables import (
    coverage_table,
    fewest,
    simulate,
    size_table,
    too_large,
    write_both,
)

SIDES = (2, 3, 5)
"""Seeds of each factor of a square grid."""
ITEMS = (10, 30, 100)
SHARES = (0.05, 0.15)
OF_SEEDS = ((1.0, 0.0), (0.5, 0.5), (0.0, 0.0))
"""Shares of initialisation and data order of what varies over seeds; the rest is of each run."""
SIMULATIONS = {"classes": 100, "numbers": 40, "ratio": 100}
SIZES = 4000
AS_INDEPENDENT = "sign flips, as if independent"


def crossed_laws() -> list[PairLaw]:
    """Every law of the table."""
    nan, found = float("nan"), list[PairLaw]()
    for side in SIDES:
        for n in ITEMS if side < max(SIDES) else ITEMS[:2]:
            for of in OF_SEEDS:
                seeds = side * side
                found += [PairLaw("classes", n, seeds, share, 0.6, 0.4 * share, 0.3, of_seeds=of)
                          for share in SHARES]  # fmt: skip
                found += [PairLaw(family, n, seeds, nan, 0.8, 0.1, 0.3, of_seeds=of)
                          for family in ("numbers", "ratio")
                          if family == "ratio" or n <= 30]  # fmt: skip
    return found


def crossed_size_rows(
    case: tuple[int, tuple[float, float]], simulations: int
) -> list[dict[str, Any]]:
    """How often each test rejects a true null, in a square grid of seeds."""
    side, (of_init, of_order) = case
    grid = Grid(tuple(range(side)), tuple(range(side)))
    rng = np.random.default_rng([side, round(100 * of_init), round(100 * of_order)])
    shape = (simulations, 2)
    gaps = np.sqrt(of_init) * rng.normal(size=(*shape, side, 1))
    gaps = gaps + np.sqrt(of_order) * rng.normal(size=(*shape, 1, side))
    gaps = gaps + np.sqrt(1 - of_init - of_order) * rng.normal(size=(*shape, side, side))
    runs = gaps.reshape(*shape, -1)
    p_values = {
        CROSSED_T: [crossed_t(one, grid).p_value for one, _ in runs],
        CROSSED_GROUPS: [crossed_groups(a, b, (grid, grid)).p_value for a, b in runs],
        AS_INDEPENDENT: [sign_flips(one).p_value for one, _ in runs[: simulations // 20]],
    }
    rows = []
    for name, values in p_values.items():
        size = float(np.mean(np.asarray(values) <= ALPHA + 1e-12))
        error = float(np.sqrt(ALPHA * (1 - ALPHA) / len(values)))
        rows.append(
            {"test": name, "seeds": side, "of_init": of_init, "of_order": of_order, "size": size,
             "monte_carlo_error": error, "simulations": len(values),
             "holds": size <= ALPHA + 2 * error}
        )  # fmt: skip
    return rows


def _about(law: PairLaw, key: tuple[str, str]) -> dict[str, Any]:
    interval, outcome = key
    side = len(law.grid.inits) if law.grid else 1
    return {"interval": interval, "outcome": outcome, "seeds": side, "n": law.n,
            "share": law.share}  # fmt: skip


def check_crossed(out: Path, scale: float) -> list[str]:
    """Simulate, write both tables, report failures; returns the tests whose size exceeds .05."""
    laws = sorted(crossed_laws(), key=lambda law: -law.n * law.seeds)
    cases = [(side, of) for side in SIDES for of in OF_SEEDS]
    covered, tested = simulate(
        [(law, fewest(SIMULATIONS[law.family] * scale)) for law in laws], cover_pairs,
        [(case, fewest(SIZES * scale)) for case in cases], crossed_size_rows,
    )  # fmt: skip
    table = coverage_table(covered, _about)
    size = size_table(tested, ["test", "seeds", "of_init"])
    write_both(table, size, (out / CROSSED_COVERAGE_FILE, out / CROSSED_SIZE_FILE))
    low = table[~(table["coverage"] >= LEAST_COVERAGE)]
    print(f"{len(low)} of {len(table)} intervals over crossed seeds cover less than "
          f"{LEAST_COVERAGE:.0%}")  # fmt: skip
    ours = size[size["test"] != AS_INDEPENDENT]
    print(f"{(~ours['holds']).sum()} of {len(ours)} tests of crossed seeds reject more than .05 + "
          "2 Monte Carlo errors")  # fmt: skip
    return too_large(ours)
