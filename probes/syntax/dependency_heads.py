"""Which attention head finds which dependency relation (Clark et al. 2019, section 4.2).

For every dependent each head names the word it attends to most (`dependent->head`, a row of the
map) and the word that attends to it most (`head->dependent`, a column); either is right if it is
the syntactic head. The best head is chosen on other sentences than those that are scored.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...data.output.tables import rows_frame
from ...data.sentences.sentence import Sentence
from ..forward.base import BatchView, Context, Probe, ProbeResult
from ..forward.held_out import Selection, check_selection, unit_digest
from ..forward.needs import check_annotated
from .arc_counts import DIRECTIONS, ArcTable, Text, count_arcs
from .arcs import UNKNOWN, arcs_of
from .dependency_rows import arc_items, arc_rows


class DependencyHeads(Probe):
    """Accuracy of every head for every relation in both directions, with the offset baseline.

    Attention is summed over target pieces and averaged over source pieces; special tokens are
    left out, a word's attention to itself counts as zero, ties go to the first word. In a pair
    each sentence is read by itself. Words that truncation cut leave the score with their arcs and
    are counted. Root arcs are left out; `all` pools every other arc, punctuation included. Arcs of
    a tree without relations count in `all`, and among what every relation has lost.

    Args:
        context: the model that will be read.
        selection: `held-out` chooses the best head and offset of each relation on one half of the
            sentences and scores on the other; `reported` does both on all sentences, as the paper
            does.
        min_count: relations with fewer arcs in the corpus get no rows.

    Raises:
        ConfigError: if `selection` is unknown.
        AnnotationError: when a sentence without a tree comes, or one in another scheme.
    """

    name = "dependency-heads"
    needs_attention = True

    def __init__(self, context: Context, *, selection: Selection = "held-out", min_count: int = 20):
        check_selection(selection)
        self._context, self._selection, self._min_count = context, selection, min_count
        self._first: Sentence | None = None
        self._texts: dict[int, Text] = {}
        self._tables: list[ArcTable] = []
        self._n_words = self._n_kept = 0

    def begin(self, batch: BatchView) -> None:
        """Collect the batch's arcs, and which words may attend to each other."""
        columns = [
            self._read(batch, row, segment, sentence)
            for row, example in enumerate(batch.examples)
            for segment, sentence in enumerate((example.first, example.second))
            if sentence is not None
        ]
        row, dependent, head, text, index, distance, relation = (
            np.concatenate(column) for column in zip(*columns, strict=True)
        )
        whole = (dependent >= 0) & (head >= 0)
        L, H = self._context.alive.shape
        correct = np.zeros((len(row), len(DIRECTIONS), L, H), dtype=np.bool_)
        self._table = ArcTable(text, index, distance, relation, whole, correct)
        self._n_kept += sum(len(kept) for kept in batch.kept)
        device = batch.source.device
        self._whole = np.flatnonzero(whole)
        self._row, self._dependent, self._head = (
            torch.from_numpy(column[whole]).to(device) for column in (row, dependent, head)
        )
        self._batch = batch
        self._apart = _apart(batch)

    def _read(
        self, batch: BatchView, row: int, segment: int, sentence: Sentence
    ) -> tuple[npt.NDArray[Any], ...]:
        """Row in the batch, dependent and head among kept words, then columns of `ArcTable`."""
        self._first = self._first or sentence
        check_annotated((self._first, sentence), ["heads"])
        text = 2 * int(batch.position[row]) + segment
        self._texts[text] = Text(
            batch.examples[row].id, sentence.id, unit_digest(batch.examples[row], sentence)
        )
        self._n_words += len(sentence.words)
        number = np.full(len(sentence.words), -1, dtype=np.int64)
        for kept, (where, index) in enumerate(batch.kept[row]):
            if where == segment:
                number[index] = kept
        arcs = arcs_of(sentence)
        ones = np.ones(len(arcs.head), dtype=np.int64)
        return (
            ones * row,
            number[arcs.dependent],
            number[arcs.head],
            ones * text,
            arcs.dependent,
            arcs.head - arcs.dependent,
            arcs.relation,
        )

    def layer(self, layer: int, attention: torch.Tensor) -> None:
        """Score one layer's maps [B, H, S, S] on all arcs of the batch."""
        words = self._batch.word_attention(attention).clone()
        words.diagonal(0, 2, 3).zero_()
        if self._apart is not None:
            words.masked_fill_(self._apart, -1.0)
        # max, not argmax: five times faster over columns on CPU; both give the first of equals.
        by_row = words.max(dim=-1).indices[self._row, :, self._dependent]  # [A, H]
        by_column = words.max(dim=-2).indices[self._row, :, self._dependent]
        for direction, found in enumerate((by_row, by_column)):
            right = (found == self._head[:, None]).cpu().numpy()
            self._table.correct[self._whole, direction, layer] = right

    def end(self) -> None:
        """Drop the batch and keep only its outcomes, one bit per arc, direction and head."""
        self._tables.append(self._table)
        del self._table, self._batch, self._row, self._dependent, self._head, self._apart

    def result(self) -> ProbeResult:
        """Rows for every head, the best head and the offset of each relation; counts; items."""
        keys = sorted(self._texts)
        texts = [self._texts[key] for key in keys]
        table = ArcTable.join(self._tables, keys)
        counts = count_arcs(table, texts, self._selection, self._min_count)
        alive, first = self._context.alive, self._first
        assert first is not None  # the stream refuses an empty corpus
        rows = arc_rows(counts, alive).assign(
            probe=self.name,
            variant="punctuation=kept;subtypes=merged",
            selection=self._selection,
            annotation=first.annotation,
            scheme=first.scheme,
        )
        return ProbeResult(
            probe=self.name,
            rows=rows_frame(rows),
            make_items=lambda: arc_items(self.name, table, texts, counts, alive),
            arrays={
                "correct": counts.correct,
                "total": counts.total,
                "only_head": counts.only_head,
                "only_offset": counts.only_offset,
                "squares": counts.squares,
                "alive": alive.astype(np.float64),
            },
            notes={
                "relations": " ".join(counts.relations),
                "directions": " ".join(DIRECTIONS),
                "n_texts": len(texts),
                "n_words": self._n_words,
                "n_words_dropped": self._n_words - self._n_kept,
                "n_arcs": len(table.text),
                "n_arcs_dropped": int((~table.whole).sum()),
                "n_arcs_without_relation": int((table.relation == UNKNOWN).sum()),
            },
        )


def _apart(batch: BatchView) -> torch.Tensor | None:
    """True where two kept words are of different sentences [B, 1, W, W]; None without pairs."""
    if all(example.second is None for example in batch.examples):
        return None
    W = batch.source.shape[1]
    segment = np.full((len(batch.kept), W), -1, dtype=np.int64)
    for row, kept in enumerate(batch.kept):
        segment[row, : len(kept)] = [where for where, _ in kept]
    of_word = torch.from_numpy(segment).to(batch.source.device)
    return (of_word[:, :, None] != of_word[:, None, :])[:, None]
