"""Cells: every step's output is one file, named by what produced it, and computed once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...data.files.atomic import digest
from ..cell_output import CellOutput

STEP_VERSIONS = {
    "finetune": 2,
    "prune": 3,
    "evaluate": 3,
    "retrain": 4,
    "round": 2,
    "untrained": 3,
    "words": 2,
    "probe": 3,
}
"""Raise a step's number when its output changes for the same inputs and options."""

_FORMAT = 2
"""Layout of a cell's file: cells of another one are computed again."""


@dataclass(frozen=True)
class Cell:
    """One step with everything that decides its output.

    Attributes:
        step: a key of `STEP_VERSIONS`.
        inputs: content hashes of what the step reads (weights, masks, examples, sentences).
        options: plain values of the options that the step reads.
    """

    step: str
    inputs: Mapping[str, str]
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The step's name and 16 hex digits of the hash of version, inputs and options."""
        known = [_FORMAT, STEP_VERSIONS[self.step], dict(self.inputs), dict(self.options)]
        return f"{self.step}-{digest(known)}"


class CellMissing(Exception):
    """A cell that is not finished was asked for while nothing may be computed."""


class CellStore:
    """The folder of finished cells of one run."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._reading = False
        self.used: set[str] = set()
        """Names of the files that were asked for."""

    def path(self, cell: Cell, suffix: str = ".parquet") -> Path:
        """Where the cell's one file lies, finished or not."""
        path = self.folder / f"{cell.id}{suffix}"
        self.used.add(path.name)
        return path

    def missing(self, path: Path) -> bool:
        """Whether the cell of this file must be computed.

        Raises:
            CellMissing: if it must, inside `reading`.
        """
        if path.exists():
            return False
        if self._reading:
            raise CellMissing(path.name)
        return True

    def get(self, cell: Cell, compute: Callable[[], CellOutput]) -> CellOutput:
        """The cell's output: read if it is finished, else computed and written whole."""
        path = self.path(cell)
        if self.missing(path):
            compute().save(path)
        return CellOutput.load(path)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Inside, cells are only read, never computed."""
        self._reading = True
        try:
            yield
        finally:
            self._reading = False
