"""What is left of a run and what it takes: cells by step, time, memory, disk, schedules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ...data.errors import ConfigError, DataFileError, InputError
from ...data.output.run_record import run_configuration, run_facts
from ..configuration.config import parse_config
from ..configuration.renamed import renamed
from ..plan.graph import Graph
from ..plan.planning import plan
from ..plan.registry import VERSIONS
from ..plan.sources import Sources
from ..plan.whole_run import SOURCES
from ..running.execute import assess
from ..storage.certificate import Certificate
from ..storage.store import CellStore
from .estimate import Estimate, amounts_of, estimates_of
from .inputs import Planned, workload_of
from .rates import Rates
from .samples import Measured, Sample, samples_of
from .shape import EncoderShape
from .simulate import Schedule, critical_path, simulate

CellState = Literal["done", "missing", "damaged", "to check"]
"""`damaged`: its files are not what was written, so that it is computed again; `to check`: it is
finished, but something that it read is computed again, and may come out otherwise."""

STATES: tuple[CellState, ...] = ("done", "missing", "damaged", "to check")


_LIKE = 4
"""How much larger or smaller an encoder may be whose cells say how long others take."""


@dataclass(frozen=True)
class StepOutlook:
    """The cells of one step.

    Attributes:
        step: its name.
        cells: how many there are.
        done: of these finished.
        missing: never computed.
        damaged: to be computed again.
        to_check: finished, while something that they read is computed again.
        seconds: of those that are left.
        memory_mb: peak of the largest of all.
        disk: bytes of all.
        basis: where the seconds come from; `measured, estimate` where from several.
    """

    step: str
    cells: int
    done: int
    missing: int
    damaged: int
    to_check: int
    seconds: float
    memory_mb: float
    disk: float
    basis: str


@dataclass(frozen=True)
class Outlook:
    """A plan with what it takes.

    Attributes:
        planned: the run.
        states: cell -> how far it is.
        faults: damaged cell -> what is wrong with it.
        estimates: cell -> seconds, memory, disk.
        steps: the same by step, in the order of the graph.
        schedules: the rest of the run, simulated for several numbers of workers.
        path: the longest chain of cells that are left.
        said: what is to be told.
    """

    planned: Planned
    states: Mapping[str, CellState]
    faults: Mapping[str, str]
    estimates: Mapping[str, Estimate]
    steps: tuple[StepOutlook, ...]
    schedules: tuple[Schedule, ...]
    path: tuple[str, ...]
    said: tuple[str, ...]

    @property
    def left(self) -> list[str]:
        """The cells that are not finished."""
        return [name for name, state in self.states.items() if state != "done"]

    def plain(self) -> dict[str, Any]:
        """As JSON values; seconds, megabytes and bytes are rounded."""
        disk = sum(one.disk for one in self.estimates.values())
        left = sum(self.estimates[name].disk for name in self.left)
        counts = {
            state.replace(" ", "_"): sum(1 for one in self.states.values() if one == state)
            for state in STATES
        }
        path = [{"cell": n, "seconds": round(self.estimates[n].seconds, 1)} for n in self.path]
        return {
            "folder": str(self.planned.folder) if self.planned.folder else None,
            "cells": {"all": len(self.states), **counts},
            "steps": [_rounded(asdict(step)) for step in self.steps],
            "damaged": dict(self.faults),
            "work_s": round(sum(self.estimates[n].seconds for n in self.left), 1),
            "critical_path": path,
            "schedules": [_rounded({**asdict(one), "bound": one.bound}) for one in self.schedules],
            "disk": round(disk),
            "disk_left": round(left),
            "said": list(self.said),
        }


def _rounded(record: dict[str, Any]) -> dict[str, Any]:
    return {n: round(v, 1) if isinstance(v, float) else v for n, v in record.items()}


def outlook_of(
    run: Planned, rates: Rates, workers: Sequence[int], others: Iterable[Path] = ()
) -> Outlook:
    """What is left of a run, and what it takes.

    Args:
        run: the plan.
        rates: of the machine, for cells that are like none that is finished.
        workers: numbers of cells at the same time to simulate.
        others: folders of other runs whose finished cells say how long cells take.

    Raises:
        ConfigError: if one of the other folders holds no run with finished cells.
    """
    states, faults, proofs = _states(run)
    samples = samples_of(run.graph, proofs, amounts_of(run.graph, run.work))
    if not samples and run.folder is not None:
        # cells of what the folder held before may be of an earlier version, and say nothing then
        with suppress(InputError):
            samples = _samples_in(run.folder)[0]
    for folder in others:
        samples += _samples_of_other(run, folder)
    measured = Measured(samples)
    estimates = estimates_of(run.graph, run.work, measured, rates)
    seconds = {name: one.seconds for name, one in estimates.items()}
    left = [name for name, state in states.items() if state != "done"]
    schedules = tuple(simulate(run.graph, seconds, count, left) for count in workers)
    path = tuple(critical_path(run.graph, seconds, left))
    steps = tuple(_steps(run.graph, states, estimates))
    said = (*run.said, *_bases(run, samples, estimates, left, rates))
    return Outlook(run, states, faults, estimates, steps, schedules, path, said)


def _states(
    run: Planned,
) -> tuple[dict[str, CellState], dict[str, str], Mapping[str, Certificate]]:
    """How far every cell is, what is wrong with damaged ones, certificates of finished ones."""
    if run.ids is None or run.folder is None:
        return dict.fromkeys(run.graph.cells, "missing"), {}, {}
    found = assess(run.graph, run.ids, CellStore(run.folder))
    states: dict[str, CellState] = {}
    faults = {}
    for name in run.graph.cells:
        why = found.todo.get(name)
        if why is None:
            states[name] = "done"
        elif why == "missing":
            states[name] = "missing"
        elif why.startswith("waits for "):
            states[name] = "to check"
        else:
            states[name], faults[name] = "damaged", why
    return states, faults, found.proofs


def _samples_of_other(run: Planned, folder: Path) -> list[Sample]:
    """What the finished cells of another run took.

    Raises:
        ConfigError: if there are none, or they say nothing about this run's encoder.
    """
    found, shape = _samples_in(folder)
    if not found or shape is None:
        raise ConfigError(
            "holds no run of which a cell is finished",
            where=str(folder),
            remedy="name the folder of a run, finished or not",
        )
    ratio = shape.prunable / run.work.shape.prunable
    if not 1 / _LIKE <= ratio <= _LIKE:
        larger = f"{ratio:,.0f} times larger" if ratio > 1 else f"{1 / ratio:,.0f} times smaller"
        raise ConfigError(
            f"its encoder is {larger}: how long its cells took says nothing about these",
            where=str(folder),
            remedy=f"name a run of an encoder up to {_LIKE} times larger or smaller",
        )
    return found


def _samples_in(folder: Path) -> tuple[list[Sample], EncoderShape | None]:
    """What the finished cells of a run folder took, by what it records of its run; its encoder.

    Raises:
        InputError: if the run's own examples, which say how much its cells computed, are gone.
    """
    options, sources = run_configuration(folder), Sources.parse(run_facts(folder).get(SOURCES))
    if options is None or sources is None:
        return [], None
    config = parse_config(renamed(options), where=str(folder))
    if set(sources.facts) != set(config.tasks):
        return [], None
    graph = plan(config, sources.facts)
    store, proofs = CellStore(folder), {}
    for name, cell in graph.ids(VERSIONS, sources.digests).items():
        try:
            proof = store.certificate(cell)
        except DataFileError:
            continue  # a damaged record says nothing
        if proof is not None:
            proofs[name] = proof
    if not proofs:
        return [], None
    work = workload_of(config, sources.facts)
    return samples_of(graph, proofs, amounts_of(graph, work)), work.shape


def _steps(
    graph: Graph, states: Mapping[str, CellState], estimates: Mapping[str, Estimate]
) -> Iterable[StepOutlook]:
    for step in dict.fromkeys(cell.step for cell in graph):
        names = [cell.name for cell in graph if cell.step == step]
        own = [states[name] for name in names]
        left = [estimates[name] for name in names if states[name] != "done"]
        bases = dict.fromkeys(one.basis for one in left)
        yield StepOutlook(
            step,
            len(names),
            own.count("done"),
            own.count("missing"),
            own.count("damaged"),
            own.count("to check"),
            seconds=sum(one.seconds for one in left),
            memory_mb=max(estimates[name].memory_mb for name in names),
            disk=sum(estimates[name].disk for name in names),
            basis=", ".join(bases),
        )


def _bases(
    run: Planned,
    samples: Sequence[Sample],
    estimates: Mapping[str, Estimate],
    left: Sequence[str],
    rates: Rates,
) -> Iterable[str]:
    """What the seconds rest on, in words."""
    bases = {estimates[name].basis for name in left}
    if "measured" in bases:
        where = "; ".join(dict.fromkeys(sample.about for sample in samples))
        yield f"measured: by {len(samples):,} finished cells ({where})"
    if "calibrated" in bases:
        yield f"calibrated: by single batches on {rates.about}"
    if "estimate" in bases:
        yield (
            f"estimate: floating-point operations ({run.work.flops}) on {rates.about}; "
            "`calibrate` measures this machine"
        )
