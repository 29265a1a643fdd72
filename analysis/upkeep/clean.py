"""List and remove the files in a run folder that are no longer needed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...data.files.temporaries import stale_in
from ...data.output.ownership import (
    DAMAGED,
    HIDDEN_STATES,
    LOCKS,
    Record,
    is_cell,
    is_log,
    is_states,
)
from ..plan.registry import STEPS
from ..plan.transfer import with_transfer
from ..plan.whole_run import RunPlan
from ..running.execute import State, assess
from ..running.locks import gate, is_held, owners
from ..storage.store import LOGS, STATES, WRITTEN, is_own_model
from .recorded import living, plan_of

SPENT = ("retrain", "untrained")
"""Steps whose models are trained only to be scored and probed."""


@dataclass(frozen=True)
class Leftover:
    """A file or folder that is no longer needed.

    Attributes:
        path: inside the run folder.
        bytes: its size on disk.
        why: the reason why it is not needed.
    """

    path: str
    bytes: int
    why: str


def leftovers(folder: Path) -> list[Leftover]:
    """List the files of subprobe in a run folder that are no longer needed; none is removed.

    The list never contains links, files that subprobe did not write, or files in use by a running
    process.

    Raises:
        ConfigError: if the folder does not contain a run.
    """
    # scores of masks on other tasks are kept, though the run itself does not ask for them
    plan = with_transfer(plan_of(folder), retrained=True)[0]
    busy = bool(living(folder))
    state = assess(plan.graph, plan.ids, plan.store)
    found = []
    for path, why in _all(plan, state, busy=busy):
        found.append(Leftover(path.relative_to(folder).as_posix(), _size(path), why))
    return found


def remove(folder: Path, found: list[Leftover]) -> None:
    """Remove what `leftovers` listed, except files that are needed now."""
    still = set(leftovers(folder))
    for one in found:
        if one not in still:
            continue
        path = folder / one.path
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _all(plan: RunPlan, state: State, *, busy: bool) -> Iterator[tuple[Path, str]]:
    yield from _cells(plan)
    yield from _logs(plan, state)
    if not busy:
        # a process in the folder may be about to read them
        yield from _models(plan, state)
        yield from _unfinished(plan, state)
        for path in _files(plan.folder / HIDDEN_STATES):
            if is_states(path.name):
                yield path, "no probe is running, and hidden states can be computed again"
    for part in (".", *WRITTEN):
        for place in _folders(plan.folder, part):
            for path in stale_in(place):
                yield path, "is an unfinished file of a killed process"
    yield from _locks(plan.folder)


def _folders(folder: Path, part: str) -> list[Path]:
    every = sorted(folder.glob(part)) if part.endswith("/*") else [folder / part]
    return [one for one in every if one.is_dir() and not one.is_symlink()]


def _files(folder: Path) -> list[Path]:
    if folder.is_symlink() or not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink())


def _cells(plan: RunPlan) -> Iterator[tuple[Path, str]]:
    reached = set(plan.ids.values())
    for path in _files(plan.store.cells):
        if not is_cell(path.name):
            continue
        if path.name.endswith(DAMAGED):
            yield path, "was set aside because it was damaged"
        elif path.stem not in reached:
            yield path, "is not part of any configuration of the folder"


def _logs(plan: RunPlan, state: State) -> Iterator[tuple[Path, str]]:
    finished = {plan.ids[name] for name in state.proofs}
    reached = set(plan.ids.values())
    for path in _files(plan.folder / LOGS):
        if is_log(path.name) and (path.stem in finished or path.stem not in reached):
            why = "is finished now" if path.stem in finished else "is not part of the run"
            yield path, f"the cell {why}"


def _models(plan: RunPlan, state: State) -> Iterator[tuple[Path, str]]:
    """Models that no cell will read."""
    named = {cell: name for name, cell in plan.ids.items()}
    for path in _folders(plan.folder, "models/*"):
        if not is_own_model(path):
            continue
        name = named.get(str(Record.of(path).facts.get("cell_id", "")))
        if name is None:
            yield path, "is not part of any configuration of the folder"
            continue
        read = all(reader in state.proofs for reader in plan.graph.readers[name])
        spent = plan.graph[name].step in SPENT and not plan.config.retrain.keep
        if spent and read and name in state.proofs:
            yield path, "all cells that read it are finished"
            continue
        for file in _files(path):
            if file.name.endswith(DAMAGED):
                yield file, "was set aside because it was damaged"


def _unfinished(plan: RunPlan, state: State) -> Iterator[tuple[Path, str]]:
    """States of trainings that will not be resumed."""
    waiting = {plan.ids[name] for name in state.todo}
    for path in _folders(plan.folder, f"{STATES}/*"):
        if path.name not in waiting and path.name.partition("-")[0] in STEPS:
            yield path, "no training resumes from it"


def _locks(folder: Path) -> Iterator[tuple[Path, str]]:
    """Locks of ended processes."""
    locks = folder / LOCKS
    if locks.is_symlink() or not locks.is_dir():
        return
    with gate(locks):
        if owners(locks):
            return
        for path in _files(locks):
            step = path.name.partition("-")[0]
            if path.suffix == ".lock" and step in STEPS and not is_held(path):
                yield path, "is not held by any process"


def _size(path: Path) -> int:
    paths = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return sum(one.stat().st_size for one in paths)
