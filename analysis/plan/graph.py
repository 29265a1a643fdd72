"""The work of a run as a graph of cells: each cell is one step and writes one output file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any

from ...data.files.atomic import digest

FORMAT = 3
"""Version of the layout of cell files: cells of another version are computed again."""


@dataclass(frozen=True)
class Needs:
    """The resources that a cell needs.

    Attributes:
        threads: number of threads; 0 = the run's number of threads per cell.
        accelerator: whether it is faster on a GPU.
        memory_mb: estimated peak memory without the libraries; 0 = not estimated.
    """

    threads: int = 0
    accelerator: bool = True
    memory_mb: int = 0


@dataclass(frozen=True)
class Cell:
    """One step with everything that determines its output.

    Attributes:
        name: unique in the graph, a path of words: `acceptability/seed1/structured/good/0/score`.
        step: name of a registered step.
        inputs: role -> name of the cell whose output it reads.
        sources: names of the inputs from outside the run, such as `model` or `task/mrpc/seed1`.
        options: plain values of the options that the step reads.
        needs: the resources that it needs.
    """

    name: str
    step: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    needs: Needs = Needs()


class Graph:
    """Cells in the order of their rows in the tables.

    Raises:
        ValueError: if two cells have the same name, an input is not a cell, or cells depend on each
            other in a circle.
    """

    def __init__(self, cells: Iterable[Cell]):
        self.cells: dict[str, Cell] = {}
        for cell in cells:
            if cell.name in self.cells:
                raise ValueError(f"two cells are called {cell.name}")
            self.cells[cell.name] = cell
        for cell in self:
            if unknown := {name for name in cell.inputs.values() if name not in self.cells}:
                raise ValueError(f"{cell.name} reads {min(unknown)}, which is not a cell")

    def __iter__(self) -> Iterator[Cell]:
        return iter(self.cells.values())

    def __len__(self) -> int:
        return len(self.cells)

    def __getitem__(self, name: str) -> Cell:
        return self.cells[name]

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The cells, each after its inputs, otherwise in the given order.

        Raises:
            ValueError: if cells depend on each other in a circle.
        """
        sorter = TopologicalSorter({cell.name: set(cell.inputs.values()) for cell in self})
        place = {name: number for number, name in enumerate(self.cells)}
        try:
            sorter.prepare()
        except CycleError as error:
            raise ValueError(f"cells depend on each other in a circle: {error.args[1]}") from None
        found: list[str] = []
        while sorter.is_active():
            ready = sorted(sorter.get_ready(), key=place.__getitem__)
            found += ready
            sorter.done(*ready)
        return tuple(found)

    @cached_property
    def readers(self) -> Mapping[str, tuple[str, ...]]:
        """Cell -> the cells that read its output."""
        found: dict[str, list[str]] = {name: [] for name in self.cells}
        for cell in self:
            for name in dict.fromkeys(cell.inputs.values()):
                found[name].append(cell.name)
        return {name: tuple(names) for name, names in found.items()}

    def downstream(self, names: Iterable[str]) -> set[str]:
        """The cells that depend on any of these, directly or not, without these themselves."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            for reader in self.readers[waiting.pop()]:
                if reader not in found:
                    found.add(reader)
                    waiting.append(reader)
        return found

    def ids(self, versions: Mapping[str, int], sources: Mapping[str, str]) -> dict[str, str]:
        """Cell -> its identity: the step's name and 16 hex digits.

        The digits are a hash of the step's version, its options, the digests of its sources and the
        identities of its inputs. They are therefore known before anything is computed.

        Args:
            versions: step -> its version.
            sources: source -> a digest of its content.

        Raises:
            KeyError: for an unknown step or source.
        """
        found: dict[str, str] = {}
        for name in self.order:
            cell = self.cells[name]
            known = [
                FORMAT,
                versions[cell.step],
                dict(cell.options),
                {source: sources[source] for source in cell.sources},
                {role: found[other] for role, other in cell.inputs.items()},
            ]
            found[name] = f"{cell.step}-{digest(known)}"
        return found

    def longest(self, seconds: Mapping[str, float]) -> dict[str, float]:
        """Cell -> seconds of the longest chain that begins with it, from the seconds per cell."""
        found: dict[str, float] = {}
        for name in reversed(self.order):
            after = max((found[reader] for reader in self.readers[name]), default=0.0)
            found[name] = seconds[name] + after
        return found
