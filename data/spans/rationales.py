"""Human rationales in a column of the user's files: parts of a text that people found decisive."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from ..errors import DataFileError
from ..files.reading import shown

Rationale = tuple[tuple[int, int, int], ...]
"""(segment, start, end) of each part, in characters of the first or second text."""

_FORMS = "give 0 or 1 for each whitespace-separated word, or a list of parts of the text"


def read_rationale(cell: Any, texts: Sequence[str], where: str) -> Rationale | None:
    """Parse the rationale in a cell.

    A cell contains either marks, 0 or 1 for each whitespace-separated word (those of a second text
    follow those of the first), or parts of the texts, all occurrences of which are marked. Both may
    be a list, a JSON list, or plain text: marks separated by spaces or commas, or a single part.

    Args:
        cell: the value in the file.
        texts: the one or two texts.
        where: the row, for messages.

    Returns:
        (segment, start, end) of each part; empty if nothing is marked; None for a missing or empty
        cell.

    Raises:
        DataFileError: if the numbers of marks and words differ, a part does not occur in the texts,
            or the cell contains neither marks nor parts.
    """
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None
    found = _entries(cell)
    if not found:
        return ()
    marks = [_mark(one) for one in found]
    if all(mark is not None for mark in marks):
        return _marked([bool(mark) for mark in marks], texts, where)
    if not all(isinstance(one, str) for one in found):
        raise DataFileError(
            f"the rationale {shown(cell)} is neither marks nor parts of the text",
            where=where,
            remedy=_FORMS,
        )
    return tuple(span for part in found for span in _occurrences(part.strip(), texts, where))


def _entries(cell: Any) -> list[Any]:
    """The entries of a cell."""
    if not isinstance(cell, str):
        return list(cell) if isinstance(cell, list | tuple) else [cell]
    text = cell.strip()
    if text.startswith("["):
        try:
            listed = json.loads(text)
        except (ValueError, RecursionError):
            return [text]
        return listed if isinstance(listed, list) else [text]
    words = [word for word in re.split(r"[\s,;]+", text) if word]
    return words if all(_mark(word) is not None for word in words) else [text]


def _mark(entry: Any) -> bool | None:
    """Whether an entry marks its word; None if it is not a mark."""
    if isinstance(entry, str):
        return {"0": False, "1": True}.get(entry.strip())
    return bool(entry) if isinstance(entry, int | float) and entry in (0, 1) else None


def _marked(marks: Sequence[bool], texts: Sequence[str], where: str) -> Rationale:
    """The whitespace-separated words that are marked.

    Raises:
        DataFileError: if the numbers of marks and words differ.
    """
    words = [
        (segment, *match.span())
        for segment, text in enumerate(texts)
        for match in re.finditer(r"\S+", text)
    ]
    if len(marks) != len(words):
        raise DataFileError(
            f"the rationale has {len(marks)} marks for {len(words)} words", where=where,
            remedy=_FORMS,
        )  # fmt: skip
    return tuple(word for word, mark in zip(words, marks, strict=True) if mark)


def _occurrences(part: str, texts: Sequence[str], where: str) -> Rationale:
    """All occurrences of a part.

    Raises:
        DataFileError: if the part does not occur.
    """
    spans = [
        (segment, *match.span())
        for segment, text in enumerate(texts)
        for match in re.finditer(re.escape(part), text)
        if part
    ]
    if not spans:
        raise DataFileError(
            f"the rationale {shown(part)} does not occur in the text", where=where, remedy=_FORMS
        )
    return tuple(spans)
