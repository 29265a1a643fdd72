"""The remaining work of a run and its cost: cells by step, time, memory, disk space, schedules."""

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
from .simulate import Chains, Schedule

CellState = Literal["done", "missing", "damaged", "to check"]
"""`damaged`: its files were changed, so it is computed again; `to check`: it is finished,
but one of its inputs is computed again and may come out different."""

STATES: tuple[CellState, ...] = ("done", "missing", "damaged", "to check")


_LIKE = 4
"""Largest ratio of the sizes of two encoders where cells of one predict those of the other."""


@dataclass(frozen=True)
class StepOutlook:
    """The cells of one step.

    Attributes:
        step: its name.
        cells: number of cells.
        done: number of finished ones.
        missing: number of those never computed.
        damaged: number of those to be computed again because they are damaged.
        to_check: number of finished ones with an input that is computed again.
        seconds: total of the remaining cells.
        memory_mb: largest peak memory of a cell.
        disk: bytes of all cells.
        basis: the source of the seconds; several are joined, as in `measured, estimate`.
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
    """A plan with its costs.

    Attributes:
        planned: the run.
        states: cell -> its state.
        faults: damaged cell -> its fault.
        estimates: cell -> seconds, memory, disk space.
        steps: the same by step, in the order of the graph.
        schedules: the remaining run, simulated for several numbers of workers.
        path: the longest chain of remaining cells.
        said: messages.
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
    """The remaining work of a run, and its cost.

    Args:
        run: the plan.
        rates: speed of the machine, for cells that resemble no finished cell.
        workers: numbers of simultaneous cells to simulate.
        others: folders of other runs whose finished cells are used to predict durations.

    Raises:
        ConfigError: if one of the other folders contains no run with finished cells.
    """
    states, faults, proofs = _states(run)
    amounts = amounts_of(run.graph, run.work)
    samples = samples_of(run.graph, proofs, amounts)
    if not samples and run.folder is not None:
        # cells of an earlier run in the folder may be of an earlier version and are then ignored
        with suppress(InputError):
            samples = _samples_in(run.folder)[0]
    for folder in others:
        samples += _samples_of_other(run, folder)
    measured = Measured(samples)
    estimates = estimates_of(run.graph, run.work, amounts, measured, rates)
    seconds = {name: one.seconds for name, one in estimates.items()}
    left = [name for name, state in states.items() if state != "done"]
    chains = Chains(run.graph, seconds, left)
    schedules = tuple(chains.simulated(count) for count in workers)
    path = tuple(chains.critical_path())
    steps = tuple(_steps(run.graph, states, estimates))
    said = (*run.said, *_bases(run, samples, estimates, left, rates))
    return Outlook(run, states, faults, estimates, steps, schedules, path, said)


def _states(
    run: Planned,
) -> tuple[dict[str, CellState], dict[str, str], Mapping[str, Certificate]]:
    """The state of every cell, the faults of damaged ones, the certificates of finished ones."""
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
    """The measurements of the finished cells of another run.

    Raises:
        ConfigError: if there are none, or if that encoder is too different in size from this one.
    """
    found, shape = _samples_in(folder)
    if not found or shape is None:
        raise ConfigError(
            "contains no run with a finished cell",
            where=str(folder),
            remedy="name the folder of a run, finished or not",
        )
    ratio = shape.prunable / run.work.shape.prunable
    if not 1 / _LIKE <= ratio <= _LIKE:
        larger = f"{ratio:,.0f} times larger" if ratio > 1 else f"{1 / ratio:,.0f} times smaller"
        raise ConfigError(
            f"its encoder is {larger}, so its durations cannot be used",
            where=str(folder),
            remedy=f"name a run whose encoder is at most {_LIKE} times larger or smaller",
        )
    return found


def _samples_in(folder: Path) -> tuple[list[Sample], EncoderShape | None]:
    """The measurements of the finished cells in a run folder, and the shape of its encoder.

    Raises:
        InputError: if the examples of the run, which determine how much its cells computed, are
            missing.
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
            continue  # a damaged record is ignored
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
    """The basis of the seconds, in words."""
    bases = {estimates[name].basis for name in left}
    if "measured" in bases:
        where = "; ".join(dict.fromkeys(sample.about for sample in samples))
        yield f"measured: on {len(samples):,} finished cells ({where})"
    if "calibrated" in bases:
        yield f"calibrated: with single batches on {rates.about}"
    if "estimate" in bases:
        yield (
            f"estimate: floating-point operations ({run.work.flops}) on {rates.about}; "
            "`calibrate` measures this machine"
        )
