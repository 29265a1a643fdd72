"""Choose the learning rate on the dev part, for all probes that were trained together."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeVar

import numpy as np

from .fitting import Course

Purpose = TypeVar("Purpose", bound=Hashable)


def best_rates(courses: Sequence[Course], purposes: Sequence[Purpose]) -> dict[Purpose, list[int]]:
    """For each purpose, the probes with the best learning rate.

    The best is the rate whose probes have the lowest mean dev loss, the first of several.

    Args:
        courses: the training of each of P probes.
        purposes: the purpose of each probe, such as a task and a state [P].

    Returns:
        purpose -> the places of its probes with that rate, in order; purposes as they come.
    """
    tried: dict[Purpose, dict[float, list[int]]] = {}
    for place, (course, purpose) in enumerate(zip(courses, purposes, strict=True)):
        tried.setdefault(purpose, {}).setdefault(course.lr, []).append(place)

    def loss(places: Sequence[int]) -> float:
        return float(np.mean([courses[place].loss for place in places]))

    return {purpose: min(of_rate.values(), key=loss) for purpose, of_rate in tried.items()}
