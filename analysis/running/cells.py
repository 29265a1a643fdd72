"""Cells: every step's output is one file, named by what produced it, and computed once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ...data.atomic import atomic_path, canonical_json, digest
from ...data.parquet_files import DAMAGED_CELL, META, WRITING, read_table, sealed
from ...data.reading import reading
from ...data.tables import items_frame, rows_frame

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


@dataclass(frozen=True)
class CellOutput:
    """What a cell's file holds.

    Attributes:
        rows: tidy rows (data/tables.py), a pure function of the items.
        items: scored items.
        arrays: small named arrays for later tests, such as per-head counts [R, L, H].
        notes: plain facts: counts of truncated examples, wall seconds, flags.
    """

    rows: pd.DataFrame
    items: pd.DataFrame
    arrays: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write one Parquet file: the items, with everything else in its metadata."""
        table = pa.Table.from_pandas(items_frame(self.items), preserve_index=False)
        meta = {
            "rows": _records(self.rows),
            "arrays": {name: _pack(array) for name, array in self.arrays.items()},
            "notes": dict(self.notes),
        }
        table = sealed(table, canonical_json(meta).encode())
        with atomic_path(path) as temporary:
            pq.write_table(table, temporary, **WRITING)

    @classmethod
    def load(cls, path: Path) -> CellOutput:
        """Read a file that `save` wrote.

        Raises:
            DataFileError: if anything in it has changed since.
        """
        table = read_table(path, remedy=DAMAGED_CELL, seal=True)
        with reading(path, problem="is not a table of items", remedy=DAMAGED_CELL):
            items = items_frame(table.to_pandas())
        meta = json.loads(table.schema.metadata[META])
        return cls(
            rows=rows_frame(meta["rows"]),
            items=items,
            arrays={name: _unpack(packed) for name, packed in meta["arrays"].items()},
            notes=meta["notes"],
        )


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain records, without the columns that no row fills."""
    filled = rows_frame(rows).dropna(axis=1, how="all")
    records: list[dict[str, Any]] = json.loads(
        filled.to_json(orient="records", double_precision=15)
    )
    return records


def _pack(array: npt.NDArray[np.float64]) -> dict[str, Any]:
    flat = [None if np.isnan(x) else float(x) for x in np.asarray(array, dtype=float).ravel()]
    return {"shape": list(array.shape), "values": flat}


def _unpack(packed: Mapping[str, Any]) -> npt.NDArray[np.float64]:
    return np.array(packed["values"], dtype=float).reshape(packed["shape"])


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
