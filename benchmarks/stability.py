"""Time to measure the agreement of masks, for as many tasks and seeds as in the study."""

from __future__ import annotations

import statistics

import numpy as np
from subprobe.analysis.stability.mask_sets import MaskSet
from subprobe.analysis.stability.measure import measure_stability

from .timing import REPEATS, Measure, measured

TASKS, SEEDS, UNITS = 9, 5, 12
DRAWS = 2000


def masks() -> list[MaskSet]:
    """Random masks of a 12 x 12 model: 60% of the heads and 70% of the MLPs kept."""
    random = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {"head": (UNITS, UNITS), "mlp": (UNITS,)}
    return [
        MaskSet(
            f"task{task}",
            tuple(range(1, SEEDS + 1)),
            {
                "head": random.random((SEEDS, UNITS * UNITS)) < 0.6,
                "mlp": random.random((SEEDS, UNITS)) < 0.7,
            },
            shapes,
        )
        for task in range(TASKS)
    ]


def stability(draws: int = DRAWS, repeats: int = REPEATS) -> Measure:
    """`subprobe stability` on masks that are in memory."""
    found = masks()
    # the limit is a guard against loops over draws in Python, which cost much more than twice
    pairs = [
        measured(lambda: measure_stability(found, draws=draws), slower=10) for _ in range(repeats)
    ]
    cpu, wall = (list(times) for times in zip(*pairs, strict=True))
    name = f"stability of {TASKS} tasks x {SEEDS} seeds, {draws} permutations"
    return Measure(
        name, statistics.median(cpu), min(cpu), max(cpu), statistics.median(wall), 10.0, "s"
    )
