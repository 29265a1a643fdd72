"""The columns of the user's files, by their role in an example."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import ConfigError, UnknownNameError

ROLES = ("first", "second", "group", "rationale", "label", "score")
"""`first` and `second`: texts. `group`: the source that examples share. `rationale`: what people
found decisive (`spans.rationales`). `label`: a class name.
`score`: a number to predict."""


def check_roles(columns: Mapping[str, str]) -> None:
    """Raise unless every role exists and names a column.

    Raises:
        UnknownNameError: if a role does not exist.
        ConfigError: if a role names nothing.
    """
    for role, column in columns.items():
        if role not in ROLES:
            raise UnknownNameError("column role", role, ROLES)
        if not column:
            raise ConfigError(f"the role {role!r} names no column", remedy=f"for instance {role}=x")


def roles_of(columns: Mapping[str, str]) -> tuple[str, ...]:
    """The roles that own files fill, texts first and what is predicted last.

    Raises:
        UnknownNameError: if a role does not exist.
        ConfigError: if `first` is missing, or not one of `label` and `score` is given, or what is
            predicted is a text itself.
    """
    check_roles(columns)
    if "first" not in columns or ("label" in columns) == ("score" in columns):
        raise ConfigError(
            f"{', '.join(columns) or 'no columns'} named",
            remedy="name the columns first=..., second=... for pairs, and label=... or score=...",
        )
    predicted = columns.get("label", columns.get("score"))
    if predicted in (columns["first"], columns.get("second")):
        raise ConfigError(
            f"the column {predicted!r} is named both as a text and as the label or score",
            remedy="name another column as label=... or score=...",
        )
    return tuple(role for role in ROLES if role in columns)
