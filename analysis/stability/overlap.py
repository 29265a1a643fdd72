"""What the masks of two tasks share, and how much of it is their size.

Two tasks that keep two thirds of a model share much by chance. The size-adjusted overlap is
(shared - expected) / (largest possible - expected): 0 is chance (hypergeometric mean), 1 is one
mask inside the other.
"""

from __future__ import annotations

from collections.abc import Sequence
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
        for place, first in enumerate(with_unit):
            records += _lines(first, with_unit[place:], unit)
    return pd.DataFrame(records, columns=list(OVERLAP_COLUMNS))


def _lines(first: MaskSet, others: Sequence[MaskSet], unit: str) -> list[dict[str, Any]]:
    """The lines of one task with itself, the first of the others, and with each other task.

    Other tasks with the same seeds are compared at once.
    """
    with_seeds: dict[tuple[int, ...], list[int]] = {}
    for place, task in enumerate(others):
        # a task meets itself in pairs of other seeds alone, each pair once
        key = task.seeds if place else ()
        with_seeds.setdefault(key, []).append(place)
    found: dict[tuple[int, bool], dict[str, Any]] = {}
    for places in with_seeds.values():
        seconds = [others[place] for place in places]
        itself = places == [0]
        equal = np.equal.outer(first.seeds, seconds[0].seeds)
        for same in (False,) if itself else (True, False):
            wanted = np.triu(~equal) if itself else equal == same
            rows, columns = np.nonzero(wanted)
            if len(rows):
                lines = _overlaps(first, seconds, unit, rows, columns, same=same)
                found.update(
                    {(place, not same): line for place, line in zip(places, lines, strict=True)}
                )
    return [found[key] for key in sorted(found)]


def _overlaps(
    first: MaskSet,
    seconds: Sequence[MaskSet],
    unit: str,
    rows: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int64],
    *,
    same: bool,
) -> list[dict[str, Any]]:
    """The line of a task with each of T others that have the same seeds.

    Args:
        first: the one task.
        seconds: the other tasks.
        unit: `head` or `mlp`.
        rows: the seed of the first task in each of P pairs, by its place.
        columns: the same for the other tasks.
        same: whether the pairs are of the same seed.
    """
    a, b = first.units[unit], np.stack([task.units[unit] for task in seconds])
    n_units = a.shape[1]
    # counts below 2^24 are exact in float32, which multiplies faster than integers do
    every = a.astype(np.float32) @ np.swapaxes(b.astype(np.float32), 1, 2)
    shared = np.ascontiguousarray(every[:, rows, columns]).astype(np.int64)
    own = np.broadcast_to(a.sum(axis=1)[rows], shared.shape)
    sizes = np.stack([own, b.sum(axis=2).take(columns, axis=1)], axis=2)
    adjusted = adjusted_overlap(shared, sizes[..., 0], sizes[..., 1], n_units)
    nothing = np.full(len(seconds), np.nan)
    of_all = {
        "shared_mean": shared.mean(axis=1),
        "shared_sd": shared.std(axis=1, ddof=1) if len(rows) > 1 else nothing,
        "shared_expected": (sizes.prod(axis=2) / n_units).mean(axis=1),
        "shared_largest": sizes.min(axis=2).mean(axis=1),
        "adjusted": adjusted.mean(axis=1),
    }
    if same:
        of_all["p_value"] = np.array(
            [shared_p(int(s.sum()), pairs, n_units) for s, pairs in zip(shared, sizes, strict=True)]
        )
        of_all["ci_low"], of_all["ci_high"] = _intervals(adjusted, a, b)
    about = {"task_a": first.task, "unit": unit, "seeds": "same" if same else "other"}
    return [
        {
            **about,
            "task_b": second.task,
            **{name: float(values[place]) for name, values in of_all.items()},
            "n_pairs": len(rows),
        }
        for place, second in enumerate(seconds)
    ]


def _intervals(adjusted: Floats, first: Masks, seconds: Masks) -> tuple[Floats, Floats]:
    """Jackknife limits of means over seeds [T, P], NaN where simulations do not trust them.

    Args:
        adjusted: overlap of each seed [T, P].
        first: masks of the one task [S, U].
        seconds: masks of the others [T, S, U].
    """
    n = adjusted.shape[1]
    means = (first.mean() + seconds.mean(axis=(1, 2))) / 2
    given = np.isfinite(adjusted).all(axis=1) & np.array(
        [
            trusted(
                coverage_of(
                    "adjusted_overlap", "jackknife", units=first.shape[1], seeds=n, kept=kept
                )
            )
            for kept in means.tolist()
        ]
    )
    if n < 2 or not given.any():
        nothing = np.full(len(adjusted), np.nan)
        return nothing, nothing
    left_out = (adjusted.sum(axis=1, keepdims=True) - adjusted) / (n - 1)
    low, high = jackknife_limits(adjusted.mean(axis=1), left_out)
    return np.where(given, low, np.nan), np.where(given, high, np.nan)
