"""Seconds, memory and disk of every cell, from what is known best of it."""

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
"""Of a process that has loaded torch, transformers and what they bring, and no model."""

_TRAINED = 16
"""Bytes a parameter while it is trained: weight, gradient and both moments of AdamW."""

_ACTIVATIONS = 70
"""Bytes that training keeps of a subword, for each of D in each of the L layers."""

_TABLE = 30_000
_ITEM = 12
"""Bytes of a cell's table, and of each scored example in it."""


@dataclass(frozen=True)
class Estimate:
    """One cell.

    Attributes:
        seconds: that it takes.
        memory_mb: peak memory of its process.
        disk: bytes of its files.
        basis: where the seconds come from.
    """

    seconds: float
    memory_mb: float
    disk: float
    basis: Basis


def estimates_of(
    graph: Graph, work: Workload, measured: Measured, rates: Rates
) -> dict[str, Estimate]:
    """What every cell takes.

    Args:
        graph: the cells.
        work: how much each computes.
        measured: finished cells, whose figures go before all others.
        rates: of the machine, for what is like no finished cell.
    """
    found = {}
    for cell in graph:
        amount = work.of(cell)
        seconds = measured.seconds(cell, amount.kind, amount.value)
        basis: Basis = "measured"
        if seconds is None:
            probe = str(cell.options["probe"]["name"]) if cell.step == "probe" else ""
            seconds, basis = rates.seconds(amount.kind, amount.value, probe), rates.basis
        near = measured.near(cell, amount.kind)
        memory = max((sample.peak_mb for sample in near), default=0) or _memory(cell, work)
        disk = sum(s.size for s in near) / len(near) if near else _disk(cell, work)
        found[cell.name] = Estimate(seconds, memory, disk, basis)
    return found


def amounts_of(graph: Graph, work: Workload) -> dict[str, tuple[str, float]]:
    """Cell -> kind and amount of what it computes."""
    return {cell.name: ((one := work.of(cell)).kind, one.value) for cell in graph}


def seconds_of(
    graph: Graph, work: Workload, proofs: Mapping[str, Certificate], rates: Rates
) -> dict[str, float]:
    """Seconds of every cell of a run, by which its cells are put in order.

    Args:
        graph: the cells.
        work: how much each computes.
        proofs: finished cell -> its certificate.
        rates: of the machine, for what is like no finished cell.
    """
    measured = Measured(samples_of(graph, proofs, amounts_of(graph, work)))
    return {n: one.seconds for n, one in estimates_of(graph, work, measured, rates).items()}


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
    """Bytes that a cell leaves."""
    step, shape = STEPS[cell.step], work.shape
    if step.trains:
        return 4.0 * shape.parameters + _TABLE
    items = work.sizes[str(cell.options["task"])].report if cell.step == "evaluate" else 0
    masked = cell.step in ("prune", "mask", "round", "ticket", "across")
    weights = str(cell.options.get("method", "imp")) in ("magnitude", "imp")
    several = cell.options.get("kind") in ACROSS
    bits = shape.prunable / 8 if masked and weights and not several else 0.0
    return _TABLE + _ITEM * items + bits
