"""What one step of a run gives, and its file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..data.errors import DataFileError
from ..data.files.atomic import atomic_path, canonical_json, file_digest
from ..data.files.json_text import read_json_object
from ..data.files.parquet_files import (
    DAMAGED_CELL,
    ROWS_A_GROUP,
    read_blocks,
    read_table,
    sealed_text,
    stored_empty,
    write_sealed_parts,
)
from ..data.files.reading import reading
from ..data.output.item_parts import ItemParts
from ..data.output.tables import ITEM_TYPES, items_frame, rows_frame


class _Items:
    """The field `items` of a cell: a frame, or parts that become one when it is asked for."""

    def __get__(self, output: CellOutput | None, _owner: type) -> pd.DataFrame:
        if output is None:
            raise AttributeError("items")  # the field has no default
        held = output.__dict__["_items"]
        return held.frame() if isinstance(held, ItemParts) else held

    def __set__(self, output: CellOutput, items: pd.DataFrame | ItemParts) -> None:
        output.__dict__["_items"] = items


@dataclass(frozen=True)
class CellOutput:
    """What a cell's file holds.

    Attributes:
        rows: tidy rows (data/output/tables.py), a pure function of the items.
        items: scored items: a frame, also where they were given in parts. Asking for it brings all
            of them into memory; `parts` does not.
        arrays: small named arrays for later tests, such as per-head counts [R, L, H].
        notes: plain facts: counts of truncated examples, wall seconds, flags.
    """

    rows: pd.DataFrame
    items: _Items = _Items()
    arrays: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parts(self) -> ItemParts:
        """The items in frames of bounded size."""
        return ItemParts.of(self.__dict__["_items"])

    def but(
        self, *, rows: pd.DataFrame | None = None, notes: Mapping[str, Any] | None = None
    ) -> CellOutput:
        """The same with other rows or notes; items that are given in parts stay so."""
        return CellOutput(
            self.rows if rows is None else rows,
            self.__dict__["_items"],
            self.arrays,
            self.notes if notes is None else notes,
        )

    def save(self, path: Path) -> None:
        """Write one Parquet file: the items part by part, all else in its metadata."""
        import pyarrow as pa

        types = {"string": pa.string(), "Int64": pa.int64(), "Float64": pa.float64()}
        schema = pa.schema([(name, types[kind]) for name, kind in ITEM_TYPES.items()])
        tables = (pa.Table.from_pandas(part, schema, preserve_index=False) for part in self.parts)
        meta = {
            "rows": _columns(self.rows),
            "arrays": {name: _pack(array) for name, array in self.arrays.items()},
            "notes": dict(self.notes),
        }
        with atomic_path(path) as temporary:
            write_sealed_parts(tables, schema, canonical_json(meta), temporary)

    @classmethod
    def load(cls, path: Path) -> CellOutput:
        """Read a file that `save` wrote, in this version or before its rows were packed.

        All of it is checked. Items of more than one row group are not kept, but read again, group
        by group, each time that they are asked for.

        Raises:
            DataFileError: if anything in it has changed since.
        """
        empty, n_items = stored_empty(path, remedy=DAMAGED_CELL)
        items: pd.DataFrame | ItemParts
        if n_items <= ROWS_A_GROUP:
            items = _items_of(read_table(path, remedy=DAMAGED_CELL, seal=True), path)
        else:
            items = ItemParts(partial(_stored_items, path))
            items.count()
        meta = json.loads(sealed_text(empty, path))
        return cls(
            rows=rows_frame(pd.DataFrame(meta["rows"])),
            items=items,
            arrays={name: _unpack(packed) for name, packed in meta["arrays"].items()},
            notes=meta["notes"],
        )


def join(outputs: list[CellOutput]) -> CellOutput:
    """Several outputs as one: rows and items below each other, arrays and notes side by side."""
    empty = pd.DataFrame()
    return CellOutput(
        pd.concat([empty, *(output.rows for output in outputs)], ignore_index=True),
        ItemParts.joined(output.parts for output in outputs),
        {name: array for output in outputs for name, array in output.arrays.items()},
        {name: note for output in outputs for name, note in output.notes.items()},
    )


def check_as_written(path: Path) -> None:
    """Raise if the file of a cell is not the one that its certificate, if it has one, names.

    Raises:
        DataFileError: for another content, or a certificate that is none.
    """
    proof = path.with_suffix(".json")
    if not proof.is_file():
        return
    files = read_json_object(proof, remedy=DAMAGED_CELL).get("files")
    marks = files if isinstance(files, list) else []
    names = [mark for mark in marks if isinstance(mark, dict)]
    digests = [mark.get("digest") for mark in names if mark.get("path") == f"cells/{path.name}"]
    if not digests:
        problem = f"is no certificate of {path.name}"
        raise DataFileError(problem, where=str(proof), remedy=DAMAGED_CELL)
    if digests[0] != file_digest(path):
        problem = "has another content than was written"
        raise DataFileError(problem, where=str(path), remedy=DAMAGED_CELL)


def check_own_items(cell_ids: Iterable[object], path: Path) -> None:
    """Raise if items name another cell than the one whose file they lie in.

    Raises:
        DataFileError: saying which.
    """
    for other in cell_ids:
        if isinstance(other, str) and other not in ("", path.stem):
            raise DataFileError(f"holds items of {other}", where=str(path), remedy=DAMAGED_CELL)


def _stored_items(path: Path) -> Iterator[pd.DataFrame]:
    """The items of a cell's file, a row group at a time."""
    for table in read_blocks(path, remedy=DAMAGED_CELL, seal=True):
        yield _items_of(table, path)


def _items_of(table: Any, path: Path) -> pd.DataFrame:
    with reading(path, problem="is not a table of items", remedy=DAMAGED_CELL):
        return items_frame(table.to_pandas())


def _columns(rows: pd.DataFrame) -> dict[str, list[Any]]:
    """Column -> its plain values, without the columns that no row fills."""
    filled = rows_frame(rows).dropna(axis=1, how="all")
    return {
        name: [None if pd.isna(value) else value for value in filled[name].tolist()]
        for name in filled
    }


def _pack(array: npt.NDArray[np.float64]) -> dict[str, Any]:
    flat = [None if np.isnan(x) else float(x) for x in np.asarray(array, dtype=float).ravel()]
    return {"shape": list(array.shape), "values": flat}


def _unpack(packed: Mapping[str, Any]) -> npt.NDArray[np.float64]:
    return np.array(packed["values"], dtype=float).reshape(packed["shape"])
