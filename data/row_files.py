"""Rows of table files, cell by cell as they are written: no cell is guessed to be missing.

A sentence that spells `NA` or `null` is a sentence, and `2019-01-01` stays text: neither pandas nor
the type inference of a JSON reader touches these files.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import DataFileError
from .json_text import json_object
from .parquet_files import parquet_file
from .text_file import read_numbered_lines, read_text


@dataclass(frozen=True)
class Rows:
    """The asked-for columns of one file.

    Attributes:
        path: the file.
        places: how to name each row to the user, such as `line 12`.
        cells: the values of the asked-for columns of each row, in their order.
        n_skipped: malformed rows that were left out on purpose.
    """

    path: Path
    places: tuple[str, ...]
    cells: tuple[tuple[Any, ...], ...]
    n_skipped: int = 0


def read_rows_of(path: Path, columns: Sequence[str]) -> Rows:
    """Read the named columns of a `.tsv`, `.csv`, `.jsonl`, `.json` (lines) or `.parquet` file.

    Raises:
        DataFileError: if the file is missing, empty or malformed, lacks a column or has no rows.
    """
    return READERS[path.suffix](path, columns)


def read_tsv(
    path: Path, columns: Sequence[str], *, header: Sequence[str] = (), skip_short: bool = False
) -> Rows:
    """Read a tab-separated file in which quotes are literal and only line ends end a row.

    Args:
        path: the file.
        columns: names of the columns to return.
        header: the names of all columns if the first row is data; a first row that has all of
            `columns` is a header all the same.
        skip_short: leave rows with missing columns out and count them, instead of raising.

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
    good = [(number, cells) for number, cells in lines if _fits(cells, names)]
    if not skip_short and len(good) < len(lines):
        number, cells = next(line for line in lines if not _fits(line[1], names))
        raise DataFileError(
            f"line {number} has {len(cells)} columns instead of {len(names)}",
            where=str(path),
            remedy="columns are separated by one tab; mend or remove the line",
        )
    return _rows(
        path,
        [f"line {number}" for number, _ in good],
        [tuple(cells[i] for i in indices) for _, cells in good],
        len(lines) - len(good),
    )


def _fits(cells: Sequence[str], names: Sequence[str]) -> bool:
    """Whether a row has all columns, and nothing but empty cells beyond them."""
    return len(cells) >= len(names) and not any(cells[len(names) :])


def read_csv(path: Path, columns: Sequence[str]) -> Rows:
    """Read a comma-separated file with a header, quoted where needed."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        lines = [(reader.line_num, cells) for cells in reader if cells]
    except csv.Error as error:
        raise DataFileError(
            f"line {reader.line_num} is not CSV: {error}", where=str(path)
        ) from error
    names = lines[0][1]
    indices = _places_of(path, columns, names)
    for number, cells in lines[1:]:
        if not _fits(cells, names):
            raise DataFileError(
                f"line {number} has {len(cells)} columns instead of {len(names)}",
                where=str(path),
                remedy="put quotes around cells that hold a comma",
            )
    return _rows(
        path,
        [f"line {number}" for number, _ in lines[1:]],
        [tuple(cells[i] for i in indices) for _, cells in lines[1:]],
    )


def read_json_lines(path: Path, columns: Sequence[str]) -> Rows:
    """Read a file with one JSON object a line."""
    places, rows = [], []
    for number, line in read_numbered_lines(path):
        record = json_object(line, f"{path}, line {number}", remedy="write one JSON object a line")
        _places_of(path, columns, list(record), place=f"line {number} has ")
        places.append(f"line {number}")
        rows.append(tuple(record[column] for column in columns))
    return _rows(path, places, rows)


def read_parquet(path: Path, columns: Sequence[str]) -> Rows:
    """Read a Parquet file."""
    with parquet_file(path) as file:
        _places_of(path, columns, file.schema_arrow.names)
        table = file.read(columns=list(columns))
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


def _places_of(
    path: Path, columns: Sequence[str], names: Sequence[str], place: str = ""
) -> list[int]:
    """Index of each column among the names of a file.

    Raises:
        DataFileError: if one is missing or there twice.
    """
    for column in columns:
        if names.count(column) != 1:
            problem = "two columns" if column in names else "no column"
            raise DataFileError(
                f"{place}{problem} {column!r}",
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
