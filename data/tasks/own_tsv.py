"""Tab-separated files of the user, in which quotes are part of the text or of the file format.

pandas, the csv module and spreadsheets put a cell in quotes where it holds a tab, a line end or a
quote, and double the quotes inside. Corpora such as GLUE are written without any quoting: a quote
is a character like others. The two look alike, so a file is looked at as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import DataFileError, UnknownNameError
from ..files.row_files import Rows, csv_lines, fits, read_csv, read_tsv
from ..files.text_file import read_text

QUOTES = ("auto", "undone", "literal")
"""How quotes are read: as the file looks, as the writer's, as text."""


def check_quotes(quotes: str) -> None:
    """Raise unless there is such a way to read quotes.

    Raises:
        UnknownNameError: naming those that there are.
    """
    if quotes not in QUOTES:
        raise UnknownNameError("way to read quotes", quotes, QUOTES)


def read_own_tsv(path: Path, columns: Sequence[str], *, quotes: str = "auto") -> Rows:
    """Read the named columns of a tab-separated file, quotes around cells undone or kept.

    Args:
        path: the file, with a header.
        columns: names of the columns to return.
        quotes: one of `QUOTES`; `auto` undoes them where `quoted_by_writer` says so.

    Raises:
        DataFileError: naming the file and the line.
        UnknownNameError: if `quotes` is none of the three.
    """
    check_quotes(quotes)
    if quotes == "undone" or (quotes == "auto" and quoted_by_writer(path, read_text(path))):
        return replace(read_csv(path, columns, delimiter="\t"), unquoted=True)
    return read_tsv(path, columns)


def quoted_by_writer(path: Path, text: str) -> bool:
    """Whether the quotes around cells of a tab-separated text were put there by its writer.

    They were if the text is CSV without an error and, read so, has fewer rows of the wrong length
    than read line by line. Where both have the same rows, a cell such as `"He said ""no""."`
    decides for the writer; else a quote that no writer leaves bare (`he said "no"`) for the text.
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
    """How many rows have other columns than the header."""
    return sum(not fits(cells, rows[0]) for cells in rows)


def _enclosed(cell: str) -> bool:
    return len(cell) > 1 and cell.startswith('"') and cell.endswith('"')
