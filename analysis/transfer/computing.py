"""The scores of masks on other tasks: computed in the run folder, each once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ...data.errors import ConfigError, SubprobeError
from ...models.masks.subnetwork import Subnetwork
from ..plan.graph import Graph
from ..plan.transfer import Crossing, with_transfer
from ..plan.whole_run import RunPlan
from ..running.collect import with_order_seeds
from ..running.execute import State, assess, execute
from ..running.locks import RunLocks
from ..running.stopping import stopped_by_signals
from ..steps.progress import Progress, Silent
from ..upkeep.recorded import plan_of, threads_recorded


@dataclass(frozen=True)
class Crossed:
    """The finished scores of a transfer matrix.

    Attributes:
        plan: the run with the cells of the transfer.
        crossings: every score.
        rows: performance rows with the columns of a `Crossing`; those of the full models have
            neither `mask_task` nor `reading`.
        masks: task, seed and method -> the good mask.
    """

    plan: RunPlan
    crossings: tuple[Crossing, ...]
    rows: pd.DataFrame
    masks: dict[tuple[str, int, str], Subnetwork]


def crossed(folder: Path, *, retrained: bool = False, progress: Progress | None = None) -> Crossed:
    """Score the masks of each task of a run on every other task, as far as that is not done.

    What is computed is kept in the run folder like the cells of the run: a call that was stopped
    goes on where it was, and a second call computes nothing. The run's own scores are read, never
    computed again.

    Args:
        folder: the run folder.
        retrained: also put each mask on the pretrained encoder and fine-tune it on each task.
        progress: where it reports to.

    Raises:
        ConfigError: if the run has one task, is not finished, if a model of it was removed, or if
            what it read has changed.
        SubprobeError: what a cell fails with.
    """
    progress, run = progress or Silent(), plan_of(folder)
    names = [run.sources.facts[task].name for task in run.config.tasks]
    if len(names) < 2:
        raise ConfigError(
            f"masks are transferred between at least two tasks; this run has one: {names[0]}",
            where=str(folder),
            remedy="add a task to the run (`subprobe run` with `add`)",
        )
    whole, crossings = with_transfer(run, retrained=retrained)
    full = [f"{name}/seed{seed}/full/score" for name in names for seed in run.config.seeds]
    plan = whole.part([*(one.cell for one in crossings), *full])
    state = assess(plan.graph, plan.ids, plan.store)
    _check_whole(run, state)
    if state.todo:
        with RunLocks(folder, run.configuration), stopped_by_signals():
            _compute(plan, state, progress, own=run.graph.cells)
    return Crossed(plan, tuple(crossings), _rows(plan, state, crossings, full), _masks(plan, state))


def _check_whole(run: RunPlan, state: State) -> None:
    """Raise unless all that the run itself asks for is there."""
    for name, why in state.todo.items():
        if name not in run.graph.cells:
            continue
        if "models/" in why:
            raise ConfigError(
                f"{why}: no mask can be scored on it",
                where=str(run.folder),
                remedy="copy the folder of the model back, or run the tasks in a new folder",
            )
        raise ConfigError(
            f"{name} is not finished ({why})",
            where=str(run.folder),
            remedy="run the same `subprobe run` again: it computes what is missing",
        )


def spent_here(graph: Graph, own: Collection[str]) -> frozenset[str]:
    """The cells whose retrained models only the transfer reads, so that it may remove them.

    Those of the run's `own` cells stay: probes of the run that are still to come read them.
    """
    return frozenset(
        name for name, cell in graph.cells.items() if cell.step == "retrain" and name not in own
    )


def _compute(plan: RunPlan, state: State, progress: Progress, own: Collection[str]) -> None:
    # with the libraries of models: reading what is finished needs none of them
    from ..plan.preparing import prepare
    from ..running.engine import Engine, InThisProcess
    from ..running.pool import Pool
    from ..running.resources import computing_with, workers_of
    from ..upkeep.again import changed_since

    config, threads = plan.config, threads_recorded(plan.folder)
    with progress.stage("reading tasks"):
        prepared = prepare(config, Silent())
        if changed := changed_since(plan, prepared):
            raise ConfigError(
                f"{changed} has changed since the run: masks would be scored on other data",
                where=str(plan.folder),
                remedy="put it back as it was, or run the tasks in a new folder",
            )
    progress.say(f"{len(state.todo)} cells are computed; they are kept in {plan.folder}")
    with computing_with(threads, deterministic=config.deterministic):
        workers = workers_of(config, threads, len(state.todo))
        engine: Engine = (
            Pool(config, plan.folder, workers, threads, progress)
            if workers > 1
            else InThisProcess(prepared, plan.folder, progress)
        )

        spendable = spent_here(plan.graph, own)

        def spend(name: str) -> None:
            if name in spendable:
                for mark in state.proofs[name].files[1:2]:
                    plan.store.remove_model(mark)

        try:
            execute(
                plan.graph, plan.ids, plan.store, engine, state, progress,
                spent=None if config.retrain.keep else spend,
            )  # fmt: skip
        finally:
            engine.close()
    if state.whole and not config.retrain.keep:
        for name in plan.graph.cells:
            spend(name)  # the last ones were not read yet when others were removed
    for name, failed in state.failed.items():
        if isinstance(failed.error, SubprobeError):
            raise failed.error
        raise SubprobeError(f"{name} failed: {failed.why}", where=str(plan.folder))


def _rows(plan: RunPlan, state: State, crossings: list[Crossing], full: list[str]) -> pd.DataFrame:
    parts = []
    for name in full:
        parts.append(plan.store.read(plan.ids[name], state.proofs[name]).rows)
    for one in crossings:
        output = plan.store.read(plan.ids[one.cell], state.proofs[one.cell])
        about = {"kind": one.kind, "method": one.method, "draw": one.draw,
                 "mask_task": one.mask_task, "reading": one.reading}  # fmt: skip
        parts.append(output.rows.assign(**about))
    rows = with_order_seeds(pd.concat(parts, ignore_index=True), plan.graph)
    return rows[rows["probe"] == "performance"].reset_index(drop=True)


def _masks(plan: RunPlan, state: State) -> dict[tuple[str, int, str], Subnetwork]:
    """The good masks, proved to be what was written."""
    found = {}
    for name, cell in plan.graph.cells.items():
        if name.endswith("/search") and name in state.proofs:
            plan.store.check(state.proofs[name])
            mask = Subnetwork.load(plan.store.mask(plan.ids[name]))
            method = name.split("/")[-2]
            found[str(cell.options["task"]), int(cell.options["seed"]), method] = mask
    return found
