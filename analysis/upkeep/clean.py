"""What lies in a run folder and nothing needs: listed, then removed."""

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
"""Steps whose models are only trained to be scored and probed."""


@dataclass(frozen=True)
class Leftover:
    """A file or folder that nothing needs.

    Attributes:
        path: inside the run folder.
        bytes: what it takes on the disk.
        why: nothing needs it.
    """

    path: str
    bytes: int
    why: str


def leftovers(folder: Path) -> list[Leftover]:
    """What subprobe wrote into a run folder and nothing needs any more; nothing is removed.

    Files that subprobe did not write are never among it, nor links, nor what a living process
    writes or holds.

    Raises:
        ConfigError: if the folder holds no run.
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
    """Remove what `leftovers` listed, as far as nothing needs it still."""
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
        # whoever works in the folder may be about to read them
        yield from _models(plan, state)
        yield from _unfinished(plan, state)
        for path in _files(plan.folder / HIDDEN_STATES):
            if is_states(path.name):
                yield path, "nothing is being probed: hidden states can be made again"
    for part in (".", *WRITTEN):
        for place in _folders(plan.folder, part):
            for path in stale_in(place):
                yield path, "a killed process was writing it"
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
            yield path, "no configuration of the folder reaches it"


def _logs(plan: RunPlan, state: State) -> Iterator[tuple[Path, str]]:
    finished = {plan.ids[name] for name in state.proofs}
    reached = set(plan.ids.values())
    for path in _files(plan.folder / LOGS):
        if is_log(path.name) and (path.stem in finished or path.stem not in reached):
            why = "is finished now" if path.stem in finished else "is no part of the run"
            yield path, f"the cell {why}"


def _models(plan: RunPlan, state: State) -> Iterator[tuple[Path, str]]:
    """Models that nothing reads."""
    named = {cell: name for name, cell in plan.ids.items()}
    for path in _folders(plan.folder, "models/*"):
        if not is_own_model(path):
            continue
        name = named.get(str(Record.of(path).facts.get("cell_id", "")))
        if name is None:
            yield path, "no configuration of the folder reaches it"
            continue
        read = all(reader in state.proofs for reader in plan.graph.readers[name])
        spent = plan.graph[name].step in SPENT and not plan.config.retrain.keep
        if spent and read and name in state.proofs:
            yield path, "everything that reads it is finished"
            continue
        for file in _files(path):
            if file.name.endswith(DAMAGED):
                yield file, "was set aside because it was damaged"


def _unfinished(plan: RunPlan, state: State) -> Iterator[tuple[Path, str]]:
    """States of trainings that nobody goes on with."""
    waiting = {plan.ids[name] for name in state.todo}
    for path in _folders(plan.folder, f"{STATES}/*"):
        if path.name not in waiting and path.name.partition("-")[0] in STEPS:
            yield path, "no training goes on from it"


def _locks(folder: Path) -> Iterator[tuple[Path, str]]:
    """Locks of processes that live no more; those that are made anew each time may stay."""
    locks = folder / LOCKS
    if locks.is_symlink() or not locks.is_dir():
        return
    with gate(locks):
        if owners(locks):
            return
        for path in _files(locks):
            step = path.name.partition("-")[0]
            if path.suffix == ".lock" and step in STEPS and not is_held(path):
                yield path, "nobody holds it"


def _size(path: Path) -> int:
    paths = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return sum(one.stat().st_size for one in paths)
