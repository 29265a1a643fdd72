"""Parquet files, read with their checksums and without trust in the sizes that they announce."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import DataFileError
from .reading import reading

MOST_ROWS = 10**8
"""Rows that a file may announce."""

_ROWS_A_BYTE = 1000
_FREE_ROWS = 10**6

WRITING = {"write_page_checksum": True}
"""Options that every Parquet file of this project is written with: damage is noticed when read."""


@contextmanager
def parquet_file(
    path: Path, *, remedy: str | None = None, as_categories: Sequence[str] = ()
) -> Iterator[Any]:
    """An open `pyarrow.parquet.ParquetFile`; what goes wrong inside is a damaged file.

    Put nothing inside but what reads the file.

    Args:
        path: the file.
        remedy: what the user can do about a damaged one.
        as_categories: text columns that are read as categories.

    Raises:
        DataFileError: if it is no whole Parquet file, or announces more rows than it can hold.
    """
    import pyarrow.parquet

    with (
        reading(path, problem="is not a whole Parquet file", remedy=remedy),
        pyarrow.parquet.ParquetFile(
            path, page_checksum_verification=True, read_dictionary=list(as_categories)
        ) as file,
    ):
        rows, size = file.metadata.num_rows, path.stat().st_size
        if not 0 <= rows <= min(MOST_ROWS, _FREE_ROWS + _ROWS_A_BYTE * size):
            raise DataFileError(f"declares {rows:,} rows in {size:,} bytes", where=str(path))
        yield file


def read_table(
    path: Path,
    columns: Sequence[str] | None = None,
    *,
    remedy: str | None = None,
    as_categories: Sequence[str] = (),
) -> Any:
    """A Parquet file as a `pyarrow.Table`, each value checked: text is UTF-8, offsets fit.

    Args:
        path: the file.
        columns: those to read, all of which must be there; None = every one.
        remedy: as in `parquet_file`.
        as_categories: as in `parquet_file`.

    Raises:
        DataFileError: as `parquet_file`, or without a column.
    """
    with parquet_file(path, remedy=remedy, as_categories=as_categories) as file:
        missing = sorted(set(columns or ()) - set(file.schema_arrow.names))
        if missing:
            raise DataFileError(f"has no column {missing[0]!r}", where=str(path), remedy=remedy)
        table = file.read(columns=None if columns is None else list(columns))
        table.validate(full=True)
    return table


def read_frame(
    path: Path, columns: Sequence[str] | None = None, *, as_categories: Sequence[str] = ()
) -> Any:
    """The same as a pandas frame.

    Raises:
        DataFileError: as `read_table`, and for values that pandas cannot hold.
    """
    table = read_table(path, columns, as_categories=as_categories)
    with reading(path, problem="is not a whole Parquet file"):
        return table.to_pandas()
