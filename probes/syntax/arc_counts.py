"""From the outcome of every arc to counts for each half, relation, direction and head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..forward.held_out import Selection, halves
from .arcs import UNKNOWN
from .offsets import ALL, OffsetScore, score_offset

DIRECTIONS = ("dependent->head", "head->dependent")
"""A row of the map (where the dependent looks), a column (who looks at the dependent)."""


@dataclass(frozen=True)
class Text:
    """One sentence of the corpus: the ids of its example and itself, and the hash of its words
    or of its cluster.
    """

    item_id: str
    sentence_id: str
    digest: str


@dataclass(frozen=True)
class ArcTable:
    """The A arcs of a corpus and which heads found them.

    Attributes:
        text: number of the arc's sentence [A].
        dependent: index of the dependent in its sentence [A].
        distance: head position minus dependent position, in words [A].
        relation: name without subtype [A]; `UNKNOWN` where the tree has none.
        whole: False where truncation cut the dependent or the head [A].
        correct: whether each head found the arc, in each direction [A, 2, L, H].
    """

    text: npt.NDArray[np.int64]
    dependent: npt.NDArray[np.int64]
    distance: npt.NDArray[np.int64]
    relation: npt.NDArray[np.str_]
    whole: npt.NDArray[np.bool_]
    correct: npt.NDArray[np.bool_]

    @classmethod
    def join(cls, parts: Sequence[ArcTable], keys: Sequence[int]) -> ArcTable:
        """All batches in corpus order, with sentence `keys[i]` renumbered to i."""
        text = np.searchsorted(np.array(keys), np.concatenate([part.text for part in parts]))
        dependent = np.concatenate([part.dependent for part in parts])
        order = np.lexsort((dependent, text))
        return cls(
            text=text[order],
            dependent=dependent[order],
            distance=np.concatenate([part.distance for part in parts])[order],
            relation=np.concatenate([part.relation for part in parts])[order],
            whole=np.concatenate([part.whole for part in parts])[order],
            correct=np.concatenate([part.correct for part in parts])[order],
        )


@dataclass(frozen=True)
class ArcCounts:
    """Correct arcs for each half, relation, direction and head.

    Attributes:
        selection: the protocol.
        relations: the R relations by name, `all` last.
        half: half of each sentence [N].
        correct: arcs found [2, R, 2, L, H] (half, relation, direction, layer, head).
        total: arcs that could be found [2, R].
        dropped: arcs that truncation cut or, beside a relation, that have none [2, R].
        offsets: the best fixed offset of each relation [R].
        only_head: arcs of the scored halves that a head finds and the offset does not
            [R, 2, L, H].
        only_offset: those that the offset finds and the head does not [R, 2, L, H].
        squares: the same two's difference of each sentence (or of each cluster of sentences),
            squared and summed [R, 2, L, H]: the variance of their difference if head and offset
            were equally good.
    """

    selection: Selection
    relations: tuple[str, ...]
    half: npt.NDArray[np.int64]
    correct: npt.NDArray[np.float64]
    total: npt.NDArray[np.float64]
    dropped: npt.NDArray[np.float64]
    offsets: tuple[OffsetScore, ...]
    only_head: npt.NDArray[np.float64]
    only_offset: npt.NDArray[np.float64]
    squares: npt.NDArray[np.float64]

    @property
    def choosing(self) -> tuple[int, ...]:
        """Halves that heads and offsets are chosen on."""
        return (0, 1) if self.selection == "reported" else (0,)

    @property
    def scoring(self) -> tuple[int, ...]:
        """Halves that accuracy is reported on."""
        return (0, 1) if self.selection == "reported" else (1,)


def arcs_of_relation(table: ArcTable, relation: str) -> npt.NDArray[np.bool_]:
    """Which arcs belong to a relation, or to `all` [A]."""
    if relation == ALL:
        return np.ones(len(table.relation), dtype=np.bool_)
    return np.asarray(table.relation == relation)


def count_arcs(
    table: ArcTable, texts: Sequence[Text], selection: Selection, min_count: int
) -> ArcCounts:
    """Count correct arcs over the halves of the sentences.

    Args:
        table: arcs with outcomes.
        texts: the N sentences.
        selection: what heads and offsets are chosen on.
        min_count: relations with fewer whole arcs are left out, except `all`.
    """
    half = halves([text.digest for text in texts])
    of_arc = half[table.text]
    known = table.relation != UNKNOWN
    names, counts = np.unique(table.relation[table.whole & known], return_counts=True)
    relations = (*(str(name) for name in names[counts >= min_count]), ALL)
    R, shape = len(relations), table.correct.shape[1:]
    correct, total, dropped = np.zeros((2, R, *shape)), np.zeros((2, R)), np.zeros((2, R))
    only_head, only_offset, squares = (np.zeros((R, *shape)) for _ in range(3))
    unit = np.unique([text.digest for text in texts], return_inverse=True)[1][table.text]
    held = np.ones_like(of_arc, dtype=np.bool_) if selection == "reported" else of_arc == 1
    offsets = []
    for r, relation in enumerate(relations):
        inside = arcs_of_relation(table, relation)
        scored = inside & table.whole
        for side in (0, 1):
            here = of_arc == side
            correct[side, r] = table.correct[scored & here].sum(axis=0)
            total[side, r] = (scored & here).sum()
            lost = inside & ~table.whole if relation == ALL else (inside & ~table.whole) | ~known
            dropped[side, r] = (lost & here).sum()
        offsets.append(score_offset(relation, table.distance[scored], of_arc[scored], selection))
        by_offset = scored & held & (table.distance == offsets[-1].offset)
        only_head[r] = table.correct[scored & held & ~by_offset].sum(axis=0)
        only_offset[r] = by_offset.sum() - table.correct[by_offset].sum(axis=0)
        squares[r] = _squares(table, np.flatnonzero(scored & held), by_offset, unit)
    return ArcCounts(
        selection, relations, half, correct, total, dropped, tuple(offsets), only_head,
        only_offset, squares,
    )  # fmt: skip


def _squares(
    table: ArcTable, arcs: npt.NDArray[np.int64], by_offset: npt.NDArray[np.bool_],
    unit: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:  # fmt: skip
    """Squared differences of head and offset by unit, summed [2, L, H]."""
    if not len(arcs):
        return np.zeros(table.correct.shape[1:])
    arcs = arcs[np.argsort(unit[arcs], kind="stable")]
    starts = np.flatnonzero(np.diff(unit[arcs], prepend=-1))
    gaps = table.correct[arcs].astype(np.int32) - by_offset[arcs, None, None, None]
    return np.asarray((np.add.reduceat(gaps, starts, axis=0) ** 2).sum(axis=0), dtype=np.float64)
