"""Seed against task: where the variance of masks comes from.

Every unit of every task and seed is one 0 or 1, so tasks x seeds x units is a balanced crossed
design without repetition. Its variance components follow from the mean squares (Searle, Casella &
McCulloch 1992, all effects random); what is left is the unit's own luck in that one run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..statistics.corrections import ALPHA
from ..statistics.uncertainty import permutation_p
from .agreement import Floats
from .mask_sets import MaskSet

VARIANCE_COLUMNS = ("unit", "source", "component", "share", "p_value", "n_tasks", "n_seeds")

SOURCES = {
    "unit": "units that all runs keep or prune alike",
    "task": "how many units a task keeps",
    "seed": "how many units a seed keeps, in all tasks",
    "task x unit": "which units a task keeps, whatever the seed",
    "seed x unit": "which units a seed keeps, whatever the task",
    "task x seed": "how many units a single run keeps",
    "run x unit": "which units a single run keeps: what a new seed changes",
}
"""Source of variance -> what it is."""

_CELLS_AT_ONCE = 8_000_000


def variance_table(tasks: Sequence[MaskSet], *, draws: int, seed: int) -> pd.DataFrame:
    """Variance components of the masks of at least two tasks with the same seeds.

    `share` divides each component, negative ones taken as 0, by their sum. `p_value` belongs to
    `task x unit` (runs change tasks within their seed) and `seed x unit` (runs change seeds within
    their task); it is NaN where too few runs exist to reach .05.
    """
    records: list[dict[str, Any]] = []
    for unit in ("head", "mlp"):
        with_unit = [task for task in tasks if unit in task.units]
        if len(with_unit) < 2 or len({task.seeds for task in with_unit}) > 1:
            continue
        values = np.stack([task.units[unit] for task in with_unit]).astype(np.float64)
        components = variance_components(values)
        total = sum(max(0.0, component) for component in components.values())
        rng = np.random.default_rng((seed, len(unit)))
        p_values = {
            "task x unit": exchange_p(values, draws, rng),
            "seed x unit": exchange_p(values.swapaxes(0, 1), draws, rng),
        }
        for source, component in components.items():
            records.append(
                {
                    "unit": unit,
                    "source": source,
                    "component": component,
                    "share": max(0.0, component) / total if total > 0 else np.nan,
                    "p_value": p_values.get(source, np.nan),
                    "n_tasks": values.shape[0],
                    "n_seeds": values.shape[1],
                }
            )
    return pd.DataFrame(records, columns=list(VARIANCE_COLUMNS))


def variance_components(values: npt.NDArray[np.float64]) -> dict[str, float]:
    """Components of variance of a balanced crossed design [T, S, U], unbiased: some may be < 0.

    Raises:
        ValueError: with fewer than two tasks, seeds or units.
    """
    if min(values.shape) < 2:
        raise ValueError(f"needs two tasks, seeds and units at least, got {values.shape}")
    n = dict(zip("tsu", values.shape, strict=True))
    axes = {"t": 0, "s": 1, "u": 2}

    def mean_square(*of: str) -> float:
        """Mean square of the interaction of the axes `of`."""
        effect = values.mean(axis=tuple(axes[a] for a in "tsu" if a not in of), keepdims=True)
        for a in of:
            effect = effect - effect.mean(axis=axes[a], keepdims=True)
        repeats = math.prod(n[a] for a in "tsu" if a not in of)
        freedom = math.prod(n[a] - 1 for a in of)
        return float(repeats * (effect**2).sum() / freedom)

    left = mean_square("t", "s", "u")
    pairs = {two: mean_square(*two) for two in ("tu", "su", "ts")}
    third = {"tu": "s", "su": "t", "ts": "u"}
    found = {two: (pairs[two] - left) / n[third[two]] for two in pairs}
    for one, (first, second) in {"u": ("tu", "su"), "t": ("tu", "ts"), "s": ("su", "ts")}.items():
        others = math.prod(n[a] for a in "tsu" if a != one)
        found[one] = (mean_square(one) - pairs[first] - pairs[second] + left) / others
    names = {"u": "unit", "t": "task", "s": "seed", "tu": "task x unit", "su": "seed x unit",
             "ts": "task x seed"}  # fmt: skip
    return {**{name: found[key] for key, name in names.items()}, "run x unit": left}


def exchange_p(values: npt.NDArray[np.float64], draws: int, rng: np.random.Generator) -> float:
    """Permutation p of `first axis x unit` in [A, B, U]: runs change places along A within each B.

    The null is that within one B the runs of all A are exchangeable, sizes included; the statistic
    is the interaction's sum of squares, which the sizes' own effects do not enter.

    Returns:
        NaN where the number of arrangements cannot reach .05.
    """
    n_first, n_second, n_units = values.shape
    # renaming A everywhere changes nothing
    if 1 / math.factorial(n_first) ** (n_second - 1) > ALPHA:
        return float("nan")
    observed = _interaction(values.mean(axis=1)[None])[0]
    plain = values.astype(np.float32)
    step = max(1, _CELLS_AT_ONCE // values.size)
    null = []
    for start in range(0, draws, step):
        size = min(step, draws - start)
        order = rng.permuted(np.broadcast_to(np.arange(n_first), (size, n_second, n_first)), axis=2)
        means = np.zeros((size, n_first, n_units), dtype=np.float32)
        for second in range(n_second):
            means += plain[:, second][order[:, second]]
        null.append(_interaction(means.astype(np.float64) / n_second))
    return permutation_p(float(observed), np.concatenate(null), alternative="greater")


def _interaction(means: Floats) -> Floats:
    """Sum of squares left in [B, A, U] without the means of both axes."""
    centred = means - means.mean(axis=1, keepdims=True)
    centred -= centred.mean(axis=2, keepdims=True)
    return np.asarray((centred**2).sum(axis=(1, 2)))
