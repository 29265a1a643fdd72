"""JSON from untrusted files: complete, an object where one is expected, valid text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import DataFileError, InputError
from .reading import reading


def parse_json(
    text: str,
    where: Path | str,
    error: type[InputError] = DataFileError,
    *,
    remedy: str | None = None,
) -> Any:
    """The value that a JSON text stands for.

    Args:
        text: the text.
        where: its file, and the place in it where it is a part.
        error: the type that is raised.
        remedy: what the user can do about it.

    Raises:
        InputError: of the type `error`, if the text is not valid JSON, is nested too deeply,
            contains a number with thousands of digits, or half a surrogate pair, which is not a
            character.
    """
    with reading(where, error, problem="is not valid JSON", remedy=remedy):
        value = json.loads(text)
    # only an escape can hide half a pair in a text that was read as UTF-8
    if "\\ud" in text or "\\uD" in text:
        check_characters(json.dumps(value, ensure_ascii=False), where, error)
    return value


def is_shallow(value: Any, most: int = 60) -> bool:
    """Whether lists and objects are nested in each other at most so often.

    What walks through a value calls itself for each level, and Python ends that long before JSON.
    """
    level = [value]
    for _ in range(most):
        level = [
            inner
            for one in level
            if isinstance(one, (dict, list))
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return True
    return False


def check_characters(text: str, where: Path | str, error: type[InputError] = DataFileError) -> None:
    """Raise if a text contains half a surrogate pair, which cannot be encoded as UTF-8.

    Raises:
        InputError: of the type `error`.
    """
    try:
        text.encode()
    except UnicodeEncodeError as raised:
        half = text[raised.start]
        raise error(f"contains {half!r}, half of a surrogate pair", where=str(where)) from None


def json_object(
    text: str,
    where: Path | str,
    error: type[InputError] = DataFileError,
    *,
    remedy: str | None = None,
) -> dict[str, Any]:
    """The same for a text that must be an object, `{"name": value, ...}`.

    Raises:
        InputError: of the type `error`, as `parse_json` and for every other value.
    """
    value = parse_json(text, where, error, remedy=remedy)
    if not isinstance(value, dict):
        found = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
        raise error(
            f"is not a JSON object but {found.get(type(value), 'a number')}",
            where=str(where),
            remedy=remedy,
        )
    return value


def read_json_object(
    path: Path, error: type[InputError] = DataFileError, *, remedy: str | None = None
) -> dict[str, Any]:
    """The object in a JSON file.

    Args:
        path: the file.
        error: the type that is raised.
        remedy: what the user can do about it.

    Raises:
        InputError: of the type `error`, if the file cannot be read or is no such file.
    """
    with reading(path, error, remedy=remedy):
        text = path.read_text("utf-8-sig")
    return json_object(text, path, error, remedy=remedy)
