"""Find by name which classes of a classifier mean entailment, neutral and contradiction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...data.suites.diagnostics import THREE
from ...data.tasks.class_order import plain

ENTAILMENT = THREE[0]
NOT_ENTAILMENT = "not entailment"
_NEGATED = (NOT_ENTAILMENT, "non entailment", "no entailment", "nonentailment", "notentailment")


def entailment_classes(labels: Sequence[str]) -> Mapping[str, int]:
    """Class of natural language inference -> place of the label that means it.

    Names are compared as in `class_order.plain`. A task with two classes, entailment and its
    negation, has both `neutral` and `contradiction` as its negation.

    Args:
        labels: class names of a task, in order.

    Returns:
        A place for each of `THREE`; empty if the names are others.
    """
    places = {plain(name): place for place, name in enumerate(labels)}
    if set(places) == set(THREE) and len(labels) == len(THREE):
        return {name: places[name] for name in THREE}
    negated = [name for name in places if name in _NEGATED]
    if len(labels) == 2 and ENTAILMENT in places and len(negated) == 1:
        other = places[negated[0]]
        return {ENTAILMENT: places[ENTAILMENT], "neutral": other, "contradiction": other}
    return {}


def unfit(labels: Sequence[str]) -> str:
    """Why a task with these class names is not one of entailment; empty if it is."""
    if entailment_classes(labels):
        return ""
    return (
        f"its classes are {', '.join(labels) or 'none'}; needed are {', '.join(THREE)}, or "
        f"{ENTAILMENT} and {NOT_ENTAILMENT}"
    )
