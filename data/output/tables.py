"""The schemas of tidy rows and items, used for all results, and their CSV and Parquet files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import DataFileError
from ..files.atomic import atomic_path
from ..files.parquet_files import WRITING, read_frame
from ..files.reading import reading
from .better import OF_VERSION_2, filled
from .folders import atomic_folder

SCHEMA_VERSION = 3
WITHOUT_BETTER = 2
"""Schema version without `better` and `ablation`, which can be derived from other columns."""
ZERO = "zero"
"""Ablation by a mask: the output of a pruned unit is 0."""

_TEXT, _WHOLE, _REAL = "string", "Int64", "Float64"

ROW_TYPES: dict[str, str] = {
    "schema_version": _WHOLE,
    "cell_id": _TEXT,
    "model": _TEXT,
    "task": _TEXT,
    "corpus": _TEXT,
    "annotation": _TEXT,
    "scheme": _TEXT,
    "split": _TEXT,
    "selection": _TEXT,
    "seed": _WHOLE,
    "seed_order": _WHOLE,
    "draw": _WHOLE,
    "method": _TEXT,
    "kind": _TEXT,
    "state": _TEXT,
    "mask_id": _TEXT,
    "probe": _TEXT,
    "variant": _TEXT,
    "unit": _TEXT,
    "layer": _WHOLE,
    "head": _WHOLE,
    "layer_b": _WHOLE,
    "head_b": _WHOLE,
    "direction": _TEXT,
    "relation": _TEXT,
    "target": _TEXT,
    "metric": _TEXT,
    "better": _TEXT,
    "value": _REAL,
    "ci_low": _REAL,
    "ci_high": _REAL,
    "ci_method": _TEXT,
    "n": _WHOLE,
    "n_clusters": _WHOLE,
    "n_dropped": _WHOLE,
    "ablation": _TEXT,
    "baseline": _TEXT,
    "baseline_value": _REAL,
    "p_value": _REAL,
    "p_adjusted": _REAL,
    "correction": _TEXT,
    "family_size": _WHOLE,
    "sparsity": _REAL,
    "sparsity_of": _TEXT,
    "flag": _TEXT,
}
"""Column name -> pandas type of the tidy row, in the order of the file. Unused cells are empty."""

ITEM_TYPES: dict[str, str] = {
    "cell_id": _TEXT,
    "probe": _TEXT,
    "variant": _TEXT,
    "item_id": _TEXT,
    "sentence_id": _TEXT,
    "cluster_id": _TEXT,
    "layer": _WHOLE,
    "head": _WHOLE,
    "relation": _TEXT,
    "direction": _TEXT,
    "metric": _TEXT,
    "numerator": _REAL,
    "denominator": _REAL,
    "score": _REAL,
    "prediction": _REAL,
    "gold": _REAL,
}
"""Column name -> pandas type of one scored item. The rows are a pure function of the items."""


def _frame(
    types: Mapping[str, str], records: Iterable[Mapping[str, Any]] | pd.DataFrame
) -> pd.DataFrame:
    frame = records if isinstance(records, pd.DataFrame) else pd.DataFrame(list(records))
    unknown = sorted(set(frame.columns) - set(types))
    if unknown:
        raise KeyError(f"columns outside the schema: {unknown}")
    # the same frame passes here many times, so only columns of another type are converted
    wanted = {name: _dtype(kind) for name, kind in types.items()}
    held = dict(zip(frame.columns, frame.dtypes, strict=True))
    if list(held.items()) == list(wanted.items()):
        return frame.copy()
    # most columns of most frames are empty
    lacking = {kind for name, kind in wanted.items() if name not in held}
    empty = {kind: pd.array([pd.NA] * len(frame), dtype=kind) for kind in lacking}
    columns = {
        name: _typed(frame[name].array, kind) if name in held else empty[kind]
        for name, kind in wanted.items()
    }
    return pd.DataFrame(columns, index=frame.index)


def _typed(values: Any, kind: Any) -> Any:
    """The values of a column in a type of the schema, unchanged if they have it already."""
    return values if values.dtype == kind else values.astype(kind)


@cache
def _dtype(kind: str) -> Any:
    return pd.api.types.pandas_dtype(kind)


def rows_frame(records: Iterable[Mapping[str, Any]] | pd.DataFrame) -> pd.DataFrame:
    """Tidy rows with every column of the schema, ordered and typed.

    Empty cells of `better` are filled if the metric has a known direction.

    Raises:
        KeyError: if a record has a column outside the schema.
    """
    frame = _frame(ROW_TYPES, records)
    version = pd.array([SCHEMA_VERSION] * len(frame), dtype=_WHOLE)
    return frame.assign(schema_version=version, better=filled(frame["better"], frame["metric"]))


def items_frame(records: Iterable[Mapping[str, Any]] | pd.DataFrame) -> pd.DataFrame:
    """Items with every column of the schema, ordered and typed."""
    return _frame(ITEM_TYPES, records)


_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def _inert(value: Any) -> Any:
    """Quote a text cell that a spreadsheet would evaluate as a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def inert(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with every text quoted that a spreadsheet would evaluate as a formula."""
    quoted = {}
    for name in frame.select_dtypes(include=["string"]).columns:
        starts = frame[name].str.startswith(_FORMULA_STARTS).fillna(False).astype(bool)
        if starts.any():
            quoted[name] = frame[name].mask(starts, "'" + frame[name])
    for name in [name for name in frame if frame[name].dtype == object]:
        quoted[name] = frame[name].map(_inert, na_action="ignore")
    return frame.assign(**quoted)


def as_written(frame: pd.DataFrame) -> pd.DataFrame:
    """The inverse of `inert`, for a frame that was read from a CSV file."""
    # booleans with missing values are objects too
    texts = [
        name
        for name in frame
        if pd.api.types.is_string_dtype(frame[name].dtype)
        and pd.api.types.infer_dtype(frame[name], skipna=True) != "boolean"
    ]
    quoted = r"^'(?=[=+@\t\r-])"
    return frame.assign(**{name: frame[name].str.replace(quoted, "", regex=True) for name in texts})


def write_csv(frame: pd.DataFrame, target: Path | str) -> None:
    """Write a frame as UTF-8 CSV, atomically, with all formulas quoted (see `inert`)."""
    safe = inert(frame)
    with atomic_path(target) as temporary:
        safe.to_csv(temporary, index=False, lineterminator="\n")


def write_parquet(frame: pd.DataFrame, target: Path | str) -> None:
    """Write a frame as Parquet, atomically."""
    with atomic_path(target) as temporary:
        frame.to_parquet(temporary, index=False, **WRITING)


def write_tables(
    tables: Mapping[str, pd.DataFrame], folder: Path, writer: str, *, overwrite: bool = False
) -> None:
    """Write each table as CSV into a folder; either all or none (see `atomic_folder`)."""
    with atomic_folder(folder, writer, overwrite=overwrite) as temporary:
        for name, table in tables.items():
            write_csv(table, temporary / f"{name}.csv")


def read_rows(source: Path | str) -> pd.DataFrame:
    """Read tidy rows from a `.csv` or `.parquet` file that subprobe wrote.

    Rows of version 2 get the columns `better` and `ablation` from their metric and mask.

    Raises:
        DataFileError: if the file is damaged, or its columns, types or schema version differ.
    """
    source = Path(source)
    if source.suffix == ".parquet":
        raw = read_frame(source)
    else:
        with reading(source, problem="is not a table of rows"):
            raw = pd.read_csv(source, dtype=dict(ROW_TYPES), keep_default_na=False, na_values=[""])
    with reading(source, problem="is not a table of rows"):
        found = raw.get("schema_version", pd.Series(dtype=_WHOLE)).dropna().unique().tolist()
        named = ", ".join(f"{version}" for version in found) or "none"
    if len(raw) and found not in ([SCHEMA_VERSION], [WITHOUT_BETTER]):
        raise DataFileError(
            f"its rows have schema version {named}, this subprobe reads {WITHOUT_BETTER} and "
            f"{SCHEMA_VERSION}",
            where=str(source),
            remedy="recompute them, or read them with the version of subprobe that wrote them",
        )
    with reading(source, problem="is not a table of rows"):
        rows = rows_frame(raw)
        if found == [WITHOUT_BETTER]:
            # the full model has an empty mask and therefore an empty ablation
            rows["better"] = filled(rows["better"], rows["metric"], OF_VERSION_2)
            rows["ablation"] = rows["mask_id"].mask(rows["mask_id"].ne("").fillna(False), ZERO)
    return rows
