"""Spans of whole texts, in batches that several probes read together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..states.word_states import WordStates
from .span_table import Ints, SpanTable


@dataclass(frozen=True)
class Cover:
    """The words that S spans cover, span after span.

    Attributes:
        word: place of each covered word among those of the batch [C].
        span: number of the span that covers it [C].
        single: whether each span is one word, so that C = S.
    """

    word: torch.Tensor
    span: torch.Tensor
    single: bool


@dataclass(frozen=True)
class SpanBatch:
    """S spans of some texts.

    Attributes:
        vectors: states of the words that a span covers, of each layer [U, R, D].
        covers: of the spans; of the first and of the second spans of pairs.
        gold: whether each span has each label [S, K].
        chosen: the numbers of the spans in their table [S].
        dropout: seed of what is dropped; None outside training.
    """

    vectors: torch.Tensor
    covers: tuple[Cover, ...]
    gold: torch.Tensor
    chosen: Ints
    dropout: int | None


def span_batches(
    states: WordStates,
    table: SpanTable,
    num_labels: int,
    *,
    texts: int = 32,
    order: Sequence[int] | None = None,
    device: torch.device | None = None,
) -> Iterator[SpanBatch]:
    """The spans of a table, in batches of whole texts.

    Args:
        states: of the words.
        table: its spans.
        num_labels: K.
        texts: texts per batch; those without a span are passed over.
        order: seed of the order of texts, a few numbers; None = as they come, nothing dropped.
        device: where batches go.
    """
    layers = range(states.num_states)
    with_spans = np.unique(table.text)
    first = np.searchsorted(table.text, with_spans)
    last = np.searchsorted(table.text, with_spans, side="right")
    draw = None if order is None else np.random.default_rng(list(order))
    places = np.arange(len(with_spans)) if draw is None else draw.permutation(len(with_spans))
    for start in range(0, len(places), texts):
        some = places[start : start + texts]
        chosen = np.concatenate([np.arange(first[one], last[one]) for one in some])
        rows, covers = _covers(table.spans[chosen])
        yield SpanBatch(
            vectors=states.stacked(torch.from_numpy(rows), layers).to(device),
            covers=tuple(
                Cover(
                    torch.from_numpy(word).to(device), torch.from_numpy(span).to(device),
                    len(word) == len(chosen),
                )
                for word, span in covers
            ),
            gold=torch.from_numpy(table.gold(chosen, num_labels)).to(device),
            chosen=chosen,
            dropout=None if draw is None else int(draw.integers(2**31)),
        )  # fmt: skip


def _covers(spans: Ints) -> tuple[Ints, list[tuple[Ints, Ints]]]:
    """The rows that spans cover, each once and in order, and which words each span covers."""
    covered = [_covered(spans[:, side]) for side in range(spans.shape[1])]
    rows, place = np.unique(np.concatenate([row for row, _ in covered]), return_inverse=True)
    split = np.split(place, np.cumsum([len(row) for row, _ in covered])[:-1])
    return rows, [(word, span) for word, (_, span) in zip(split, covered, strict=True)]


def _covered(spans: Ints) -> tuple[Ints, Ints]:
    """The rows of spans [S, 2] one span after the other, and the span of each."""
    widths = spans[:, 1] - spans[:, 0]
    before = np.repeat(np.cumsum(widths) - widths, widths)
    row = np.repeat(spans[:, 0], widths) + np.arange(widths.sum()) - before
    return row, np.repeat(np.arange(len(spans)), widths)
