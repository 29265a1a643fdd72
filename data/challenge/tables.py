"""Read the named columns of a table, whose format is recognised by its suffix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import DataFileError
from ..files.json_text import json_object
from ..files.parquet_files import parquet_file
from ..files.row_files import READERS, Rows, csv_lines
from ..files.text_file import read_numbered_lines, read_text
from ..tasks.own_tsv import read_own_tsv

_TABBED, _JSON = (".tsv", ".tab", ".txt"), (".jsonl", ".json")
_FORMATS = "use a .tsv, .txt, .csv, .jsonl or .parquet file"


def column_names(path: Path) -> list[str]:
    """The names of the columns of a table; of JSON lines, the keys of the first line.

    Raises:
        DataFileError: if the file is missing, damaged or of an unknown format.
    """
    suffix = table_suffix(path)
    if suffix == ".parquet":
        with parquet_file(path) as file:
            return [str(name) for name in file.schema_arrow.names]
    if suffix == ".csv":
        return csv_lines(path, read_text(path), ",")[0][1]
    number, first = read_numbered_lines(path)[0]
    if suffix in _JSON:
        return list(json_object(first, f"{path}, line {number}", remedy=_FORMATS))
    return first.split("\t")


def read_columns(path: Path, columns: Sequence[str], *, quotes: str = "literal") -> Rows:
    """Read columns of a table.

    Args:
        path: the file; `.gz` is decompressed, except of Parquet.
        columns: names of the columns to return.
        quotes: of a tab-separated file: `literal`, or `auto` as in `own_tsv.read_own_tsv`.

    Raises:
        DataFileError: if the file is missing or malformed, lacks a column or has no rows.
    """
    suffix = table_suffix(path)
    if suffix in _TABBED:
        return read_own_tsv(path, columns, quotes=quotes)
    return READERS[suffix](path, columns)


def table_suffix(path: Path) -> str:
    """The suffix that states the format.

    Raises:
        DataFileError: if there is no such file, or its format is unknown.
    """
    if not path.is_file():
        problem = "is a folder, not a file" if path.is_dir() else "no such file"
        raise DataFileError(problem, where=str(path), remedy="check the path")
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    packed = suffix == ".parquet" and path.name.endswith(".gz")
    if packed or suffix not in (*_TABBED, *_JSON, ".csv", ".parquet"):
        raise DataFileError("has an unknown format", where=str(path), remedy=_FORMATS)
    return suffix
