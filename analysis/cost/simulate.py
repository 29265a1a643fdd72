"""Simulate a run on a number of workers, with the cells in the order of a real run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush

from ..plan.graph import Graph


@dataclass(frozen=True)
class Schedule:
    """The durations of a simulated run, in seconds.

    Attributes:
        workers: cells at the same time.
        makespan: until the last cell is finished.
        critical: duration of the longest chain of cells, each of which reads the one before.
        work: sum over all cells.
    """

    workers: int
    makespan: float
    critical: float
    work: float

    @property
    def bound(self) -> float:
        """The lower bound for any order of the cells."""
        return max(self.critical, self.work / self.workers)


def simulate(
    graph: Graph, seconds: Mapping[str, float], workers: int, todo: Collection[str] | None = None
) -> Schedule:
    """Simulate the order in which `running.execute` computes a graph.

    A worker that is free takes, of the cells whose inputs are finished, the one that begins the
    longest chain.

    Args:
        graph: the cells.
        seconds: duration of each cell.
        workers: number of simultaneous cells.
        todo: the remaining cells; None = all.

    Raises:
        ValueError: if there is no worker.
    """
    if workers < 1:
        raise ValueError(f"workers must be >= 1, got {workers}")
    left = set(graph.cells if todo is None else todo)
    taken = {name: seconds[name] if name in left else 0.0 for name in graph.cells}
    ranks = graph.longest(taken)
    place = {name: number for number, name in enumerate(graph.order)}
    waits = {name: sum(one in left for one in set(graph[name].inputs.values())) for name in left}
    ready: list[tuple[float, int, str]] = []
    for name in left:
        if not waits[name]:
            heappush(ready, (-ranks[name], place[name], name))
    running: list[tuple[float, int, str]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < workers:
            _, number, name = heappop(ready)
            heappush(running, (now + taken[name], number, name))
        now = running[0][0]
        while running and running[0][0] <= now:
            _, _, name = heappop(running)
            for reader in graph.readers[name]:
                if reader in left:
                    waits[reader] -= 1
                    if not waits[reader]:
                        heappush(ready, (-ranks[reader], place[reader], reader))
    critical = max((ranks[name] for name in left), default=0.0)
    return Schedule(workers, now, critical, sum(taken.values()))


def critical_path(graph: Graph, seconds: Mapping[str, float], todo: Collection[str]) -> list[str]:
    """The longest chain of remaining cells, in order."""
    left = set(todo)
    taken = {name: seconds[name] if name in left else 0.0 for name in graph.cells}
    ranks = graph.longest(taken)
    chain: list[str] = []
    nexts = [name for name in graph.order if name in left]
    while nexts:
        chain.append(max(nexts, key=lambda name: ranks[name]))
        nexts = [name for name in graph.readers[chain[-1]] if name in left]
    return chain
