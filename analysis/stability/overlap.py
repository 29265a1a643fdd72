"""What the masks of two tasks share, and how much of it is their size.

Two tasks that keep two thirds of a model share much by chance. The size-adjusted overlap is
(shared - expected) / (largest possible - expected): 0 is chance (hypergeometric mean), 1 is one
mask inside the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..statistics.checks import trusted
from .agreement import Floats, Masks
from .coverage import coverage_of
from .mask_nulls import shared_p
from .mask_sets import MaskSet
from .seed_intervals import jackknife_limits

OVERLAP_COLUMNS = (
    "task_a", "task_b", "unit", "seeds", "shared_mean", "shared_sd", "shared_expected",
    "shared_largest", "adjusted", "ci_low", "ci_high", "p_value", "n_pairs",
)  # fmt: skip
"""Columns of the overlap table, in file order."""


def adjusted_overlap(
    shared: npt.ArrayLike, first: npt.ArrayLike, second: npt.ArrayLike, n_units: int
) -> Floats:
    """(shared - chance) / (largest possible - chance) of pairs of masks, any shape.

    Args:
        shared: units that both masks keep.
        first: units that the first keeps.
        second: units that the second keeps.
        n_units: U.

    Returns:
        NaN where the sizes leave no room: a mask that keeps nothing or everything.
    """
    both, a, b = (np.asarray(x, dtype=np.float64) for x in (shared, first, second))
    chance, largest = a * b / n_units, np.minimum(a, b)
    room = largest - chance
    found: Floats = np.full(np.broadcast(both, room).shape, np.nan)
    # sizes are whole numbers, so a room smaller than this is none
    np.divide(both - chance, room, out=found, where=room > 1e-9)
    return found


def overlap_table(tasks: Sequence[MaskSet]) -> pd.DataFrame:
    """Units shared by each two tasks: masks of the same seed, and masks of other seeds.

    A task paired with itself has other seeds only. Same-seed pairs are independent, which gives an
    exact p (masks placed at random, sizes kept) and a jackknife interval over seeds; pairs of other
    seeds reuse masks and get neither.
    """
    records: list[dict[str, Any]] = []
    for unit in ("head", "mlp"):
        with_unit = [task for task in tasks if unit in task.units]
        for first, second in combinations_with_replacement(with_unit, 2):
            for same in (True, False):
                if same and first is second:
                    continue
                line = _overlap(first, second, unit, same=same)
                if line:
                    records.append(line)
    return pd.DataFrame(records, columns=list(OVERLAP_COLUMNS))


def _overlap(first: MaskSet, second: MaskSet, unit: str, *, same: bool) -> dict[str, Any] | None:
    a, b = first.units[unit], second.units[unit]
    equal = np.equal.outer(first.seeds, second.seeds)
    wanted = equal if same else ~equal
    if first is second:
        wanted = np.triu(wanted)
    rows, columns = np.nonzero(wanted)
    if not len(rows):
        return None
    n_units = a.shape[1]
    shared = (a[rows] & b[columns]).sum(axis=1)
    sizes = np.stack([a[rows].sum(axis=1), b[columns].sum(axis=1)], axis=1)
    adjusted = adjusted_overlap(shared, sizes[:, 0], sizes[:, 1], n_units)
    line = {
        "task_a": first.task,
        "task_b": second.task,
        "unit": unit,
        "seeds": "same" if same else "other",
        "shared_mean": float(shared.mean()),
        "shared_sd": float(shared.std(ddof=1)) if len(shared) > 1 else np.nan,
        "shared_expected": float((sizes.prod(axis=1) / n_units).mean()),
        "shared_largest": float(sizes.min(axis=1).mean()),
        "adjusted": float(adjusted.mean()),
        "n_pairs": len(shared),
    }
    if same:
        line["p_value"] = shared_p(int(shared.sum()), sizes, n_units)
        line.update(_interval(adjusted, a, b))
    return line


def _interval(adjusted: Floats, first: Masks, second: Masks) -> dict[str, float]:
    """The jackknife interval of a mean over seeds, where simulations trust it."""
    kept = float((first.mean() + second.mean()) / 2)
    coverage = coverage_of(
        "adjusted_overlap", "jackknife", units=first.shape[1], seeds=len(adjusted), kept=kept
    )
    if not trusted(coverage) or not np.isfinite(adjusted).all():
        return {}
    left_out = (adjusted.sum() - adjusted) / (len(adjusted) - 1)
    low, high = jackknife_limits(adjusted.mean(), left_out)
    return {"ci_low": float(low), "ci_high": float(high)}
