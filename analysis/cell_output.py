"""The output of one step of a run, and its file."""

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
    """The field `items` of a cell: a frame, or parts that are joined when the field is read."""

    def __get__(self, output: CellOutput | None, _owner: type) -> pd.DataFrame:
        if output is None:
            raise AttributeError("items")  # the field has no default
        held = output.__dict__["_items"]
        return held.frame() if isinstance(held, ItemParts) else held

    def __set__(self, output: CellOutput, items: pd.DataFrame | ItemParts) -> None:
        output.__dict__["_items"] = items


@dataclass(frozen=True)
class CellOutput:
    """The content of a cell's file.

    Attributes:
        rows: tidy rows (data/output/tables.py), a pure function of the items.
        items: scored items as one frame. If they were given in parts, reading this attribute loads
            all of them into memory; `parts` does not.
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
        """A copy with other rows or notes; items that were given in parts stay in parts."""
        return CellOutput(
            self.rows if rows is None else rows,
            self.__dict__["_items"],
            self.arrays,
            self.notes if notes is None else notes,
        )

    def save(self, path: Path) -> None:
        """Write one Parquet file: the items part by part, everything else in its metadata."""
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
        """Read a file that `save` wrote, in this version or an earlier one.

        The whole file is checked. Items of more than one row group are not kept in memory: they are
        read again, group by group, each time.

        Raises:
            DataFileError: if the file has changed since it was written.
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
    """Join outputs: rows and items are concatenated, arrays and notes are merged by name."""
    empty = pd.DataFrame()
    return CellOutput(
        pd.concat([empty, *(output.rows for output in outputs)], ignore_index=True),
        ItemParts.joined(output.parts for output in outputs),
        {name: array for output in outputs for name, array in output.arrays.items()},
        {name: note for output in outputs for name, note in output.notes.items()},
    )


def check_as_written(path: Path) -> None:
    """Check the file of a cell against its certificate, if it has one.

    Raises:
        DataFileError: if the content differs, or the certificate does not name the file.
    """
    proof = path.with_suffix(".json")
    if not proof.is_file():
        return
    files = read_json_object(proof, remedy=DAMAGED_CELL).get("files")
    marks = files if isinstance(files, list) else []
    names = [mark for mark in marks if isinstance(mark, dict)]
    digests = [mark.get("digest") for mark in names if mark.get("path") == f"cells/{path.name}"]
    if not digests:
        problem = f"does not certify {path.name}"
        raise DataFileError(problem, where=str(proof), remedy=DAMAGED_CELL)
    if digests[0] != file_digest(path):
        problem = "has changed since it was written"
        raise DataFileError(problem, where=str(path), remedy=DAMAGED_CELL)


def check_own_items(cell_ids: Iterable[object], path: Path) -> None:
    """Check that items name the cell whose file they are in.

    Raises:
        DataFileError: naming the other cell.
    """
    for other in cell_ids:
        if isinstance(other, str) and other not in ("", path.stem):
            raise DataFileError(f"holds items of {other}", where=str(path), remedy=DAMAGED_CELL)


def _stored_items(path: Path) -> Iterator[pd.DataFrame]:
    """The items of a cell's file, one row group at a time."""
    for table in read_blocks(path, remedy=DAMAGED_CELL, seal=True):
        yield _items_of(table, path)


def _items_of(table: Any, path: Path) -> pd.DataFrame:
    with reading(path, problem="is not a table of items", remedy=DAMAGED_CELL):
        return items_frame(table.to_pandas())


def _columns(rows: pd.DataFrame) -> dict[str, list[Any]]:
    """Column -> its plain values; columns without a value are left out."""
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
