"""Interleaved timing of two things on one machine.

Absolute times mean nothing on a shared machine. A and B are called in turn, each pair gives a
ratio, and the median ratio is reported with the lowest and the highest. Limits apply to processor
time of this process on one thread, which does not grow while other processes run; wall time is
reported too.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

REPEATS = 7


class _Fault:
    """Whether everything is slowed down on purpose, to check that each limit can be exceeded."""

    planted = False


def plant_faults() -> None:
    """From now on, everything with a limit takes a multiple of its time or size."""
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
        limit: maximum value; None for a part of another line.
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
        """Whether the value is within the limit."""
        return self.limit is None or self.value <= self.limit


def spent(call: Callable[[], object]) -> tuple[float, float]:
    """Processor and wall seconds of one call."""
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    return time.process_time() - cpu, time.perf_counter() - wall


def measured(call: Callable[[], object], *, slower: int = 2) -> tuple[float, float]:
    """Processor and wall seconds of a call with a limit; with planted faults, more of them.

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
    """Time of `ours` divided by that of `reference`, after one warm-up call of each."""
    ours(), reference()
    pairs = []
    for _ in range(repeats):
        mine, other = measured(ours), spent(reference)
        pairs.append((mine[0] / other[0], mine[1] / other[1]))
    cpu, wall = (list(times) for times in zip(*pairs, strict=True))
    return Measure(name, statistics.median(cpu), min(cpu), max(cpu), statistics.median(wall), limit)
