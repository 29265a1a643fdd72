"""Templates, and the two registries of phenomena.

A template builds a minimal set: four sentences (or pairs) in which every word, bigram and length
occurs equally often with both labels, so that only their structure distinguishes the labels. Most
templates cross two binary choices; the result is acceptable if the choices match.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .grammar import Draw
from .trees import Tree

SET_SIZE = 4


@dataclass(frozen=True, slots=True)
class Item:
    """One member of a minimal set: a phrase (or two) with its label and its final punctuation."""

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
    """The four trees of two crossed binary choices; acceptable if the choices match.

    Args:
        build: builds the tree from two choices.
        stop: the final punctuation, or a pair with one for each value of the first choice.
    """
    stops = (stop, stop) if isinstance(stop, str) else stop
    return tuple(
        Item(build(left, right), left == right, stops[left])
        for left in (False, True)
        for right in (False, True)
    )


def reordered(build: Callable[[bool, bool], Tree], stop: str = ".") -> MinimalSet:
    """Two pairs of trees; each pair has the same words in an acceptable and an unacceptable order.

    Args:
        build: builds the tree from whether it is acceptable and from which of the two pairs it
            belongs to.
        stop: the final punctuation.
    """
    return tuple(
        Item(build(good, second), good, stop) for second in (False, True) for good in (True, False)
    )
