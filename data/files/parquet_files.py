"""Parquet files, read with checksums; the declared sizes are verified."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from ..errors import DataFileError
from .atomic import digest
from .reading import reading
from .unpacking import check_unpacked

MOST_ROWS = 10**8
"""Maximum number of rows that a file may declare."""

_ROWS_A_BYTE = 1000
_FREE_ROWS = 10**6

_LEVEL = 9
"""Level of zstd: higher ones shrink a probe's items by less than 1% and take many times as long."""

WRITING = {"write_page_checksum": True, "compression": "zstd", "compression_level": _LEVEL}
"""Options for writing every Parquet file of this project; reading then detects damage."""

ROWS_A_GROUP = 2**18
"""Rows per row group of a sealed file: the number that a writer or reader holds in memory."""

_DISTINCT = 8
"""A column of real numbers is written byte by byte, not as a dictionary of its values, where more
than one in so many of them is new."""

DAMAGED_CELL = "remove the file; the next `subprobe run` into the folder recomputes it"
"""Remedy for a damaged file in the `cells/` of a run."""

_PLAIN, _PACKED, _SEAL = b"subprobe", b"subprobe-zstd", b"subprobe-check"
"""Keys in a file's metadata: what was written beside the table, as it is (by earlier versions) or
packed, and the seal of the whole."""


def write_sealed(table: Any, text: str, path: Path) -> None:
    """Write one `pyarrow.Table` together with a text, as `write_sealed_parts` does."""
    write_sealed_parts([table], table.schema, text, path)


def write_sealed_parts(parts: Iterable[Any], schema: Any, text: str, path: Path) -> None:
    """Write the concatenation of tables, with a text and a seal that detects changes to either.

    The seal covers what the page checksums do not: the text, the columns and the number of rows.
    Everything is compressed. Arrow's own copy of the schema is left out, because it would store the
    text a second time. Equal rows give equal bytes, regardless of how they are divided into parts.

    Args:
        parts: `pyarrow.Table`s of this schema; one row group is held at a time.
        schema: columns of the types `string`, `int64` and `double`, which Parquet tells apart.
        text: the text that `sealed_text` returns.
        path: the file to write.
    """
    import pyarrow
    import pyarrow.parquet

    packed = base64.b64encode(
        pyarrow.Codec("zstd", compression_level=_LEVEL).compress(text.encode(), asbytes=True)
    )
    groups = row_groups(parts, schema)
    first = next(groups)
    split, n_rows = _split_by_byte(first), 0
    with pyarrow.parquet.ParquetWriter(
        path,
        schema.remove_metadata(),
        store_schema=False,
        use_dictionary=[name for name in schema.names if name not in split],
        use_byte_stream_split=split,
        **WRITING,
    ) as writer:
        for group in chain([first], groups):
            n_rows += group.num_rows
            writer.write_table(group, row_group_size=ROWS_A_GROUP)
        seal = _seal(packed, schema, n_rows)
        writer.add_key_value_metadata({_PACKED: packed, _SEAL: seal})


def row_groups(parts: Iterable[Any], schema: Any) -> Iterator[Any]:
    """Regroup rows into tables of `ROWS_A_GROUP` rows, the last one smaller; at least one table."""
    import pyarrow

    held, n_held, empty = [], 0, True
    for part in parts:
        held.append(part.replace_schema_metadata(None))
        n_held += part.num_rows
        while n_held >= ROWS_A_GROUP:
            whole = pyarrow.concat_tables(held)
            # the pages of a column depend on where it is cut
            yield whole.slice(0, ROWS_A_GROUP).combine_chunks()
            held, n_held, empty = [whole.slice(ROWS_A_GROUP)], n_held - ROWS_A_GROUP, False
    if n_held or empty:
        yield pyarrow.concat_tables(
            [schema.remove_metadata().empty_table(), *held]
        ).combine_chunks()


