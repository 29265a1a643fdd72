"""Parquet files, read with their checksums and without trust in the sizes that they announce."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import DataFileError
from .atomic import digest
from .reading import reading

MOST_ROWS = 10**8
"""Rows that a file may announce."""

_ROWS_A_BYTE = 1000
_FREE_ROWS = 10**6

WRITING = {"write_page_checksum": True}
"""Options that every Parquet file of this project is written with: damage is noticed when read."""


DAMAGED_CELL = "remove the file: the next `subprobe run` into the folder computes it again"
"""What to do about a damaged file of a run's `cells/`."""

META, _SEAL = b"subprobe", b"subprobe-check"
"""Keys in a file's metadata: what was written beside the table, and the seal of the whole."""


def sealed(table: Any, text: bytes) -> Any:
    """A `pyarrow.Table` with a text in its metadata, and a seal that says if either changed.

    The seal covers what no page checksum does: the text, the columns and the number of rows.
    """
    own = table.schema.metadata or {}
    seal = _seal(text, table.schema, table.num_rows)
    return table.replace_schema_metadata({**own, META: text, _SEAL: seal})


def _seal(text: bytes, schema: Any, rows: int) -> bytes:
    columns = [[one.name, str(one.type)] for one in schema]
    return digest([text.decode(errors="replace"), columns, rows]).encode()


@contextmanager
def parquet_file(
    path: Path,
    *,
    remedy: str | None = None,
    as_categories: Sequence[str] = (),
    seal: bool = False,
) -> Iterator[Any]:
    """An open `pyarrow.parquet.ParquetFile`; what goes wrong inside is a damaged file.

    Put nothing inside but what reads the file.

    Args:
        path: the file.
        remedy: what the user can do about a damaged one.
        as_categories: text columns that are read as categories.
        seal: whether it must bear the seal that `sealed` gave it.

    Raises:
        DataFileError: if it is no whole Parquet file, announces more rows than it can hold, or
            its seal is missing or broken.
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
        if seal:
            # a file that is opened with categories does not say how its columns were written
            schema = pyarrow.parquet.read_schema(path) if as_categories else file.schema_arrow
            stored = file.metadata.metadata or {}
            if stored.get(_SEAL) != _seal(stored.get(META, b""), schema, rows):
                raise DataFileError(
                    "is damaged, or no cell of this version", where=str(path), remedy=remedy
                )
        yield file


def read_table(
    path: Path,
    columns: Sequence[str] | None = None,
    *,
    remedy: str | None = None,
    as_categories: Sequence[str] = (),
    seal: bool = False,
) -> Any:
    """A Parquet file as a `pyarrow.Table`, each value checked: text is UTF-8, offsets fit.

    Args:
        path: the file.
        columns: those to read, all of which must be there; None = every one.
        remedy: as in `parquet_file`.
        as_categories: as in `parquet_file`.
        seal: as in `parquet_file`.

    Raises:
        DataFileError: as `parquet_file`, or without a column.
    """
    with parquet_file(path, remedy=remedy, as_categories=as_categories, seal=seal) as file:
        missing = sorted(set(columns or ()) - set(file.schema_arrow.names))
        if missing:
            raise DataFileError(f"has no column {missing[0]!r}", where=str(path), remedy=remedy)
        table = file.read(columns=None if columns is None else list(columns))
        table.validate(full=True)
    return table


def read_frame(
    path: Path,
    columns: Sequence[str] | None = None,
    *,
    remedy: str | None = None,
    as_categories: Sequence[str] = (),
    seal: bool = False,
) -> Any:
    """The same as a pandas frame.

    Raises:
        DataFileError: as `read_table`, and for values that pandas cannot hold.
    """
    table = read_table(path, columns, remedy=remedy, as_categories=as_categories, seal=seal)
    with reading(path, problem="is not a whole Parquet file", remedy=remedy):
        return table.to_pandas()
