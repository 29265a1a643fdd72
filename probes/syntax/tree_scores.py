"""Trees as arrays of heads, with and without punctuation, and how many gold arcs another one has.

UAS counts the words whose head is right, UUAS the gold arcs that are there in either direction.
Root arcs are left out of both. Without punctuation means *re-linked*, for the gold tree, for every
baseline and for what was decoded alike: words tagged PUNCT are taken out, and a word that hung on
one hangs on the nearest ancestor that stays; it has no head if none stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ...data.sentences.sentence import ROOT, Sentence
from ..forward.needs import check_annotated

NONE = -1
"""The head of a word that has none: the root, a word of a pruned head's tree, padding."""

Heads = npt.NDArray[np.int64]
"""Index of each word's head [..., W], or NONE."""


@dataclass(frozen=True)
class GoldTree:
    """What is known of the W kept words of one sentence.

    Attributes:
        heads: index of each word's head among the kept words [W]; NONE for the root and where
            truncation cut the head.
        root: index of the root among the kept words; NONE if it was cut.
        punctuation: words tagged PUNCT [W]; all of them where there are no tags.
    """

    heads: Heads
    root: int
    punctuation: npt.NDArray[np.bool_]

    @property
    def n_arcs(self) -> int:
        """Arcs that can be found."""
        return int((self.heads != NONE).sum())

    @cached_property
    def without_punctuation(self) -> GoldTree:
        """The words that stay, re-linked and numbered anew."""
        if not self.punctuation.any():
            return self
        stays = ~self.punctuation
        number = np.append(np.where(stays, np.cumsum(stays) - 1, NONE), NONE)
        heads = relink(self.heads, self.punctuation)[stays]
        return GoldTree(number[heads], int(number[self.root]), np.zeros(len(heads), dtype=np.bool_))


def gold_tree(sentence: Sentence, kept: Sequence[int] | None = None) -> GoldTree:
    """The tree over the kept words of a sentence, by default all of them.

    Without tags nobody knows which words are punctuation: none is left without it.

    Raises:
        AnnotationError: if the sentence has no tree.
    """
    check_annotated([sentence], ["heads"])
    words = np.arange(len(sentence.words)) if kept is None else np.array(kept, dtype=np.int64)
    number = np.full(len(sentence.words) + 1, NONE, dtype=np.int64)
    number[words] = np.arange(len(words))
    heads = np.array(sentence.heads, dtype=np.int64)
    tags = np.array(sentence.upos or ("PUNCT",) * len(heads), dtype=np.str_)
    return GoldTree(
        heads=number[np.where(heads == ROOT, len(number) - 1, heads)][words],
        root=int(number[sentence.heads.index(ROOT)]),
        punctuation=(tags == "PUNCT")[words],
    )


def pad_trees(trees: Sequence[GoldTree]) -> tuple[Heads, npt.NDArray[np.bool_]]:
    """Gold heads [T, W] and punctuation [T, W] of T trees, with NONE and False as padding."""
    W = max(1, *(len(tree.heads) for tree in trees))
    heads = np.full((len(trees), W), NONE, dtype=np.int64)
    punctuation = np.zeros((len(trees), W), dtype=np.bool_)
    for t, tree in enumerate(trees):
        heads[t, : len(tree.heads)] = tree.heads
        punctuation[t, : len(tree.heads)] = tree.punctuation
    return heads, punctuation


def relink(heads: Heads, removed: npt.NDArray[np.bool_]) -> Heads:
    """Take words out: every head becomes the nearest ancestor that stays.

    Args:
        heads: any graph with at most one head per word, loops allowed [..., W].
        removed: words to take out [..., W], broadcast against `heads`.

    Returns:
        heads [..., W]; NONE for removed words, and where the way up ends at a root or in a loop of
        removed words, or comes back to the word itself.
    """
    longest = int(removed.sum(-1).max(initial=0))
    if not longest:
        return heads
    W = heads.shape[-1]
    removed = np.broadcast_to(removed, heads.shape)
    hangs = _at(_with_end(removed), heads) & ~removed
    if not hangs.any():
        return np.where(removed, NONE, heads)
    # One place more, where NONE leads; a word that stays leads to itself.
    up = np.empty((*heads.shape[:-1], W + 1), dtype=heads.dtype)
    up[..., :W] = np.where(removed, heads, np.arange(W, dtype=heads.dtype))
    up[up == NONE] = W
    up[..., W] = W
    for _ in range(longest.bit_length()):
        up = _at(up, up)
    found = _at(up, np.where(heads == NONE, W, heads))
    in_loop = _at(_with_end(removed), found)
    lost = removed | in_loop | (found == W) | (found == np.arange(W))
    return np.where(lost, NONE, found)


def _with_end(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    end = np.zeros((*flags.shape[:-1], 1), dtype=np.bool_)
    return np.concatenate([flags, end], axis=-1)


def _at(values: npt.NDArray[Any], places: Heads) -> npt.NDArray[Any]:
    """`np.take_along_axis` over the last axis [..., W], at half its cost; -1 is the last place."""
    W = values.shape[-1]
    start = np.arange(0, values.size, W).reshape(*values.shape[:-1], 1)
    found: npt.NDArray[Any] = values.reshape(-1).take(start + np.where(places < 0, W - 1, places))
    return found


def count_found(heads: Heads, gold: Heads) -> tuple[Heads, Heads]:
    """Gold arcs that are found with their direction and in either direction.

    Args:
        heads: decoded heads [..., W].
        gold: gold heads [..., W], broadcast against `heads`.

    Returns:
        counts for UAS [...] and for UUAS [...].
    """
    gold = np.broadcast_to(gold, heads.shape)
    arc = gold != NONE
    directed = arc & (heads == gold)
    back = _at(heads, np.where(arc, gold, 0))
    turned = arc & (back == np.arange(heads.shape[-1]))
    return directed.sum(-1), (directed | turned).sum(-1)
