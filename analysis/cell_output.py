"""What one step of a run gives, and its file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..data.errors import DataFileError
from ..data.files.atomic import atomic_path, canonical_json
from ..data.files.parquet_files import DAMAGED_CELL, read_table, sealed_text, write_sealed
from ..data.files.reading import reading
from ..data.output.tables import ITEM_TYPES, items_frame, rows_frame


@dataclass(frozen=True)
class CellOutput:
    """What a cell's file holds.

    Attributes:
        rows: tidy rows (data/output/tables.py), a pure function of the items.
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
        import pyarrow as pa

        types = {"string": pa.string(), "Int64": pa.int64(), "Float64": pa.float64()}
        schema = pa.schema([(name, types[kind]) for name, kind in ITEM_TYPES.items()])
        table = pa.Table.from_pandas(items_frame(self.items), schema, preserve_index=False)
        meta = {
            "rows": _columns(self.rows),
            "arrays": {name: _pack(array) for name, array in self.arrays.items()},
            "notes": dict(self.notes),
        }
        with atomic_path(path) as temporary:
            write_sealed(table, canonical_json(meta), temporary)

    @classmethod
    def load(cls, path: Path) -> CellOutput:
        """Read a file that `save` wrote, in this version or before its rows were packed.

        Raises:
            DataFileError: if anything in it has changed since.
        """
        table = read_table(path, remedy=DAMAGED_CELL, seal=True)
        with reading(path, problem="is not a table of items", remedy=DAMAGED_CELL):
            items = items_frame(table.to_pandas())
        meta = json.loads(sealed_text(table, path))
        return cls(
            rows=rows_frame(pd.DataFrame(meta["rows"])),
            items=items,
            arrays={name: _unpack(packed) for name, packed in meta["arrays"].items()},
            notes=meta["notes"],
        )


def check_own_items(cell_ids: Iterable[object], path: Path) -> None:
    """Raise if items name another cell than the one whose file they lie in.

    Raises:
        DataFileError: saying which.
    """
    for other in cell_ids:
        if isinstance(other, str) and other not in ("", path.stem):
            raise DataFileError(f"holds items of {other}", where=str(path), remedy=DAMAGED_CELL)


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
