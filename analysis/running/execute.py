"""Compute the missing cells of a graph, each as soon as its inputs are finished."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING

from ...data.errors import DataFileError, SubprobeError
from ...data.files.atomic import digest, write_text
from ...data.files.full_disk import is_full
from ..plan.graph import Graph
from ..plan.registry import STEPS
from ..steps.progress import Progress
from ..storage.certificate import Certificate
from ..storage.store import CellStore

if TYPE_CHECKING:  # the finished cells are determined without importing torch and transformers
    from ..cells.work import Done
    from .engine import Engine

_BUSY_S = 0.5


@dataclass
class State:
    """The state of a graph: which cells are finished.

    Attributes:
        proofs: finished cell -> its certificate.
        todo: cell to be computed -> reason.
        failed: cell -> its error.
        skipped: cell that was not computed -> the failed cell that it depends on.
    """

    proofs: dict[str, Certificate] = field(default_factory=dict)
    todo: dict[str, str] = field(default_factory=dict)
    failed: dict[str, Done] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether every cell is finished."""
        return not (self.todo or self.failed or self.skipped)

    def take(self, other: State) -> None:
        """Take over another state."""
        self.proofs, self.todo = other.proofs, other.todo
        self.failed, self.skipped = other.failed, other.skipped

    def outcome(self, configuration: str) -> str:
        """A digest of all finished cells, by which tables are recognised as up to date."""
        found = {name: proof.digest for name, proof in self.proofs.items()}
        return digest([configuration, found, sorted(self.failed), metadata.version("subprobe")])


def assess(graph: Graph, ids: Mapping[str, str], store: CellStore, *, whole: bool = False) -> State:
    """Determine which cells are finished, and why others are not.

    A trained model whose weights were removed counts as finished unless an unfinished cell reads
    them.

    Args:
        graph: the cells.
        ids: cell -> identity.
        store: the folder of the cells.
        whole: read every file, not only those whose size or time has changed.
    """
    state = State()
    for name in graph.order:
        cell = graph[name]
        waits = next((one for one in cell.inputs.values() if one in state.todo), None)
        if waits is not None and not store.proof(ids[name]).is_file():
            state.todo[name] = "missing"
            continue
        inputs = _digests(graph, name, state.proofs)
        fault = store.fault(ids[name], inputs, whole=whole, models=False)
        proof = None if fault else store.certificate(ids[name])
        if proof is None:
            state.todo[name] = fault or "missing"
        elif waits is not None:
            # it is kept if its inputs come out as before
            state.todo[name] = f"waits for {waits}"
        else:
            state.proofs[name] = proof
    _bring_back_models(graph, ids, store, state)
    return state


def _digests(graph: Graph, name: str, proofs: Mapping[str, Certificate]) -> dict[str, str]:
    return {
        role: proofs[other].digest for role, other in graph[name].inputs.items() if other in proofs
    }


def _bring_back_models(
    graph: Graph, ids: Mapping[str, str], store: CellStore, state: State
) -> None:
    """Mark models for training again whose weights were removed but are read by a missing cell."""
    waiting = [name for name in graph.order if name in state.todo]
    while waiting:
        for other in dict.fromkeys(graph[waiting.pop()].inputs.values()):
            if other in state.proofs and STEPS[graph[other].step].trains:
                inputs = _digests(graph, other, state.proofs)
                if fault := store.fault(ids[other], inputs):
                    del state.proofs[other]
                    state.todo[other] = fault
                    waiting.append(other)


