"""Pairs of your own: a table with the columns `good` and `bad`."""

from __future__ import annotations

from pathlib import Path

from ..errors import DataFileError
from ..files.row_files import Rows, csv_lines, read_csv, read_tsv
from ..files.text_file import read_numbered_lines, read_text
from .pair import Pair, Suite, checked_suite

REQUIRED = ("good", "bad")
OPTIONAL = ("paradigm", "field", "term", "group", "item", "attractors")


def read_own_pairs(path: Path, delimiter: str = ",") -> Suite:
    """Read `good` and `bad`, and the optional columns that are present.

    Without `paradigm`, the name of the file is the paradigm; without `item`, the number of the line
    is the id. Pairs of one `group` are one cluster.

    Raises:
        DataFileError: if a column is missing, or naming the line that is not a pair.
    """
    rows, columns = _cells(path, delimiter)
    pairs = []
    for place, cells in zip(rows.places, rows.cells, strict=True):
        row = dict(zip(columns, map(str.strip, cells), strict=True))
        count = row.get("attractors", "")
        if count and not (count.isascii() and count.isdigit() and len(count) < 10):
            raise DataFileError(
                f"{place}: attractors {count!r} is not an integer >= 0", where=str(path)
            )
        paradigm = row.get("paradigm") or path.name.split(".")[0]
        item = row.get("item") or place.removeprefix("line ")
        pairs.append(
            Pair(
                f"{paradigm}/{item}", row["good"], row["bad"], paradigm,
                row.get("field", ""), row.get("term", ""), int(count) if count else None,
                row.get("group", ""), path.name, place,
            )
        )  # fmt: skip
    return checked_suite(path, pairs)


def _cells(path: Path, delimiter: str) -> tuple[Rows, list[str]]:
    """The rows of the columns that are present, and the names of these columns.

    Quotes in a tab-separated file belong to the text unless all lines are valid with quoted cells:
    a sentence may begin with direct speech.
    """
    if delimiter == ",":
        columns = _present(csv_lines(path, read_text(path), delimiter)[0][1])
        return read_csv(path, columns), columns
    columns = _present(read_numbered_lines(path)[0][1].split(delimiter))
    try:
        rows = read_csv(path, columns, delimiter=delimiter)
    except DataFileError:
        return read_tsv(path, columns), columns
    joined = any("\n" in cell for cells in rows.cells for cell in cells)
    return (read_tsv(path, columns) if joined else rows), columns


def _present(names: list[str]) -> list[str]:
    return [*REQUIRED, *(name for name in OPTIONAL if name in names)]
