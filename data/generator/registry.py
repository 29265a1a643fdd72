"""What a template is, and the two registries of phenomena.

A template builds a minimal set: four sentences (or pairs) in which every word, every bigram and
every length occurs equally often with both labels, so that no classifier over them can tell the
labels apart; only the structure can. Mostly two binary choices are crossed and the result is good
where they match.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .grammar import Draw
from .trees import Tree

SET_SIZE = 4


@dataclass(frozen=True, slots=True)
class Item:
    """One member of a minimal set: a phrase (or two) with its label and final punctuation."""

    first: Tree
    good: bool
    stop: str = "."
    second: Tree | None = None


MinimalSet = tuple[Item, ...]
Template = Callable[[Draw], MinimalSet]


@dataclass(frozen=True)
class Phenomenon:
    """A phenomenon with its templates; template k is called `t{k+1}`."""

    name: str
    description: str
    templates: tuple[Template, ...]


def crossed(build: Callable[[bool, bool], Tree], stop: str | tuple[str, str] = ".") -> MinimalSet:
    """The four trees of two crossed choices, good where the choices match.

    Args:
        build: makes the tree of two choices.
        stop: the final punctuation, or one for each value of the first choice.
    """
    stops = (stop, stop) if isinstance(stop, str) else stop
    return tuple(
        Item(build(left, right), left == right, stops[left])
        for left in (False, True)
        for right in (False, True)
    )


def reordered(build: Callable[[bool, bool], Tree], stop: str = ".") -> MinimalSet:
    """Two pairs with the same words each, in a good and a bad order.

    Args:
        build: makes the tree from whether it is good and from which of the two pairs it is of.
        stop: the final punctuation.
    """
    return tuple(
        Item(build(good, second), good, stop) for second in (False, True) for good in (True, False)
    )