def _split_by_byte(table: Any) -> list[str]:
    """The columns of real numbers in which few values repeat."""
    import pyarrow
    import pyarrow.compute

    split = []
    for field in table.schema:
        column = table[field.name]
        filled = len(column) - column.null_count
        if pyarrow.types.is_floating(field.type) and filled:
            distinct = pyarrow.compute.count_distinct(column).as_py()
            split += [field.name] if distinct * _DISTINCT > filled else []
    return split


def sealed_text(table: Any, path: Path) -> str:
    """The text that is stored with a table that `read_table` read with its seal.

    Raises:
        DataFileError: if it does not decompress to a text, or decompresses to too many bytes.
    """
    import pyarrow

    held: Mapping[bytes, bytes] = table.schema.metadata or {}
    with reading(
        path, problem="is not a table of scored items with its metadata", remedy=DAMAGED_CELL
    ):
        if _PACKED not in held:
            return held[_PLAIN].decode()
        packed, text = base64.b64decode(held[_PACKED], validate=True), io.BytesIO()
        with pyarrow.CompressedInputStream(io.BytesIO(packed), "zstd") as stream:
            while step := stream.read(2**20):
                text.write(step)
                check_unpacked(text.tell(), len(packed), path)
        return text.getvalue().decode()


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
    """Open a `pyarrow.parquet.ParquetFile`; errors raised inside the context mean a damaged file.

    The context must contain only code that reads the file.

    Args:
        path: the file.
        remedy: what the user can do about a damaged one.
        as_categories: text columns that are read as categories.
        seal: whether the file must have the seal that `write_sealed` adds.

    Raises:
        DataFileError: if it is not a complete Parquet file, declares more rows than it can contain,
            or its seal is missing or does not match.
    """
    import pyarrow.parquet

    with (
        reading(path, problem="is not a complete Parquet file", remedy=remedy),
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
            text = stored.get(_PACKED, stored.get(_PLAIN, b""))
            if stored.get(_SEAL) != _seal(text, schema, rows):
                raise DataFileError(
                    "is damaged or was written by another version", where=str(path), remedy=remedy
                )
        yield file


def read_blocks(
    path: Path, columns: Sequence[str] | None = None, *, remedy: str | None = None,
    seal: bool = False,
) -> Iterator[Any]:  # fmt: skip
    """The row groups of a Parquet file as `pyarrow.Table`s, each checked as by `read_table`.

    Raises:
        DataFileError: as in `read_table`, when the damaged group is reached.
    """
    with parquet_file(path, remedy=remedy, seal=seal) as file:
        n_groups = file.num_row_groups
    for group in range(n_groups):
        # reopened for each group, so that the caller's own errors are not taken for a damaged file
        with parquet_file(path, remedy=remedy) as file:
            table = file.read_row_group(group, columns=None if columns is None else list(columns))
            table.validate(full=True)
        yield table


def stored_empty(path: Path, *, remedy: str | None = None) -> tuple[Any, int]:
    """The table of a sealed file without its rows, for `sealed_text`, and the number of rows.

    Raises:
        DataFileError: as in `parquet_file`.
    """
    with parquet_file(path, remedy=remedy, seal=True) as file:
        return file.schema_arrow.empty_table(), int(file.metadata.num_rows)


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
        columns: the columns to read, all of which must exist; None = all columns.
        remedy: as in `parquet_file`.
        as_categories: as in `parquet_file`.
        seal: as in `parquet_file`.

    Raises:
        DataFileError: as in `parquet_file`, and if a column is missing.
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
    """Read a Parquet file as a pandas frame, like `read_table`.

    Raises:
        DataFileError: as in `read_table`, and for values that pandas cannot represent.
    """
    table = read_table(path, columns, remedy=remedy, as_categories=as_categories, seal=seal)
    with reading(path, problem="is not a complete Parquet file", remedy=remedy):
        return table.to_pandas()
