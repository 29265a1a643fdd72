"""Describe why an option is rejected: the rule that it breaks, and the value that was given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .files.reading import shown

_KINDS = {
    "int": "an integer",
    "float": "a number",
    "decimal": "a number",
    "bool": "true or false",
    "string": "text",
    "tuple": "a list",
    "list": "a list",
    "set": "a list",
    "iterable": "a list",
    "dict": "a table of names and values",
    "mapping": "a table of names and values",
    "model": "a table of options",
    "none": "empty",
}
"""First word of pydantic's type of error -> what the value must be."""
_BOUNDS = {
    "greater_than_equal": (">=", "ge"),
    "greater_than": (">", "gt"),
    "less_than_equal": ("<=", "le"),
    "less_than": ("<", "lt"),
}
_RULES = {
    "missing": "is missing",
    "extra_forbidden": "does not exist",
    "finite_number": "must be a finite number",
    "int_parsing_size": "has too many digits",
    "string_unicode": "must be text in UTF-8",
    "recursion_loop": "is nested too deeply",
}
_VERBS = ("must ", "needs ", "contains ", "is ", "has ")
"""First words of the messages in which a check of this project states a rule for the value."""


def rule_of(error: Mapping[str, Any]) -> str:
    """The rule that a value breaks, and the value: `must be >= 0, got -1`.

    Args:
        error: one entry of `ValidationError.errors()`; its message is used only where a check of
            this project wrote it.
    """
    kind, limits = str(error["type"]), error.get("ctx") or {}
    if kind in ("value_error", "assertion_error"):
        said = str(limits.get("error") or error["msg"]).removeprefix("Value error, ")
        if said.startswith("unknown "):
            return said
        rule = said if said.startswith(_VERBS) else f"is not accepted ({said})"
        return f"{rule}, got {shown(error['input'])}"
    if kind in ("missing", "extra_forbidden"):
        return _RULES[kind]
    return f"{_rule(kind, limits)}, got {shown(error['input'])}"


def _rule(kind: str, limits: Mapping[str, Any]) -> str:
    if kind in _RULES:
        return _RULES[kind]
    if kind in _BOUNDS:
        sign, name = _BOUNDS[kind]
        bound = limits[name]
        whole = isinstance(bound, float) and bound.is_integer()
        return f"must be {sign} {int(bound) if whole else bound}"
    if kind in ("literal_error", "enum"):
        return f"must be {limits['expected']}"
    if kind.endswith(("too_short", "too_long")):
        least = kind.endswith("too_short")
        size = limits["min_length" if least else "max_length"]
        noun = "character" if kind.startswith("string") else "item"
        return f"needs at {'least' if least else 'most'} {size} {noun}{'' if size == 1 else 's'}"
    wanted = _KINDS.get(kind.partition("_")[0])
    return f"must be {wanted}" if wanted else "has a value that it cannot have"
