"""Interleaved timing of two things on one machine.

Absolute times mean nothing on a shared machine. A and B are called in turn, each pair gives a
ratio, and the median ratio is reported with its lowest and highest. Processor time of this process
on one thread is what counts, since it does not grow while other processes run; wall time stands
beside it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

REPEATS = 7


class _Fault:
    """Whether what is measured is made slower on purpose, to see that each limit can be broken."""

    planted = False


def plant_faults() -> None:
    """From now on, whatever has a limit takes a multiple of its time or size."""
    _Fault.planted = True


def planted() -> bool:
    """Whether faults are planted."""
    return _Fault.planted


@dataclass(frozen=True)
class Measure:
    """One line of the table.

    Attributes:
        name: what is measured.
        value: median of the repeats.
        low, high: lowest and highest repeat.
        wall: the same median in wall time, or None where it makes no sense.
        limit: what the value may be at most; None for a part of another line.
        unit: `x` for ratios, `s` for seconds.
    """

    name: str
    value: float
    low: float
    high: float
    wall: float | None
    limit: float | None
    unit: str = "x"

    @property
    def within(self) -> bool:
        """Whether the limit is kept."""
        return self.limit is None or self.value <= self.limit


def spent(call: Callable[[], object]) -> tuple[float, float]:
    """Processor and wall seconds of one call."""
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    return time.process_time() - cpu, time.perf_counter() - wall


def measured(call: Callable[[], object], *, slower: int = 2) -> tuple[float, float]:
    """Processor and wall seconds of what has a limit; with faults planted, `slower` times as many.

    The fault is real time: after the call the processor is kept busy.
    """

    def slowed() -> None:
        started = time.process_time()
        call()
        until = started + slower * (time.process_time() - started)
        while time.process_time() < until:
            pass

    return spent(slowed if _Fault.planted else call)


def ratio(
    name: str,
    ours: Callable[[], object],
    reference: Callable[[], object],
    *,
    limit: float,
    repeats: int = REPEATS,
) -> Measure:
    """Time of `ours` over that of `reference`, after one call of each to warm up."""
    ours(), reference()
    pairs = []
    for _ in range(repeats):
        mine, other = measured(ours), spent(reference)
        pairs.append((mine[0] / other[0], mine[1] / other[1]))
    cpu, wall = (list(times) for times in zip(*pairs, strict=True))
    return Measure(name, statistics.median(cpu), min(cpu), max(cpu), statistics.median(wall), limit)
