"""Parse JSON from untrusted files: it must be complete, valid and, if required, an object."""

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
    """Parse a JSON text.

    Args:
        text: the text.
        where: its file, and its position in the file if it is a part of it.
        error: the type that is raised.
        remedy: what the user can do about it.

    Raises:
        InputError: of the type `error`, if the text is not valid JSON, is nested too deeply, or
            contains a number with thousands of digits or an unpaired surrogate.
    """
    with reading(where, error, problem="is not valid JSON", remedy=remedy):
        value = json.loads(text)
    # a text that was decoded from UTF-8 can contain an unpaired surrogate only as an escape
    if "\\ud" in text or "\\uD" in text:
        check_characters(json.dumps(value, ensure_ascii=False), where, error)
    return value


def is_shallow(value: Any, most: int = 60) -> bool:
    """Whether lists and objects are nested to at most the given depth.

    Functions that walk through a value recurse once per level, and Python's recursion limit is
    lower than that of the JSON parser.
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
    """Raise if a text contains an unpaired surrogate, which cannot be encoded as UTF-8.

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
    """Parse a JSON text that must be an object, `{"name": value, ...}`.

    Raises:
        InputError: of the type `error`, as in `parse_json`, or if the value is not an object.
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
    """Read the object in a JSON file.

    Args:
        path: the file.
        error: the type that is raised.
        remedy: what the user can do about it.

    Raises:
        InputError: of the type `error`, if the file cannot be read or is not a JSON object.
    """
    with reading(path, error, remedy=remedy):
        text = path.read_text("utf-8-sig")
    return json_object(text, path, error, remedy=remedy)
