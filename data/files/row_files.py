"""Read rows of table files without interpreting cells: no cell is taken for a missing value.

The texts `NA`, `null` and `2019-01-01` stay texts: neither pandas nor the type inference of a JSON
reader is used.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DataFileError
from .json_text import json_object
from .parquet_files import parquet_file
from .text_file import read_numbered_lines, read_text

_ONE_TAB = "columns are separated by one tab; correct or remove the line"
_BY_QUOTES = "`quotes` literal reads quotes as part of the text"


@dataclass(frozen=True)
class Rows:
    """The requested columns of one file.

    Attributes:
        path: the file.
        places: the name of each row in messages, such as `line 12`.
        cells: for each row, the values of the requested columns in their order.
        n_skipped: number of malformed rows that were left out.
        unquoted: whether quotes around cells of a tab-separated file were removed.
    """

    path: Path
    places: tuple[str, ...]
    cells: tuple[tuple[Any, ...], ...]
    n_skipped: int = 0
    unquoted: bool = False


def read_rows_of(path: Path, columns: Sequence[str]) -> Rows:
    """Read the named columns of a `.tsv`, `.csv`, `.jsonl`, `.json` (lines) or `.parquet` file.

    Raises:
        DataFileError: if the file is missing, empty or malformed, lacks a column or has no rows.
    """
    return READERS[path.suffix](path, columns)


def read_tsv(
    path: Path, columns: Sequence[str], *, header: Sequence[str] = (), skip_short: bool = False
) -> Rows:
    """Read a tab-separated file in which quotes are literal and each line is one row.

    Args:
        path: the file.
        columns: names of the columns to return.
        header: the names of all columns if the first row is data; a first row that contains all of
            `columns` is still read as a header.
        skip_short: leave out and count rows with missing columns instead of raising.

    Raises:
        DataFileError: naming the file and the line.
    """
    lines = [(number, line.split("\t")) for number, line in read_numbered_lines(path)]
    names = lines[0][1]
    if not header or set(columns) <= set(names):
        lines = lines[1:]
    else:
        names = list(header)
    indices = _places_of(path, columns, names)
    good = [(number, cells) for number, cells in lines if fits(cells, names)]
    if not skip_short and len(good) < len(lines):
        number, cells = next(line for line in lines if not fits(line[1], names))
        raise DataFileError(
            f"line {number} has {_columns(len(cells))} instead of {len(names)}",
            where=str(path),
            remedy=_ONE_TAB,
        )
    return _rows(
        path,
        [f"line {number}" for number, _ in good],
        [tuple(cells[i] for i in indices) for _, cells in good],
        len(lines) - len(good),
    )


def _columns(count: int) -> str:
    return f"{count} column" if count == 1 else f"{count} columns"


def fits(cells: Sequence[str], names: Sequence[str]) -> bool:
    """Whether a row has all columns, and any further cells are empty."""
    return len(cells) >= len(names) and not any(cells[len(names) :])


def read_csv(path: Path, columns: Sequence[str], *, delimiter: str = ",") -> Rows:
    """Read a separated file with a header and optional quotes; a row is named after its first line.

    Raises:
        DataFileError: naming the file and the line.
    """
    lines = csv_lines(path, read_text(path), delimiter)
    names = lines[0][1]
    indices = _places_of(path, columns, names)
    for number, cells in lines[1:]:
        if not fits(cells, names):
            comma = delimiter == ","
            raise DataFileError(
                f"line {number} has {_columns(len(cells))} instead of {len(names)}",
                where=str(path),
                remedy="put quotes around cells that contain a comma" if comma else _ONE_TAB,
            )
    return _rows(
        path,
        [f"line {number}" for number, _ in lines[1:]],
        [tuple(cells[i] for i in indices) for _, cells in lines[1:]],
    )


def csv_lines(path: Path, text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """The rows of a text that are not blank, each with the number of its first line.

    Raises:
        DataFileError: if a row is not valid CSV; the message names its first line. If all cells
            are empty.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines, start = [], 1
    try:
        with _cells_of_any_length():
            for cells in reader:
                if len(cells) > 1 or "".join(cells).strip():
                    lines.append((start, cells))
                start = reader.line_num + 1
    except csv.Error as error:
        raise DataFileError(
            f"line {start} is not valid CSV: {error}",
            where=str(path),
            remedy="double the quotes inside a quoted cell" if delimiter == "," else _BY_QUOTES,
        ) from error
    if not lines:
        raise DataFileError("all cells are empty", where=str(path))
    return lines


@contextmanager
def _cells_of_any_length() -> Iterator[None]:
    """Remove the limit of `csv` of 131,072 characters per cell."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def read_json_lines(path: Path, columns: Sequence[str]) -> Rows:
    """Read a file with one JSON object per line; missing keys are read as null."""
    places, records = [], []
    for number, line in read_numbered_lines(path):
        record = json_object(
            line, f"{path}, line {number}", remedy="write one JSON object per line"
        )
        places.append(f"line {number}")
        records.append(record)
    _places_of(path, columns, list(dict.fromkeys(key for record in records for key in record)))
    return _rows(path, places, [tuple(map(record.get, columns)) for record in records])


def read_parquet(path: Path, columns: Sequence[str]) -> Rows:
    """Read a Parquet file."""
    with parquet_file(path) as file:
        _places_of(path, columns, file.schema_arrow.names)
        table = file.read(columns=list(dict.fromkeys(columns)))
        table.validate(full=True)
        rows = list(zip(*(table.column(name).to_pylist() for name in columns), strict=True))
    return _rows(path, [f"row {number}" for number in range(1, len(rows) + 1)], rows)


READERS: Mapping[str, Callable[[Path, Sequence[str]], Rows]] = {
    ".tsv": read_tsv,
    ".jsonl": read_json_lines,
    ".json": read_json_lines,
    ".parquet": read_parquet,
    ".csv": read_csv,
}
"""File suffix -> reader."""


def _places_of(path: Path, columns: Sequence[str], names: Sequence[str]) -> list[int]:
    """Index of each column among the names of a file.

    Raises:
        DataFileError: if one is missing or occurs twice.
    """
    for column in columns:
        if names.count(column) != 1:
            problem = "two columns" if column in names else "no column"
            raise DataFileError(
                f"{problem} {column!r}",
                where=str(path),
                remedy=f"columns found: {', '.join(names)}",
            )
    return [names.index(column) for column in columns]


def _rows(
    path: Path, places: Sequence[str], cells: Sequence[tuple[Any, ...]], n_skipped: int = 0
) -> Rows:
    if not cells:
        raise DataFileError("has a header but no rows", where=str(path))
    return Rows(path, tuple(places), tuple(cells), n_skipped)
