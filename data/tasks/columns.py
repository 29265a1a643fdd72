"""The columns of the user's files, by their role in an example."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import ConfigError, UnknownNameError

CHOICE_ROLES = ("context", "question", "options")
"""The texts of a multiple-choice question."""

PAIRED = ("counterfactual", "counterfactual_second")
"""The texts of a counterfactual input, instead of `first` and `second`."""

ROLES = (
    "first", "second", *CHOICE_ROLES, "type", "group", "rationale", *PAIRED, "label", "score",
)  # fmt: skip
"""`first` and `second`: texts. `context`, `question`, `options`: a multiple-choice question, and
`type`: its type. `group`: the source that examples share. `rationale`: what people found decisive
(`spans.rationales`). `counterfactual` and `counterfactual_second`: the texts of the counterfactual
input; a text without one is the same in both. `label`: a class name, or the right option. `score`:
a number to predict."""

_OF_QUESTIONS = (*CHOICE_ROLES, "type", "group", "label")


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
    if asks_choices(columns):
        return choice_roles(columns)
    if "first" not in columns or ("label" in columns) == ("score" in columns):
        raise ConfigError(
            f"{', '.join(columns) or 'no columns'} named",
            remedy="name the columns first=..., second=... for pairs, and label=... or score=...; "
            "or context=..., question=..., options=... and label=...",
        )
    if "counterfactual_second" in columns and "second" not in columns:
        raise ConfigError(
            "counterfactual_second named without second",
            remedy="name the column of the second text of a pair as second=...",
        )
    predicted = columns.get("label", columns.get("score"))
    if predicted in (columns["first"], columns.get("second")):
        raise ConfigError(
            f"the column {predicted!r} is named both as a text and as the label or score",
            remedy="name another column as label=... or score=...",
        )
    return tuple(role for role in ROLES if role in columns)


def asks_choices(columns: Mapping[str, str]) -> bool:
    """Whether the columns are those of multiple-choice questions."""
    return any(role in columns for role in (*CHOICE_ROLES, "type"))


def choice_roles(columns: Mapping[str, str]) -> tuple[str, ...]:
    """The roles that files of multiple-choice questions fill, the answer last.

    Raises:
        UnknownNameError: if a role does not exist.
        ConfigError: if a required one is missing, or another belongs to other tasks.
    """
    check_roles(columns)
    lacking = [role for role in (*CHOICE_ROLES, "label") if role not in columns]
    others = [role for role in columns if role not in _OF_QUESTIONS]
    if lacking or others:
        problem = f"without {lacking[0]}" if lacking else f"with {others[0]}"
        raise ConfigError(
            f"multiple-choice questions {problem}",
            where="`columns`",
            remedy="name the columns context=..., question=..., options=... and label=...; "
            "type=... and group=... are optional",
        )
    return tuple(role for role in _OF_QUESTIONS if role in columns)