def execute(
    graph: Graph,
    ids: Mapping[str, str],
    store: CellStore,
    engine: Engine,
    state: State,
    progress: Progress,
    *,
    retries: int = 0,
    seconds: Mapping[str, float] | None = None,
    spent: Callable[[str], None] | None = None,
) -> None:
    """Compute the cells that are missing in `state`, and update it.

    Among cells whose inputs are finished, the one that begins the longest chain goes first. A cell
    that fails is tried again `retries` times and then described in a log. Cells that depend on it
    are skipped; all others are computed.

    Args:
        graph: the cells.
        ids: cell -> identity.
        store: the folder of the cells.
        engine: computes them.
        state: the state of the graph.
        progress: receives the progress of the run.
        retries: how often a cell that fails is tried again.
        seconds: expected duration of each cell; None = the weights of the steps.
        spent: called with each trained model once everything that reads it is finished.

    Raises:
        OSError: if the disk is full.
    """
    from ..cells.work import Order

    weights = {cell.name: STEPS[cell.step].weight for cell in graph}
    ranks = graph.longest(weights if seconds is None else seconds)
    tries: dict[str, int] = {}
    running: set[str] = set()
    resting: dict[str, float] = {}
    place = {name: number for number, name in enumerate(graph.order)}
    damaged = {
        name: why
        for name, why in state.todo.items()
        if why != "missing" and not why.startswith("waits for ")
    }
    for name, why in damaged.items():
        progress.say(f"{name} is computed again: {why}")
    told = set(state.proofs)
    with progress.stage("cells") as advance:
        while state.todo or running:
            advance(len(state.proofs), len(graph))
            if spent is not None and len(state.proofs) > len(told):
                for name in _spent(graph, state, set(state.proofs) - told):
                    spent(name)
                told = set(state.proofs)
            now = time.monotonic()
            ready = [
                name
                for name in state.todo
                if name not in running
                and resting.get(name, 0) <= now
                and all(other in state.proofs for other in graph[name].inputs.values())
            ]
            # cells that read a model to be removed go first: the disk has room for few of them
            ready.sort(
                key=lambda name: (
                    spent is None or not _reads_retrained(graph, name),
                    -ranks[name],
                    place[name],
                )
            )
            for name in ready[: max(0, engine.slots - len(running))]:
                inputs = _digests(graph, name, state.proofs)
                whole, needed = name in damaged, _read_later(graph, ids, store, name, state)
                if not store.fault(ids[name], inputs, whole=whole, models=needed):
                    proof = store.certificate(ids[name])
                    assert proof is not None
                    _finished(state, name, proof)
                    continue
                roles = {role: ids[other] for role, other in graph[name].inputs.items()}
                engine.submit(Order(graph[name], ids[name], roles, whole))
                running.add(name)
            if running:
                for done in engine.wait():
                    running.discard(done.name)
                    _take(graph, ids, store, state, done, tries, resting, retries, progress)
            elif not ready:
                later = [moment for name, moment in resting.items() if name in state.todo]
                if not later:
                    break
                time.sleep(max(0.0, min(later) - time.monotonic()))
        advance(len(state.proofs), len(graph))


def _reads_retrained(graph: Graph, name: str) -> bool:
    """Whether a cell reads a model that has only been scored so far."""
    steps = {graph[other].step for other in graph[name].inputs.values()}
    return any(STEPS[step].trains for step in steps - {"finetune"})


def _spent(graph: Graph, state: State, finished: set[str]) -> list[str]:
    """The trained models for which these cells were the last readers."""
    read = {other for name in finished for other in graph[name].inputs.values()}
    return sorted(
        name
        for name in read
        if STEPS[graph[name].step].trains
        and all(reader in state.proofs for reader in graph.readers[name])
    )


def _read_later(
    graph: Graph, ids: Mapping[str, str], store: CellStore, name: str, state: State
) -> bool:
    """Whether any cell that reads this one is still to be computed, by this process or another."""
    with contextlib.suppress(DataFileError):
        proof = store.certificate(ids[name])
        known = state.proofs if proof is None else {**state.proofs, name: proof}
        return any(
            bool(store.fault(ids[one], _digests(graph, one, known), models=False))
            for one in graph.readers[name]
            if one in state.todo
        )
    return True


def _finished(state: State, name: str, proof: Certificate) -> None:
    state.todo.pop(name, None)
    state.proofs[name] = proof


def _take(
    graph: Graph, ids: Mapping[str, str], store: CellStore, state: State, done: Done,
    tries: dict[str, int], resting: dict[str, float], retries: int, progress: Progress,
) -> None:  # fmt: skip
    """Update the state with the outcome of a cell."""
    name = done.name
    if done.state == "busy":
        resting[name] = time.monotonic() + _BUSY_S
    elif done.state == "done":
        assert done.proof is not None
        _finished(state, name, done.proof)
    elif done.error is not None and is_full(done.error):
        # other cells would fail for the same reason
        raise done.error
    elif tries.get(name, 0) < retries:
        tries[name] = tries.get(name, 0) + 1
        progress.say(f"{name} failed and is tried again: {done.why}")
    else:
        log = store.log(ids[name])
        write_text(log, f"{name}\n{done.why}\n\n{done.trace}")
        progress.say(f"{name} FAILED: {done.why} (log: {log})")
        state.todo.pop(name, None)
        state.failed[name] = done
        for reader in graph.downstream([name]):
            if state.todo.pop(reader, None) is not None:
                state.skipped[reader] = name


def first_error(state: State) -> SubprobeError | None:
    """The first SubprobeError among the errors of failed cells."""
    return next(
        (done.error for done in state.failed.values() if isinstance(done.error, SubprobeError)),
        None,
    )
