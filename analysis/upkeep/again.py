"""Compute a cell of a run again, in another folder, from its stored inputs."""

from __future__ import annotations

import shutil
from pathlib import Path

from ...data.errors import ConfigError, SubprobeError
from ..cells.materials import Materials
from ..cells.work import Order, compute
from ..plan.preparing import Prepared, prepare
from ..plan.sources import read_sources
from ..plan.whole_run import RunPlan
from ..running.resources import computing_with
from ..steps.progress import Progress, Silent
from ..storage.certificate import Certificate
from ..storage.store import CellStore


def changed_since(plan: RunPlan, prepared: Prepared) -> str:
    """The first source of a run whose content is another one now; empty if there is none."""
    now = read_sources(prepared).digests
    changed = (name for name, one in plan.sources.digests.items() if now.get(name) != one)
    return next(changed, "")


class Again:
    """Computes cells of a run again.

    Args:
        plan: the run.
        threads: number of threads that its cells were computed with.
        progress: receives the progress.

    Raises:
        ConfigError: if the inputs of the cells have changed since the run.
    """

    def __init__(self, plan: RunPlan, threads: int, progress: Progress):
        self._plan, self._threads = plan, threads
        with progress.stage("reading tasks and sentences"):
            prepared = prepare(plan.config, Silent())
            if changed := changed_since(plan, prepared):
                raise ConfigError(
                    f"{changed} has changed since the run, so no cell can be computed again",
                    where=str(plan.folder),
                    remedy="restore it, or check only the files",
                )
        self._materials = Materials(prepared, plan.folder)

    def differs(self, name: str, scratch: Path) -> str:
        """Compute a cell again; returns which outputs differ from the stored ones, or "".

        Args:
            name: name of the cell.
            scratch: a folder for temporary files, which are removed.
        """
        place = scratch / "run"
        config = self._plan.config
        try:
            with computing_with(self._threads, deterministic=config.deterministic):
                return self._compared(name, place)
        except SubprobeError as error:
            return f"cannot be computed again: {error}"
        except Exception as error:  # any error of a library concerns only this cell
            said = f"{type(error).__name__}: {error}".strip().splitlines()[0]
            return f"cannot be computed again: {said}"
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _compared(self, name: str, place: Path) -> str:
        cell, stored = self._plan.graph[name], self._proof(name)
        for other in dict.fromkeys(cell.inputs.values()):
            if not self._copy(other, place) and (why := self._compared(other, place)):
                # its weights were removed after their last use
                return f"depends on {other}: {why}"
        self._materials.folder = place
        roles = {role: self._plan.ids[other] for role, other in cell.inputs.items()}
        fresh = compute(Order(cell, self._plan.ids[name], roles), self._materials, Silent())
        before = {mark.path: mark.digest for mark in stored.files}
        after = {mark.path: mark.digest for mark in fresh.files}
        wrong = [path for path in {**before, **after} if before.get(path) != after.get(path)]
        return f"{', '.join(wrong)} differ from the stored files" if wrong else ""

    def _proof(self, name: str) -> Certificate:
        found = self._plan.store.certificate(self._plan.ids[name])
        if found is None:
            raise ConfigError(f"{name} is missing", where=str(self._plan.folder))
        return found

    def _copy(self, name: str, place: Path) -> bool:
        """Copy a finished cell; returns whether all of its files existed."""
        found, store = self._proof(name), CellStore(place)
        if store.proof(found.cell).is_file():
            return True
        if not all((self._plan.folder / mark.path).is_file() for mark in found.files):
            return False
        self._plan.store.check(found)
        paths = [*(mark.path for mark in found.files), f"cells/{found.cell}.json"]
        for path in paths:
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self._plan.folder / path, place / path)
        return True
