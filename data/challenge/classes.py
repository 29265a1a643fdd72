"""The class of a model that means entailment, and the classes that labels of a file mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import InputError
from ..suites.diagnostics import THREE
from ..tasks.class_order import plain
from .heuristic_pair import ENTAILED

NOT_ENTAILMENT = "not entailment"
_NEGATED = (NOT_ENTAILMENT, "non entailment", "no entailment", "nonentailment", "notentailment")


def entailment_class(labels: Sequence[str]) -> int:
    """The index of the class that is named entailment, in any letter case.

    Every other class, such as neutral and contradiction, means that the hypothesis does not follow.
    A class is never chosen by its position.

    Args:
        labels: the K class names.

    Raises:
        InputError: if no class, or more than one, has the name, or it is the only class.
    """
    found = [place for place, name in enumerate(labels) if plain(name) == ENTAILED]
    if len(found) != 1 or len(labels) < 2:
        many = "several are" if len(found) > 1 else "it is the only one" if found else "none is"
        raise InputError(
            f"the classes are {', '.join(labels) or 'numbers'}; {many} named {ENTAILED}",
            remedy="name a model of textual entailment, or match its classes with `labels` "
            "entailment=MODEL_CLASS,...",
        )
    return found[0]


def entailment_classes(labels: Sequence[str]) -> Mapping[str, int]:
    """Class of natural language inference -> index of the class that means it.

    Names are compared as in `class_order.plain`. A task with two classes, entailment and its
    negation, has both `neutral` and `contradiction` as its negation.

    Args:
        labels: the K class names.

    Returns:
        An index for each of `THREE`; empty if the names are others.
    """
    places = {plain(name): place for place, name in enumerate(labels)}
    if set(places) == set(THREE) and len(labels) == len(THREE):
        return {name: places[name] for name in THREE}
    negated = [name for name in places if name in _NEGATED]
    if len(labels) == 2 and ENTAILED in places and len(negated) == 1:
        other = places[negated[0]]
        return {ENTAILED: places[ENTAILED], "neutral": other, "contradiction": other}
    return {}


def not_three_classes(labels: Sequence[str]) -> str:
    """Why these are not the classes of natural language inference; empty if they are."""
    if entailment_classes(labels):
        return ""
    return (
        f"the classes are {', '.join(labels) or 'numbers'}; needed are {', '.join(THREE)}, or "
        f"{ENTAILED} and {NOT_ENTAILMENT}"
    )
