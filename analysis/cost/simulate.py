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


class Chains:
    """The remaining cells of a graph, and the longest chain of cells that begins with each.

    Args:
        graph: the cells.
        seconds: duration of each cell.
        todo: the remaining cells; None = all.
    """

    def __init__(
        self, graph: Graph, seconds: Mapping[str, float], todo: Collection[str] | None = None
    ):
        self._graph = graph
        self._left = left = set(graph.cells if todo is None else todo)
        self._taken = {name: seconds[name] if name in left else 0.0 for name in graph.cells}
        self._ranks = graph.longest(self._taken)
        self._place = {name: number for number, name in enumerate(graph.order)}
        self._waits = dict.fromkeys(left, 0)
        for name in left:
            for reader in graph.readers[name]:
                if reader in left:
                    self._waits[reader] += 1

    def simulated(self, workers: int) -> Schedule:
        """Simulate the order in which `running.execute` computes a graph.

        A worker that is free takes, of the cells whose inputs are finished, the one that begins the
        longest chain.

        Args:
            workers: number of simultaneous cells.

        Raises:
            ValueError: if there is no worker.
        """
        if workers < 1:
            raise ValueError(f"workers must be >= 1, got {workers}")
        left, taken, ranks, place = self._left, self._taken, self._ranks, self._place
        readers, waits = self._graph.readers, dict(self._waits)
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
                for reader in readers[name]:
                    if reader in left:
                        waits[reader] -= 1
                        if not waits[reader]:
                            heappush(ready, (-ranks[reader], place[reader], reader))
        critical = max((ranks[name] for name in left), default=0.0)
        return Schedule(workers, now, critical, sum(taken.values()))

    def critical_path(self) -> list[str]:
        """The longest chain of remaining cells, in order."""
        left, ranks = self._left, self._ranks
        chain: list[str] = []
        nexts = [name for name in self._graph.order if name in left]
        while nexts:
            chain.append(max(nexts, key=ranks.__getitem__))
            nexts = [name for name in self._graph.readers[chain[-1]] if name in left]
        return chain


def simulate(
    graph: Graph, seconds: Mapping[str, float], workers: int, todo: Collection[str] | None = None
) -> Schedule:
    """Simulate a run with a number of workers; see `Chains`."""
    return Chains(graph, seconds, todo).simulated(workers)


def critical_path(graph: Graph, seconds: Mapping[str, float], todo: Collection[str]) -> list[str]:
    """The longest chain of remaining cells, in order."""
    return Chains(graph, seconds, todo).critical_path()
