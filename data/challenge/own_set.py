"""A second test set of a task, from a file of the user's: PAWS, or any challenge set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ConfigError, DataFileError, UnknownNameError
from ..files.reading import shown
from ..sentences.sentence import Example, plain_sentence
from ..tasks.class_order import plain
from ..tasks.labels import label_name
from .tables import read_columns

ROLES = ("first", "second", "label", "group", "cluster")
"""`first` and `second`: texts. `label`: the name of a class. `group`: what accuracy is reported by.
`cluster`: the source that examples share."""
_WHERE = "option challenge.columns"


@dataclass(frozen=True)
class ChallengeSet:
    """The labelled examples of one file.

    Attributes:
        name: name of the file.
        examples: at least one; `group` is what accuracy is reported by.
    """

    name: str
    examples: tuple[Example, ...]


def challenge_columns(texts: Sequence[str]) -> dict[str, str]:
    """Role -> column, from texts such as `first=sentence1`.

    Raises:
        ConfigError: if a text has another form, a role is given twice, `first` or `label` is
            missing, or texts and label share a column.
        UnknownNameError: if a role does not exist.
    """
    found: dict[str, str] = {}
    for text in texts:
        role, equals, column = (part.strip() for part in text.partition("="))
        if not (role and equals and column):
            raise ConfigError(
                f"{text!r} is not of the form ROLE=COLUMN", where=_WHERE,
                remedy="write it like first=sentence1",
            )  # fmt: skip
        if role not in ROLES:
            raise UnknownNameError("column role", role, ROLES)
        if role in found:
            raise ConfigError(f"the role {role} is given twice", where=_WHERE)
        found[role] = column
    needed = [found[role] for role in ("first", "second", "label") if role in found]
    if len(set(needed)) < len(needed):
        twice = next(column for column in needed if needed.count(column) > 1)
        raise ConfigError(
            f"the column {twice!r} is named for two of first, second and label", where=_WHERE,
            remedy="name one column for each text, and another one for the label",
        )  # fmt: skip
    missing = [role for role in ("first", "label") if role not in found]
    if missing:
        raise ConfigError(
            f"no column is named for {' and '.join(missing)}", where=_WHERE,
            remedy='name the columns, such as ["first=sentence", "label=gold"]; second=, group= '
            "and cluster= are optional",
        )  # fmt: skip
    return found


def label_pairs(texts: Sequence[str]) -> dict[str, str]:
    """Label of the file -> class of the task, from texts such as `0=not_duplicate`.

    Raises:
        ConfigError: if a text has another form, or a label is given twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        label, equals, name = (part.strip() for part in text.partition("="))
        if not (label and equals and name) or plain(label) in found:
            problem = "is given twice" if equals and label and name else "is not a pair of names"
            raise ConfigError(
                f"{text!r} {problem}", where="option challenge.labels",
                remedy="write LABEL_OF_THE_FILE=TASK_CLASS, each label once",
            )  # fmt: skip
        found[plain(label)] = name
    return found


def read_challenge(
    path: Path | str,
    columns: Mapping[str, str],
    classes: Sequence[str],
    pairs: Mapping[str, str],
    *,
    pair: bool,
) -> ChallengeSet:
    """Read one `.tsv`, `.txt`, `.csv`, `.jsonl` or `.parquet` file.

    Labels are matched with classes by name, ignoring case and the difference between `-`, `_` and
    spaces, or as `pairs` says; a number is never taken for the position of a class.

    Args:
        path: the file.
        columns: as `challenge_columns` returns.
        classes: names of the task's classes.
        pairs: as `label_pairs` returns.
        pair: whether the task reads pairs of texts.

    Raises:
        ConfigError: if the task reads pairs and `second` is missing, or the other way round,
            `pairs` names no class of the task, or two classes differ only in spelling.
        DataFileError: if the file is damaged, lacks a column, or has an empty text or group, or a
            label without a class, or `pairs` names a label that no row has.
    """
    path = Path(path)
    if pair != ("second" in columns):
        raise ConfigError(
            "the task reads pairs of texts, but no column is named for second" if pair
            else "the task reads single texts, but a column is named for second",
            where=_WHERE, remedy="name one column for each text of the task",
        )  # fmt: skip
    places = {plain(name): place for place, name in enumerate(classes)}
    if len(places) < len(classes):
        raise ConfigError(
            f"some of the classes {', '.join(classes)} differ only in spelling",
            remedy="rename them in the files of the task",
        )
    for name in pairs.values():
        if plain(name) not in places:
            raise ConfigError(
                f"{name!r} is not a class of the task", where="option challenge.labels",
                remedy=f"classes: {', '.join(classes)}",
            )  # fmt: skip
    roles = tuple(columns)
    rows = read_columns(path, [columns[role] for role in roles], quotes="auto")
    examples: list[Example] = []
    seen: dict[str, str] = {}
    for place, cells in zip(rows.places, rows.cells, strict=True):
        where = f"{path}, {place}"
        found = dict(zip(roles, cells, strict=True))
        id = f"challenge/{place.split()[-1]}"
        texts = [
            plain_sentence(f"{id}/{n}", _text(found[role], columns[role], where))
            for n, role in enumerate(("first", "second"), start=1)
            if role in found
        ]
        label = label_name(found["label"])
        seen.setdefault(plain(label), label)
        meaning = places.get(plain(pairs.get(plain(label), label)))
        if meaning is None:
            raise DataFileError(
                f"the label {label!r} is not a class of the task",
                where=where,
                remedy=f"classes: {', '.join(classes)}; match others with challenge.labels "
                "LABEL=CLASS",
            )
        group, cluster = (
            _named(found[role], columns[role], where) if role in found else ""
            for role in ("group", "cluster")
        )
        examples.append(
            Example(id, texts[0], texts[1] if len(texts) > 1 else None, meaning, group, cluster)
        )
    if absent := [label for label in pairs if label not in seen]:
        raise DataFileError(
            f"no row has the label {', '.join(map(repr, absent))} that challenge.labels names",
            where=str(path),
            remedy=f"labels of the file: {', '.join(dict.fromkeys(seen.values()))}",
        )
    return ChallengeSet(path.name, tuple(examples))


def _text(cell: Any, column: str, where: str) -> str:
    if cell is not None and not isinstance(cell, str):
        raise DataFileError(f"{column} is {shown(cell)}, not a text", where=where)
    if not cell or not cell.strip():
        raise DataFileError(
            f"the text in {column} is empty", where=where, remedy="correct or remove the row"
        )
    return str(cell)


def _named(cell: Any, column: str, where: str) -> str:
    name = label_name(cell)
    if not name:
        raise DataFileError(f"{column} is empty", where=where, remedy="correct or remove the row")
    return name
