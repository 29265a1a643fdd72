"""The class of a model that means entailment, and the classes that labels of a file mean."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import InputError
from ..tasks.class_order import plain
from .heuristic_pair import ENTAILED


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
