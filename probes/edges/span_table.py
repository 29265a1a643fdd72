"""Labelled spans as arrays: which states each covers, and which labels it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...data.sentences.sentence import Sentence
from ...data.spans.labelled import Span, SpansOf
from ..states.word_states import WordStates

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SpanTable:
    """The S spans of some texts whose words all have states, in the order of the texts.

    Attributes:
        text: place of each span's text among the texts of the states [S].
        spans: rows of the states that a span covers, from the first up to, without, the second;
            one span, or both of a pair [S, 1 or 2, 2].
        labels: numbers of the labels, those of all spans in a row [M].
        starts: where the labels of each span begin, and M at the end [S + 1].
        unseen: labels of each span that the probe has not learnt, and so cannot give [S].
        n_lost: spans left out because a word of theirs was cut off.
    """

    text: Ints
    spans: Ints
    labels: Ints
    starts: Ints
    unseen: Ints
    n_lost: int

    def __len__(self) -> int:
        """S."""
        return len(self.text)

    def gold(self, chosen: Ints, num_labels: int) -> npt.NDArray[np.float32]:
        """Whether each of some spans has each of K labels [len(chosen), K], 1 or 0."""
        counts = self.starts[chosen + 1] - self.starts[chosen]
        found = np.zeros((len(chosen), num_labels), dtype=np.float32)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        which = self.labels[np.repeat(self.starts[chosen], counts) + within]
        found[np.repeat(np.arange(len(chosen)), counts), which] = 1
        return found


def label_counts(sentences: Sequence[Sentence], spans: SpansOf) -> dict[str, int]:
    """How often each label is there, by name."""
    found: dict[str, int] = {}
    for sentence in sentences:
        for span in spans(sentence):
            for label in span.labels:
                found[label] = found.get(label, 0) + 1
    return dict(sorted(found.items()))


def span_table(
    states: WordStates,
    spans: SpansOf,
    labels: Sequence[str],
    *,
    pairs: bool,
) -> SpanTable:
    """The spans of the texts of some states.

    Args:
        states: of the words.
        spans: the spans of a sentence.
        labels: what the probe learns, K names.
        pairs: whether each has two spans.
    """
    number = {label: place for place, label in enumerate(labels)}
    texts: list[int] = []
    covered: list[list[Span]] = []
    known: list[int] = []
    ends = [0]
    unseen: list[int] = []
    n_lost = 0
    for text in range(len(states.examples)):
        sentence = states.sentence(text)
        row_of = _row_of(states, text, len(sentence.words))
        for span in spans(sentence):
            both = (span.first, span.second) if pairs and span.second else (span.first,)
            rows = [_rows(row_of, one) for one in both]
            if None in rows:
                n_lost += 1
                continue
            texts.append(text)
            covered.append([one for one in rows if one is not None])
            learnt = [number[label] for label in span.labels if label in number]
            known += learnt
            ends.append(len(known))
            unseen.append(len(span.labels) - len(learnt))
    shape = (len(texts), 2 if pairs else 1, 2)
    return SpanTable(
        text=np.array(texts, dtype=np.int64),
        spans=np.array(covered, dtype=np.int64).reshape(shape),
        labels=np.array(known, dtype=np.int64),
        starts=np.array(ends, dtype=np.int64),
        unseen=np.array(unseen, dtype=np.int64),
        n_lost=n_lost,
    )


def _row_of(states: WordStates, text: int, width: int) -> list[int]:
    """Row of each word of the first sentence of a text, -1 for one that has no state."""
    found = np.full(width, -1)
    places = states.places(text)
    rows = np.arange(*states.rows(text).indices(states.num_words)[:2])
    found[places[places >= 0]] = rows[places >= 0]
    return list(map(int, found))


def _rows(row_of: Sequence[int], span: Span) -> Span | None:
    """The rows of the words of a span; None if a word of it has none."""
    rows = row_of[span[0] : span[1]]
    return None if not rows or -1 in rows else (rows[0], rows[-1] + 1)
