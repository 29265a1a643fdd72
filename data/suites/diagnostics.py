"""The diagnostic set of GLUE (AX, Wang et al. 2019, ICLR) in its published tab-separated form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataFileError
from ..files.reading import shown
from ..files.row_files import read_tsv
from ..files.text_file import read_numbered_lines

COARSE = ("Lexical Semantics", "Predicate-Argument Structure", "Logic", "Knowledge")
"""The columns of the coarse categories; a cell names the fine ones, separated by semicolons."""
DOMAIN, PREMISE, HYPOTHESIS, LABEL = "Domain", "Premise", "Hypothesis", "Label"
THREE = ("entailment", "neutral", "contradiction")
"""The labels."""
COLUMNS = (*COARSE, DOMAIN, PREMISE, HYPOTHESIS, LABEL)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One pair of the diagnostic set.

    Attributes:
        id: number of its line in the file.
        premise: the premise.
        hypothesis: the hypothesis.
        label: `entailment`, `neutral` or `contradiction`.
        categories: coarse category -> its fine categories; several of both are possible.
        domain: where the texts are from; empty if the file does not say.
        cluster: pairs with a text in common have the same; that of its first line.
    """

    id: str
    premise: str
    hypothesis: str
    label: str
    categories: Mapping[str, tuple[str, ...]]
    domain: str
    cluster: str


def read_diagnostics(path: Path | str) -> tuple[Diagnostic, ...]:
    """Read the scored file of the diagnostic set.

    The file may have further columns, in any order. Quotes are part of the text, as published.

    Raises:
        DataFileError: if a column is missing, a text is empty, or a label is another one; the
            message names the file and the line.
    """
    path = Path(path)
    if path.is_dir():
        raise DataFileError("is a folder", where=str(path), remedy="name the file")
    names = read_numbered_lines(path)[0][1].split("\t")
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise DataFileError(
            f"has no column {missing[0]!r}",
            where=str(path),
            remedy=f"name the scored file of the GLUE diagnostics, with {', '.join(COLUMNS)}",
        )
    rows = read_tsv(path, COLUMNS)
    found: list[tuple[str, dict[str, str]]] = []
    for place, cells in zip(rows.places, rows.cells, strict=True):
        row = {name: cell.strip() for name, cell in zip(COLUMNS, cells, strict=True)}
        where = f"{path}, {place}"
        for name in (PREMISE, HYPOTHESIS):
            if not row[name]:
                raise DataFileError(f"{name} is empty", where=where)
        if row[LABEL] not in THREE:
            raise DataFileError(
                f"the label {shown(row[LABEL])} is none of {', '.join(THREE)}", where=where
            )
        found.append((place.removeprefix("line "), row))
    if not found:
        raise DataFileError("has no pairs", where=str(path))
    clusters = _clusters([(row[PREMISE], row[HYPOTHESIS]) for _, row in found])
    return tuple(
        Diagnostic(
            id, row[PREMISE], row[HYPOTHESIS], row[LABEL],
            {coarse: fine for coarse in COARSE if (fine := _fine(row[coarse]))},
            row[DOMAIN], found[cluster][0],
        )
        for (id, row), cluster in zip(found, clusters, strict=True)
    )  # fmt: skip


def _fine(cell: str) -> tuple[str, ...]:
    """The fine categories of a cell, each once."""
    return tuple(dict.fromkeys(name.strip() for name in cell.split(";") if name.strip()))


def _clusters(pairs: Sequence[tuple[str, str]]) -> list[int]:
    """For each pair the first one that it is connected with by equal texts."""
    first: dict[str, int] = {}
    above = list(range(len(pairs)))

    def root(place: int) -> int:
        while above[place] != place:
            above[place] = above[above[place]]
            place = above[place]
        return place

    for place, texts in enumerate(pairs):
        for text in texts:
            a, b = sorted((root(first.setdefault(text, place)), root(place)))
            above[b] = a
    return [root(place) for place in range(len(pairs))]
