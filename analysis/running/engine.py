"""Engines that compute cells: in this process, in several processes, or on several machines."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from filelock import Timeout

from ...data.errors import SubprobeError
from ...data.files.full_disk import is_full
from ..cells.materials import Materials
from ..cells.work import Done, Order, compute
from ..configuration.config import RunConfig
from ..plan.preparing import Prepared, prepare
from ..plan.whole_run import RunPlan
from ..steps.progress import Progress, Silent
from ..storage.store import CellStore
from .locks import cell_lock


class Engine(Protocol):
    """The interface of an engine that computes cells."""

    @property
    def slots(self) -> int:
        """Number of cells that it accepts at the same time."""
        ...

    def submit(self, order: Order) -> None:
        """Start to compute a cell whose inputs are finished."""
        ...

    def wait(self) -> list[Done]:
        """The outcomes of cells since the last call; waits a moment if there are none."""
        ...

    def close(self) -> None:
        """Stop at once, even if cells are being computed."""
        ...


def work_on(order: Order, materials: Materials, progress: Progress) -> Done:
    """Compute a cell unless another process does or did; errors are returned, not raised."""
    store, name = CellStore(materials.folder), order.cell.name
    try:
        with cell_lock(materials.folder, order.id):
            inputs = {role: _digest(store, other) for role, other in order.inputs.items()}
            fault = store.fault(order.id, inputs, whole=order.whole)
            if not fault:
                return Done(name, "done", proof=store.certificate(order.id))
            if fault != "missing":
                store.set_aside(order.id)
            return Done(name, "done", proof=compute(order, materials, progress))
    except Timeout:
        return Done(name, "busy")
    except SubprobeError as error:
        return Done(name, "failed", str(error), traceback.format_exc(), error)
    except Exception as error:  # any error of a library ends this cell, not the run
        why = f"{type(error).__name__}: {error}".strip().splitlines()[0]
        full = error if is_full(error) else None
        return Done(name, "failed", why, traceback.format_exc(), full)


def _digest(store: CellStore, cell: str) -> str:
    proof = store.certificate(cell)
    return proof.digest if proof else ""


class InThisProcess:
    """An engine that computes one cell after the other in this process.

    Args:
        prepared: the inputs of the run.
        folder: the run folder.
        progress: receives the progress of the steps.
    """

    slots = 1

    def __init__(self, prepared: Prepared, folder: Path, progress: Progress):
        self._materials, self._progress = Materials(prepared, folder), progress
        self._done: list[Done] = []

    def submit(self, order: Order) -> None:
        """Compute the cell."""
        self._done.append(work_on(order, self._materials, self._progress))

    def wait(self) -> list[Done]:
        """The outcomes of the submitted cells."""
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """Do nothing: no cell is running."""


EngineMaker = Callable[[RunPlan, int, Progress], Engine]
"""A factory of engines that compute the cells of a run, given the number of threads per cell."""

_held: dict[tuple[Path, str], Materials] = {}


def materials_of(config: RunConfig, folder: Path, reading: str = "") -> Materials:
    """The inputs that a worker process has read, for one run at a time, on first use.

    Args:
        config: the options of the run.
        folder: the run folder.
        reading: identifies the pass; for a new one all inputs are read again, as files may have
            changed.
    """
    found = _held.get((folder, reading))
    if found is None or found.config != config:
        _held.clear()
        found = _held[folder, reading] = Materials(prepare(config, Silent()), folder)
    return found
