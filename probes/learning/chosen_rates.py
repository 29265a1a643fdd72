"""The learning rate that the dev part chooses, for all that were trained at once."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeVar

import numpy as np

from .fitting import Course

Purpose = TypeVar("Purpose", bound=Hashable)


def best_rates(courses: Sequence[Course], purposes: Sequence[Purpose]) -> dict[Purpose, list[int]]:
    """Of probes of one purpose that differ in rate, and in seed, those of the best rate.

    The best is the rate whose probes have the least mean dev loss, the first of several.

    Args:
        courses: the training of each of P probes.
        purposes: what each of them is for, such as a task and a state [P].

    Returns:
        purpose -> the places of its probes with that rate, in order; purposes as they come.
    """
    tried: dict[Purpose, dict[float, list[int]]] = {}
    for place, (course, purpose) in enumerate(zip(courses, purposes, strict=True)):
        tried.setdefault(purpose, {}).setdefault(course.lr, []).append(place)

    def loss(places: Sequence[int]) -> float:
        return float(np.mean([courses[place].loss for place in places]))

    return {purpose: min(of_rate.values(), key=loss) for purpose, of_rate in tried.items()}
