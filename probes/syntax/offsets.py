"""The fixed-offset baseline: how often is a word's head simply k words away?

Clark et al. 2019 compare every head with the best offset in -3..+2, clipped to the sentence. Here
every offset is tried and none is clipped: an offset that leaves the sentence is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...data.sentences.sentence import Sentence
from ..forward.held_out import Selection, check_selection, halves, text_digest
from ..forward.needs import check_annotated
from .arcs import UNKNOWN, arcs_of

ALL = "all"
"""Name of the pool of all arcs, whatever their relation."""


@dataclass(frozen=True)
class OffsetScore:
    """How well one fixed offset finds the heads of one relation.

    Attributes:
        relation: name without subtype.
        offset: head position minus dependent position, in words; 0 if there was no arc to choose
            it on.
        correct: arcs that the offset finds, among those scored.
        n: arcs scored.
    """

    relation: str
    offset: int
    correct: int
    n: int

    @property
    def accuracy(self) -> float:
        """Share of the scored arcs that the offset finds; NaN without arcs."""
        return self.correct / self.n if self.n else float("nan")


def best_offset(distances: npt.NDArray[np.int64]) -> int:
    """The commonest distance [A]; of equally common ones the shortest, then the leftward one."""
    if not len(distances):
        return 0
    values, counts = np.unique(distances, return_counts=True)
    return int(min(values[counts == counts.max()], key=lambda offset: (abs(offset), offset)))


def score_offset(
    relation: str,
    distances: npt.NDArray[np.int64],
    half: npt.NDArray[np.int64],
    selection: Selection,
) -> OffsetScore:
    """Choose an offset and score it.

    Args:
        relation: whose arcs these are.
        distances: head position minus dependent position [A].
        half: half of the sentence of each arc [A].
        selection: `held-out` chooses on half 0 and scores on half 1; `reported` chooses and
            scores on all arcs, as published work does.
    """
    reported = selection == "reported"
    offset = best_offset(distances if reported else distances[half == 0])
    scored = distances if reported else distances[half == 1]
    return OffsetScore(relation, offset, int((scored == offset).sum()), len(scored))


def offset_scores(
    sentences: Sequence[Sentence], *, selection: Selection = "held-out", min_count: int = 20
) -> dict[str, OffsetScore]:
    """The best fixed offset of each relation in a corpus, and of all arcs together.

    Args:
        sentences: sentences with heads, of one scheme.
        selection: see `score_offset`.
        min_count: relations with fewer arcs are left out.

    Returns:
        relation -> score, by name, with `all` last.

    Raises:
        AnnotationError: if a sentence has no tree, or schemes are mixed.
        ConfigError: if `selection` is unknown.
    """
    check_selection(selection)
    check_annotated(sentences, ["heads"])
    side = halves([text_digest(sentence) for sentence in sentences])
    arcs = [arcs_of(sentence) for sentence in sentences]
    if not arcs:
        return {}
    relation = np.concatenate([one.relation for one in arcs])
    distance = np.concatenate([one.head - one.dependent for one in arcs])
    half = np.repeat(side, [len(one.head) for one in arcs])
    names, counts = np.unique(relation[relation != UNKNOWN], return_counts=True)
    groups = {str(name): relation == name for name in names[counts >= min_count]}
    groups[ALL] = np.ones(len(relation), dtype=np.bool_)
    return {
        name: score_offset(name, distance[chosen], half[chosen], selection)
        for name, chosen in groups.items()
    }
