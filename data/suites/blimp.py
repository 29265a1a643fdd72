"""Pairs in the JSON lines of BLiMP (Warstadt et al. 2020, TACL)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import DataFileError
from ..files.json_text import json_object
from ..files.reading import shown
from ..files.text_file import read_numbered_lines
from .pair import Pair, Suite, checked_suite

_SENTENCES = ("sentence_good", "sentence_bad")
_LABELS = ("UID", "field", "linguistics_term")


def read_blimp(path: Path) -> Suite:
    """Read a file with one JSON object per line; only the two sentences are required.

    Raises:
        DataFileError: if a line has no pair of different sentences, or the file contains results.
    """
    pairs = []
    for number, line in read_numbered_lines(path):
        place = f"line {number}"
        record = json_object(
            line, f"{path}, {place}", remedy="write one JSON object per line, as BLiMP does"
        )
        good, bad = (_text(record, name, path, place) for name in _SENTENCES)
        labels = {name: _text(record, name, path, place) for name in _LABELS if name in record}
        paradigm = labels.get("UID") or path.name.split(".")[0]
        pairs.append(
            Pair(
                f"{paradigm}/{shown_id(record.get('pairID', number))}", good, bad, paradigm,
                labels.get("field", ""), labels.get("linguistics_term", ""),
                source=path.name, place=place,
            )
        )  # fmt: skip
    return checked_suite(path, pairs, collection="BLiMP")


def shown_id(value: Any) -> str:
    """An id that is written as text or as a number."""
    return value if isinstance(value, str) else shown(value)


def _text(record: dict[str, Any], name: str, path: Path, place: str) -> str:
    where = f"{path}, {place}"
    if name in record and isinstance(record[name], str):
        return str(record[name])
    if name in record:
        raise DataFileError(f"{name} is {shown(record[name])}, not a text", where=where)
    if "UID" in record:
        raise DataFileError(
            f"has a UID but no {name}: it is a summary of results, not a sentence pair",
            where=where,
            remedy="name the files of pairs, one per paradigm",
        )
    raise DataFileError(
        f"has no {name}: the file does not contain sentence pairs in the format of BLiMP",
        where=where,
        remedy=f"each line needs {' and '.join(_SENTENCES)}",
    )
