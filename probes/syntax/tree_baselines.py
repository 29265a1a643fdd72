"""Model-free trees: branching chains, the adjacent chain and the best fixed offset.

A chain links every word to its neighbour. *Right-branching* gives every word the word before it as
head, *left-branching* the word after it, the *adjacent chain* the neighbour on the side of the gold
root; the three have the same UUAS. The *best offset* is the commonest distance from dependent to
head (offsets.py). Without punctuation, chains and distances run over the words that stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...data.sentences.sentence import Sentence
from ..forward.held_out import Selection, check_selection, halves, text_digest
from ..forward.needs import check_annotated
from .offsets import best_offset
from .tree_scores import NONE, GoldTree, Heads, count_found, gold_tree, pad_trees

ADJACENT, OFFSET = "adjacent-chain", "best-offset"

METRICS = ("uas", "uuas", "uas_no_punct", "uuas_no_punct")
"""Shares of gold arcs in [0, 1]; `no_punct` without the words tagged PUNCT, re-linked."""


@dataclass(frozen=True)
class TreeScore:
    """How many gold arcs one baseline finds.

    Attributes:
        metric: one of METRICS.
        correct: arcs found, among those scored.
        n: arcs scored.
        offset: the distance that was chosen, in words; None for chains.
    """

    metric: str
    correct: int
    n: int
    offset: int | None = None

    @property
    def value(self) -> float:
        """Share of the scored arcs that are found; NaN without arcs."""
        return self.correct / self.n if self.n else float("nan")


def tree_baselines(
    sentences: Sequence[Sentence], *, selection: Selection = "held-out"
) -> dict[str, dict[str, TreeScore]]:
    """Every baseline on a corpus.

    Args:
        sentences: sentences with heads, of one scheme; those without tags are in no score without
            punctuation.
        selection: `held-out` chooses the offset on one half of the sentences and scores all
            baselines on the other; `reported` does both on all sentences.

    Returns:
        baseline -> metric -> score.

    Raises:
        AnnotationError: if a sentence has no tree, or schemes are mixed.
        ConfigError: if `selection` is unknown.
    """
    check_selection(selection)
    check_annotated(sentences, ["heads"])
    half = halves([text_digest(sentence) for sentence in sentences])
    return score_baselines([gold_tree(sentence) for sentence in sentences], half, selection)


def score_baselines(
    trees: Sequence[GoldTree], half: npt.NDArray[np.int64], selection: Selection
) -> dict[str, dict[str, TreeScore]]:
    """`tree_baselines` of trees that were read, with the half of each sentence [N]."""
    found: dict[str, dict[str, TreeScore]] = {name: {} for name in (*_CHAINS, OFFSET)}
    for suffix in ("", "_no_punct"):
        use = [tree.without_punctuation for tree in trees] if suffix else list(trees)
        gold, _ = pad_trees(use)
        root = np.array([tree.root for tree in use])[:, None]
        length = np.array([len(tree.heads) for tree in use])[:, None]
        scored = np.ones(len(use), np.bool_) if selection == "reported" else half == 1
        chosen_on = np.ones(len(use), np.bool_) if selection == "reported" else half == 0
        place = np.arange(gold.shape[1])
        distance = np.where(gold == NONE, 0, gold - place)
        offset = best_offset(distance[chosen_on][gold[chosen_on] != NONE])
        made = {name: make(place, root) for name, make in _CHAINS.items()}
        made[OFFSET] = np.broadcast_to(place + offset, gold.shape)
        for name, heads in made.items():
            inside = (heads >= 0) & (heads < length) & (place < length)
            counts = count_found(np.where(inside, heads, NONE), gold)
            for metric, correct in zip(("uas", "uuas"), counts, strict=True):
                found[name][metric + suffix] = TreeScore(
                    metric=metric + suffix,
                    correct=int(correct[scored].sum()),
                    n=int((gold[scored] != NONE).sum()),
                    offset=offset if name == OFFSET else None,
                )
    return found


def _adjacent(place: Heads, root: Heads) -> Heads:
    return np.where(place == root, NONE, place + np.sign(root - place))


_CHAINS: Mapping[str, Callable[[Heads, Heads], Heads]] = {
    "right-branching": lambda place, root: np.broadcast_to(place - 1, (len(root), len(place))),
    "left-branching": lambda place, root: np.broadcast_to(place + 1, (len(root), len(place))),
    ADJACENT: _adjacent,
}
"""Name -> heads [T, W] from the places of words [W] and the gold roots [T, 1]."""
