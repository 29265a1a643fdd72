"""Estimate seconds, memory and disk space of every cell from the best available data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...pruning.across_seeds import ACROSS
from ..plan.graph import Cell, Graph
from ..plan.registry import STEPS
from ..storage.certificate import Certificate
from .amounts import Workload
from .rates import Basis, Rates
from .samples import Measured, samples_of

LIBRARIES_MB = 700
"""Memory in MB of a process that has imported torch and transformers, without a model."""

_TRAINED = 16
"""Bytes per trained parameter: weight, gradient and both moments of AdamW."""

_ACTIVATIONS = 70
"""Bytes that training stores per subword, dimension and layer."""

_TABLE = 30_000
_ITEM = 12
"""Bytes of a cell's table, and of each scored example in it."""


@dataclass(frozen=True)
class Estimate:
    """The estimate of one cell.

    Attributes:
        seconds: its duration.
        memory_mb: peak memory of its process.
        disk: size of its files in bytes.
        basis: the source of the seconds.
    """

    seconds: float
    memory_mb: float
    disk: float
    basis: Basis


def estimates_of(
    graph: Graph,
    work: Workload,
    amounts: Mapping[str, tuple[str, float]],
    measured: Measured,
    rates: Rates,
) -> dict[str, Estimate]:
    """Estimate every cell.

    Args:
        graph: the cells.
        work: the sizes of models and tasks.
        amounts: cell -> kind and amount of its computation.
        measured: finished cells, whose measurements take precedence.
        rates: speed of the machine, for cells that resemble no finished cell.
    """
    found = {}
    for cell in graph:
        kind, value = amounts[cell.name]
        seconds = measured.seconds(cell, kind, value)
        basis: Basis = "measured"
        if seconds is None:
            probe = str(cell.options["probe"]["name"]) if cell.step == "probe" else ""
            seconds, basis = rates.seconds(kind, value, probe), rates.basis
        near = measured.near(cell, kind)
        memory = max((sample.peak_mb for sample in near), default=0) or _memory(cell, work)
        disk = sum(s.size for s in near) / len(near) if near else _disk(cell, work)
        if cell.step in ("retrain", "untrained") and not work.config.retrain.keep:
            disk = _TABLE  # the model is removed as soon as it is read
        found[cell.name] = Estimate(seconds, memory, disk, basis)
    return found


def amounts_of(graph: Graph, work: Workload) -> dict[str, tuple[str, float]]:
    """Cell -> kind and amount of its computation."""
    return {cell.name: ((one := work.of(cell)).kind, one.value) for cell in graph}


def seconds_of(
    graph: Graph, work: Workload, proofs: Mapping[str, Certificate], rates: Rates
) -> dict[str, float]:
    """Estimated seconds of every cell of a run, which determine the order of its cells.

    Args:
        graph: the cells.
        work: the amount of computation of each cell.
        proofs: finished cell -> its certificate.
        rates: speed of the machine, for cells that resemble no finished cell.
    """
    amounts = amounts_of(graph, work)
    measured = Measured(samples_of(graph, proofs, amounts))
    found = estimates_of(graph, work, amounts, measured, rates)
    return {name: one.seconds for name, one in found.items()}


def _memory(cell: Cell, work: Workload) -> float:
    """Peak memory of a cell in MB, by its parameters and activations."""
    step, shape = STEPS[cell.step], work.shape
    if not step.runs_model:
        return LIBRARIES_MB
    if not (step.trains or cell.step == "round"):
        return LIBRARIES_MB + 8 * shape.parameters / 1e6
    task = str(cell.options["task"])
    recipe = work.recipes[task]
    subwords = (recipe.micro_batch or recipe.batch_size) * work.sizes[task].padded
    kept = subwords * shape.layers * shape.width * _ACTIVATIONS
    return LIBRARIES_MB + (_TRAINED * shape.parameters + kept) / 1e6


def _disk(cell: Cell, work: Workload) -> float:
    """Size in bytes of the files of a cell."""
    step, shape = STEPS[cell.step], work.shape
    if step.trains:
        return 4.0 * shape.parameters + _TABLE
    items = (
        work.sizes[str(cell.options["task"])].report
        if cell.step in ("evaluate", "nullscore", "samescore")
        else 0
    )
    masked = cell.step in ("prune", "nullsearch", "samemask", "mask", "round", "ticket", "across")
    weights = str(cell.options.get("method", "imp")) in ("magnitude", "imp")
    several = cell.options.get("kind") in ACROSS
    bits = shape.prunable / 8 if masked and weights and not several else 0.0
    return _TABLE + _ITEM * items + bits
