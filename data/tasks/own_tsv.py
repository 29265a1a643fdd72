"""Read the user's tab-separated files, in which quotes belong to the text or to the format.

pandas, the csv module and spreadsheets quote a cell that contains a tab, a line end or a quote, and
double the quotes inside. Corpora such as GLUE are written without quoting: a quote is an ordinary
character. Single cells do not tell the two apart, so the whole file is examined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import DataFileError, UnknownNameError
from ..files.row_files import Rows, csv_lines, fits, read_csv, read_tsv
from ..files.text_file import read_text

QUOTES = ("auto", "undone", "literal")
"""How quotes are read: decided by the file, as part of the format, or as text."""


def check_quotes(quotes: str) -> None:
    """Raise unless the value is one of `QUOTES`.

    Raises:
        UnknownNameError: listing the allowed values.
    """
    if quotes not in QUOTES:
        raise UnknownNameError("way to read quotes", quotes, QUOTES)


def read_own_tsv(path: Path, columns: Sequence[str], *, quotes: str = "auto") -> Rows:
    """Read the named columns of a tab-separated file, and remove or keep quotes around cells.

    Args:
        path: the file, with a header.
        columns: names of the columns to return.
        quotes: one of `QUOTES`; `auto` removes them if `quoted_by_writer` returns true.

    Raises:
        DataFileError: if the file is malformed; the message names the file and the line.
        UnknownNameError: if `quotes` is not one of the three.
    """
    check_quotes(quotes)
    if quotes == "undone" or (quotes == "auto" and quoted_by_writer(path, read_text(path))):
        return replace(read_csv(path, columns, delimiter="\t"), unquoted=True)
    return read_tsv(path, columns)


def quoted_by_writer(path: Path, text: str) -> bool:
    """Whether the quotes around cells of a tab-separated text belong to the file format.

    They do if the text is valid CSV and has fewer rows of the wrong length as CSV than line by
    line. If both readings have the same rows, a cell such as `"He said ""no""."` decides for the
    format; otherwise an unescaped quote (`he said "no"`) decides for the text.
    """
    if '"' not in text:
        return False
    try:
        quoted = [cells for _, cells in csv_lines(path, text, "\t")]
    except DataFileError:
        return False
    lines = (line.removesuffix("\r") for line in text.split("\n"))
    literal = [line.split("\t") for line in lines if line.strip()]
    if _misfits(quoted) != _misfits(literal):
        return _misfits(quoted) < _misfits(literal)
    if len(quoted) != len(literal):
        return False
    cells = [cell for row in literal for cell in row if '"' in cell]
    doubled = any(_enclosed(cell) and '""' in cell[1:-1] for cell in cells)
    return doubled or all(_enclosed(cell) for cell in cells)


def _misfits(rows: Sequence[Sequence[str]]) -> int:
    """Number of rows whose number of columns differs from that of the header."""
    return sum(not fits(cells, rows[0]) for cells in rows)


def _enclosed(cell: str) -> bool:
    return len(cell) > 1 and cell.startswith('"') and cell.endswith('"')
