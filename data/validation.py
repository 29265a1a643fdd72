"""Errors of pydantic in the words of subprobe: the rule that a value breaks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .files.reading import shown

_BOUNDS = {
    "greater_than_equal": (">=", "ge"),
    "greater_than": (">", "gt"),
    "less_than_equal": ("<=", "le"),
    "less_than": ("<", "lt"),
}
_KINDS = {
    "int": "an integer",
    "float": "a number",
    "finite": "a finite number",
    "bool": "true or false",
    "string": "text",
    "list": "a list",
    "tuple": "a list",
    "dict": "a table",
    "model": "a table",
}


def broken_rule(error: Mapping[str, Any]) -> str:
    """The rule that a value breaks, and the value.

    Args:
        error: one of `ValidationError.errors()`.

    Returns:
        such as `must be >= 1, got 0` or `must be 'all' or 'words', got 'x'`.
    """
    rule = _rule(error)
    return rule if error["type"] == "missing" else f"{rule}, got {shown(error['input'])}"


def _rule(error: Mapping[str, Any]) -> str:
    kind, known = str(error["type"]), error.get("ctx", {})
    if kind in _BOUNDS:
        sign, name = _BOUNDS[kind]
        bound = known[name]
        whole = isinstance(bound, float) and bound.is_integer()
        return f"must be {sign} {int(bound) if whole else bound}"
    if kind == "literal_error":
        return f"must be {known['expected']}"
    if kind in ("too_short", "too_long"):
        least = kind == "too_short"
        count = known["min_length"] if least else known["max_length"]
        return f"must have at {'least' if least else 'most'} {count} value{'s' * (count != 1)}"
    if kind == "missing":
        return "is missing"
    if kind == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    of = kind.removesuffix("_number").partition("_")[0]
    return f"must be {_KINDS[of]}" if of in _KINDS else str(error["msg"])
