"""Compute a cell in a worker of a cluster."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributed import get_worker
from threadpoolctl import threadpool_limits

from ....data.errors import SubprobeError
from ...cells.materials import Materials
from ...cells.work import Done, Order
from ...configuration.config import RunConfig
from ...plan.sources import read_sources
from ...steps.progress import Advance, Progress
from ..engine import materials_of, work_on
from ..resources import computing_with

_EVERY_S = 0.5
_stopped: set[str] = set()
_checked: set[str] = set()


class Unfit(Exception):
    """Raised if this worker cannot read the inputs of the run, with the reason; others may."""


@dataclass(frozen=True)
class About:
    """The description of a run that is sent to a worker with every cell.

    Attributes:
        config: the options.
        folder: the run folder, absolute.
        here: the folder where the run was started, to which paths are relative.
        threads: number of threads per cell.
        digests: source -> digest at the time of planning.
        topic: the Dask topic of this pass over the graph, to which messages are sent.
    """

    config: RunConfig
    folder: Path
    here: Path
    threads: int
    digests: Mapping[str, str]
    topic: str


Job = Callable[[Order, RunConfig, Path, Progress], Done]


def compute_there(order: Order, about: About, job: Job | None = None) -> Done:
    """Compute a cell in a worker.

    Args:
        order: the cell.
        about: the run.
        job: the function that is applied to it; None = compute it.

    Raises:
        Unfit: if this worker cannot read the inputs that the run was planned with.
    """
    progress = Reporting(about.topic, order.cell.name)
    with (
        contextlib.chdir(about.here),
        # torch and similar, and the libraries of numpy: as in the processes of one machine
        threadpool_limits(about.threads),
        computing_with(about.threads, deterministic=about.config.deterministic),
    ):
        if job is not None:
            return job(order, about.config, about.folder, progress)
        return work_on(order, _materials(about), progress)


def _materials(about: About) -> Materials:
    """The inputs that this worker has read for a run, checked against the digests of the plan.

    A worker lives longer than a run, so that files may have changed since it read them.
    """
    try:
        materials = materials_of(about.config, about.folder, about.topic)
        found = read_sources(materials.prepared).digests if about.topic not in _checked else {}
    except (SubprobeError, OSError, ImportError) as error:
        raise Unfit(f"cannot read the inputs of the run: {error}") from None
    for name in sorted(found):
        if found[name] != about.digests.get(name):
            raise Unfit(
                f"reads a version of {name} that differs from the one that the run was planned with"
            )
    _checked.add(about.topic)
    return materials


def stop(topic: str) -> None:
    """Stop the cells of a run that this worker computes, at their next step."""
    _stopped.add(topic)


class Reporting:
    """Progress inside a worker: sends messages to the run through the scheduler.

    Args:
        topic: the topic of the run.
        cell: name of the cell.
    """

    def __init__(self, topic: str, cell: str):
        self._topic, self._cell, self._worker, self._next = topic, cell, get_worker(), 0.0

    @contextlib.contextmanager
    def stage(self, title: str) -> Iterator[Advance]:
        """Report the progress of a stage, at most twice per second.

        Raises:
            SubprobeError: raised by the advance function if the run was stopped.
        """

        def advance(done: int, total: int | None) -> None:
            if self._topic in _stopped:
                raise SubprobeError("the run was stopped")
            if time.monotonic() >= self._next or done == total:
                self._next = time.monotonic() + _EVERY_S
                self._send("done", [done, total])

        yield advance

    def say(self, line: str) -> None:
        """Report one line."""
        self._send("say", line)

    def _send(self, event: str, value: Any) -> None:
        # sent in batches, by the thread that keeps the worker connected
        self._worker.log_event(self._topic, {"cell": self._cell, "event": event, "value": value})
