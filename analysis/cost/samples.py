"""The measurements of finished cells, from their certificates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..plan.graph import Cell, Graph
from ..storage.certificate import Certificate


@dataclass(frozen=True)
class Sample:
    """One finished cell.

    Attributes:
        cell: the cell.
        amount: its amount of computation, in the same unit as the estimates.
        kind: kind of its passes.
        seconds: its duration.
        peak_mb: peak memory of its process.
        size: size of its files in bytes.
        about: host, device and threads, in words.
    """

    cell: Cell
    amount: float
    kind: str
    seconds: float
    peak_mb: float
    size: int
    about: str = ""


def samples_of(
    graph: Graph, proofs: Mapping[str, Certificate], amounts: Mapping[str, tuple[str, float]]
) -> list[Sample]:
    """The measurements of the finished cells of a run; cells with nothing to compute are left out.

    Args:
        graph: the cells.
        proofs: finished cell -> its certificate.
        amounts: cell -> kind and amount of its computation.
    """
    found = []
    for name, proof in proofs.items():
        seconds = _number(proof.measured.get("seconds"))
        if seconds is None or proof.nothing or name not in graph.cells:
            continue
        kind, amount = amounts[name]
        peak = _number(proof.measured.get("peak_mb")) or 0.0
        size = sum(mark.size for mark in proof.files)
        found.append(Sample(graph[name], amount, kind, seconds, peak, size, _about(proof.measured)))
    return found


def _number(value: Any) -> float | None:
    """A finite, non-negative number; the input may be anything."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value < float("inf") else None


def _about(measured: Mapping[str, Any]) -> str:
    threads = measured.get("threads")
    said = f"{threads} thread{'' if threads == 1 else 's'}"
    return f"{measured.get('host')}, {measured.get('device')}, {said}"


def groups_of(cell: Cell, kind: str) -> Iterator[tuple[Any, ...]]:
    """The groups of cells similar to a cell, from the most similar ones to any of its kind.

    Args:
        cell: the cell.
        kind: kind of its passes.
    """
    options = cell.options
    probe = options.get("probe")
    what = cell.step, probe.get("name", "") if isinstance(probe, Mapping) else ""
    about = tuple(options.get(name, "") for name in ("method", "kind", "state"))
    yield (*what, options.get("task", ""), *about)
    yield (*what, *about[::2])
    yield what
    yield ("kind", kind)


class Measured:
    """Finished cells by group."""

    def __init__(self, samples: Iterable[Sample]):
        self.samples = tuple(samples)
        self._groups: dict[tuple[Any, ...], list[Sample]] = {}
        for sample in self.samples:
            for group in groups_of(sample.cell, sample.kind):
                self._groups.setdefault(group, []).append(sample)
        self._rates: dict[tuple[Any, ...], float] = {}

    def seconds(self, cell: Cell, kind: str, amount: float) -> float | None:
        """Estimate a cell from the most similar cells, in proportion to its amount; None = unknown.

        For equal cells, this is their mean.
        """
        for group in groups_of(cell, kind) if self._groups else ():
            if group not in self._groups:
                continue
            if group not in self._rates:
                like = self._groups[group]
                whole = sum(sample.amount for sample in like)
                took = sum(sample.seconds for sample in like)
                self._rates[group] = took / whole if whole else 0.0
            return self._rates[group] * amount
        return None

    def near(self, cell: Cell, kind: str) -> list[Sample]:
        """The most similar finished cells of the same step."""
        if not self._groups:
            return []
        *same, _ = groups_of(cell, kind)
        return next((self._groups[group] for group in same if group in self._groups), [])
