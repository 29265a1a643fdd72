"""The options and the answer of one question, as its file states them."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

from ...errors import DataFileError
from ...files.reading import shown
from ..missing import NO_LABEL

LETTERS = string.ascii_uppercase
"""Names of the options, in order."""

MOST = len(LETTERS)
"""Maximum number of options."""


def options_of(cell: Any, where: str) -> tuple[str, ...]:
    """The options of a question.

    Args:
        cell: what the file holds: a list of texts.
        where: the file and the row, for messages.

    Raises:
        DataFileError: if they are not a list of 2 to 26 texts, one is empty, or two are identical.
    """
    if not isinstance(cell, list):
        raise DataFileError(
            f"the options are {type(cell).__name__} {shown(cell)}, not a list of texts",
            where=where,
            remedy="write them as a list of strings in JSON lines or Parquet",
        )
    for number, option in enumerate(cell):
        if not isinstance(option, str):
            raise DataFileError(
                f"option {number} is {type(option).__name__} {shown(option)}, not a text",
                where=where,
                remedy="write every option as a string",
            )
        if not option.strip():
            raise DataFileError(
                f"option {number} is empty", where=where, remedy="write its text or remove the row"
            )
    if not 2 <= len(cell) <= MOST:
        raise DataFileError(
            f"a question needs 2 to {MOST} options, got {len(cell)}",
            where=where,
            remedy="correct or remove the row",
        )
    stripped = [option.strip() for option in cell]
    for number, option in enumerate(stripped):
        if (first := stripped.index(option)) < number:
            raise DataFileError(
                f"options {first} and {number} are identical: {shown(cell[number])}",
                where=where,
                remedy="correct one of them, or remove the row",
            )
    return tuple(cell)


def answer_of(cell: Any, options: Sequence[str], where: str) -> int:
    """The number of the right option, counted from 0.

    A text that equals one option names it. Otherwise a whole number is the place of the option,
    counted from 0, and a letter from A is its name.

    Args:
        cell: what the file holds.
        options: the options of the question.
        where: the file and the row, for messages.

    Raises:
        DataFileError: if it is no option, or two of these readings differ.
    """
    text = str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()
    same = [place for place, option in enumerate(options) if option.strip() == text]
    numbered = _numbered(text, len(options))
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        same, numbered = [], None
    if isinstance(cell, int | float):
        same = []
    read = {*same, *([] if numbered is None else [numbered])}
    if len(read) > 1:
        raise DataFileError(
            f"the answer {shown(cell)} is ambiguous: it could be any of the options "
            f"{', '.join(map(str, sorted(read)))}",
            where=where,
            remedy="give the number of the option, counted from 0, as a JSON number",
        )
    if not read:
        raise DataFileError(
            f"the answer {shown(cell)} is none of the {len(options)} options",
            where=where,
            remedy=f"give a number from 0 to {len(options) - 1}, a letter from A to "
            f"{LETTERS[len(options) - 1]}, or the text of the option",
        )
    return read.pop()


def check_answered(cell: Any, options: Any, where: str) -> None:
    """Raise if an answer that would count as missing, such as "-1", is the text of an option.

    Args:
        cell: the answer, as the file states it.
        options: the options, as the file states them.
        where: the file and the row, for messages.

    Raises:
        DataFileError: if it is one.
    """
    if not isinstance(cell, str) or not isinstance(options, list):
        return
    text = cell.strip()
    if text.lower() in NO_LABEL and text in [str(option).strip() for option in options]:
        raise DataFileError(
            f"the answer {shown(cell)} is ambiguous: it is the text of an option, and marks a "
            "missing answer",
            where=where,
            remedy="give the number of the option, counted from 0, as a JSON number",
        )


def _numbered(text: str, count: int) -> int | None:
    """The option that a number or letter names; None if there is none."""
    if text.isdecimal() and text.isascii() and len(text) < 3:
        place = int(text)
    elif len(text) == 1 and text in LETTERS:
        place = LETTERS.index(text)
    else:
        return None
    return place if place < count else None
