"""Read HANS (McCoy, Pavlick and Linzen 2019, ACL) in its published forms.

The authors publish tab-separated lines without quoting and JSON lines with the same names; the copy
on the hub calls the sentences `premise` and `hypothesis` and numbers the labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import DataFileError
from ..files.reading import shown
from ..sentences.sentence import Example, plain_sentence
from ..tasks.labels import label_name
from ..tasks.missing import is_nothing
from .heuristic_pair import ENTAILED, NOT_ENTAILED, HeuristicPair, HeuristicSet
from .tables import column_names, read_columns

_KINDS = ("heuristic", "subcase", "template")
PUBLISHED = ("sentence1", "sentence2", "gold_label", *_KINDS)
ON_HUB = ("premise", "hypothesis", "label", *_KINDS)
_ID = "pairID"
_REMEDY = (
    f"HANS has the columns {', '.join(PUBLISHED)}; other test sets are read by the probe challenge"
)
_NUMBERED: Mapping[str, str] = {"0": ENTAILED, "1": NOT_ENTAILED}
"""The labels of the copy on the hub."""


def read_hans(path: Path | str) -> HeuristicSet:
    """Read one file of pairs: `.txt` or `.tsv`, `.jsonl`, `.csv` or `.parquet`.

    Args:
        path: the file; its columns are those of the published files or of the copy on the hub, in
            any order. `pairID` is optional.

    Raises:
        DataFileError: if the file is damaged, lacks a column, has an empty cell, a gold label other
            than entailment and non-entailment, two pairs with one id, or a template in two
            subcases.
    """
    path = Path(path)
    names = column_names(path)
    form = ON_HUB if set(ON_HUB[:3]) <= set(names) else PUBLISHED
    missing = [name for name in form if name not in names]
    if missing:
        raise DataFileError(
            f"has no column {', '.join(map(repr, missing))}", where=str(path), remedy=_REMEDY
        )
    columns = (*form, *((_ID,) if _ID in names else ()))
    rows = read_columns(path, columns)
    pairs: list[HeuristicPair] = []
    places: dict[str, str] = {}
    subcase_of: dict[str, str] = {}
    skipped: Counter[str] = Counter()
    for place, cells in zip(rows.places, rows.cells, strict=True):
        where = f"{path}, {place}"
        first, second, gold, heuristic, subcase, template = (
            _text(cell, name, where, number=name == "label")
            for name, cell in zip(form, cells, strict=False)
        )
        named = label_name(cells[len(form)]) if len(cells) > len(form) else ""
        id = named or place
        if id in places:
            raise DataFileError(f"has the id {id!r} of {places[id]}", where=where)
        places[id] = place
        if subcase_of.setdefault(template, subcase) != subcase:
            raise DataFileError(
                f"the template {template} belongs to the subcases {subcase_of[template]} and "
                f"{subcase}",
                where=where,
                remedy="give each template one subcase",
            )
        example = Example(
            id, plain_sentence(f"{id}/1", first), plain_sentence(f"{id}/2", second),
            int(_gold(gold, where, numbered=form is ON_HUB) == ENTAILED),
            group=heuristic, cluster=template,
        )  # fmt: skip
        pairs.append(HeuristicPair(example, heuristic, subcase, template))
    return HeuristicSet(path.name, tuple(pairs), dict(skipped))


def _text(cell: Any, name: str, where: str, *, number: bool) -> str:
    """A cell that must not be empty; only a label may be a number."""
    if is_nothing(cell) or (isinstance(cell, str) and not cell.strip()):
        raise DataFileError(f"{name} is empty", where=where, remedy="correct or remove the line")
    if number:
        return label_name(cell)
    if not isinstance(cell, str):
        raise DataFileError(f"{name} is {shown(cell)}, not a text", where=where)
    return cell.strip()


def _gold(label: str, where: str, *, numbered: bool) -> str:
    """The gold label by its name, or by its number in the copy on the hub."""
    label = label.casefold()
    label = _NUMBERED.get(label, label) if numbered else label
    if label not in (ENTAILED, NOT_ENTAILED):
        raise DataFileError(
            f"unknown gold label {label!r}",
            where=where,
            remedy=f"labels of HANS: {ENTAILED}, {NOT_ENTAILED}",
        )
    return label
