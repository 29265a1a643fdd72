"""The overhead of a cell, and the speed-up by a second worker: with a pool and with Dask.

The cells belong to two steps of this file, which a worker imports when it receives such a cell.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from subprobe.analysis.plan.graph import Cell, Graph
from subprobe.analysis.plan.registry import STEPS, Step

from .timing import Measure, planted

if TYPE_CHECKING:
    from subprobe.analysis.cell_output import CellOutput
    from subprobe.analysis.cells.work import Done, Order, Work
    from subprobe.analysis.plan.whole_run import RunPlan
    from subprobe.analysis.running.engine import Engine

EMPTY, EQUAL, ROUNDS = 1000, 8, 3
MILLISECONDS = 1000.0
_numbers = count()


@dataclass(frozen=True)
class OwnCell(Cell):
    """A cell of a step of this file; unpickling it imports the file."""


@dataclass(frozen=True)
class _OwnStep(Step):
    """A step outside `subprobe.analysis.cells`."""

    def load(self) -> Callable[[Work], CellOutput]:
        """The only function of both steps."""
        return compute


assert isinstance(STEPS, dict)
STEPS |= {name: _OwnStep(1, "", 1, runs_model=False) for name in ("empty", "equal")}


def compute(work: Work) -> CellOutput:
    """Add up a number of values; the output has no rows."""
    import pandas as pd
    from subprobe.analysis.cell_output import CellOutput

    total = sum(number % 7 for number in range(work.options["additions"]))
    return CellOutput(pd.DataFrame(), pd.DataFrame(), notes={"total": total})


class OneAtATime:
    """An engine of which one worker is used."""

    slots = 1

    def __init__(self, engine: Engine):
        self._engine = engine

    def submit(self, order: Order) -> None:
        """Start a cell."""
        self._engine.submit(order)

    def wait(self) -> list[Done]:
        """Its outcome."""
        return self._engine.wait()

    def close(self) -> None:
        """Do nothing: the caller closes the engine."""


def cells(
    empty: int = EMPTY, equal: int = EQUAL, rounds: int = ROUNDS, *, additions: int = 20_000_000
) -> list[Measure]:
    """Overhead of an empty cell, and two workers against one, by a pool and by Dask.

    Args:
        empty: number of cells that compute nothing.
        equal: number of equal cells.
        rounds: number of alternations between two workers and one.
        additions: number of additions per equal cell.
    """
    found = []
    with tempfile.TemporaryDirectory() as folder:
        plan = _plan(Path(folder))
        for name, made in (("a pool", _pool), ("Dask", _dask)):
            with made(plan) as engine:
                # libraries, data and model are read by the first cell of each worker
                _execute(plan, engine, "empty", 2 * engine.slots, 0)
                found += _overhead(plan, engine, name, empty)
                found.append(_speed(plan, engine, name, equal, rounds, additions))
    return found


def _overhead(plan: RunPlan, engine: Engine, name: str, cells: int) -> list[Measure]:
    """Time per cell that computes nothing, one after the other.

    Processor time of all processes, and wall time: an engine that waits uses no processor time.
    """
    import psutil

    me = psutil.Process()

    def spent() -> float:
        times = [one.cpu_times() for one in (me, *me.children(recursive=True))]
        return float(sum(one.user + one.system for one in times))

    began, started = spent(), time.perf_counter()
    _execute(plan, OneAtATime(engine), "empty", cells, 2_000_000 if planted() else 0)
    wall = (time.perf_counter() - started) / cells * MILLISECONDS
    each = (spent() - began) / cells * MILLISECONDS
    title = f"an empty cell by {name}, {cells} cells"
    return [
        Measure(title, each, each, each, wall, 50.0, "ms"),
        Measure(f"{title}, on the clock", wall, wall, wall, wall, 50.0, "ms"),
    ]


def _speed(
    plan: RunPlan, engine: Engine, name: str, cells: int, rounds: int, additions: int
) -> Measure:
    """Wall time of two workers relative to one, alternating."""
    ratios = []
    for _ in range(rounds):
        both, one = (
            _execute(plan, used, "equal", cells, additions)
            for used in (OneAtATime(engine) if planted() else engine, OneAtATime(engine))
        )
        ratios.append(both / one)
    middle = statistics.median(ratios)
    return Measure(
        f"two workers over one by {name}, {cells} equal cells",
        middle, min(ratios), max(ratios), middle, 1 / 1.7,
    )  # fmt: skip


def _plan(folder: Path) -> RunPlan:
    from subprobe.analysis.configuration.config import parse_config
    from subprobe.analysis.plan.whole_run import read_plan
    from subprobe.analysis.steps.progress import Silent

    options: dict[str, Any] = {"tasks": ["acceptability"], "seeds": [1], "examples": [48, 16, 24]}
    config = parse_config({**options, "probe": {"names": []}, "device": "cpu"}, where="benchmark")
    return read_plan(config, folder, Silent())[0]


def _execute(plan: RunPlan, engine: Engine, step: str, number: int, additions: int) -> float:
    """Wall seconds for a number of new cells."""
    from subprobe.analysis.running.execute import State, execute
    from subprobe.analysis.steps.progress import Silent

    graph = Graph(
        OwnCell(f"{step}/{next(_numbers)}", step, options={"additions": additions})
        for _ in range(number)
    )
    ids = {cell.name: f"{step}-{int(cell.name.split('/')[1]):016x}" for cell in graph}
    state = State(todo={cell.name: "missing" for cell in graph})
    started = time.perf_counter()
    execute(graph, ids, plan.store, engine, state, Silent())
    assert state.whole, [done.trace for done in state.failed.values()]
    return time.perf_counter() - started


@contextmanager
def _pool(plan: RunPlan) -> Iterator[Engine]:
    from subprobe.analysis.running.pool import Pool
    from subprobe.analysis.steps.progress import Silent

    pool = Pool(plan.config, plan.folder, 2, 1, Silent())
    try:
        yield pool
    finally:
        pool.close()


@contextmanager
def _dask(plan: RunPlan) -> Iterator[Engine]:
    from distributed import Client, LocalCluster
    from subprobe.analysis.running.cluster.spread import Cluster
    from subprobe.analysis.steps.progress import Silent

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", memory_limit=0,
            dashboard_address="127.0.0.1:0", silence_logs=60,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):  # fmt: skip
        client.wait_for_workers(2)
        engine = Cluster(client, plan, 1, Silent())
        try:
            yield engine
        finally:
            engine.close()
