"""Batches of chosen texts, sorted by length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..forward.base import BatchView, Context
from ..forward.batch import batch_view
from ..forward.texts import Texts


def batches_of(
    context: Context, texts: Texts, places: Sequence[int], size: int
) -> Iterator[BatchView]:
    """The named texts, longest first."""
    order = sorted(places, key=lambda place: -len(texts.encoded[place].input_ids))
    for start in range(0, len(order), size):
        chosen = np.array(order[start : start + size])
        yield batch_view(context, texts.examples, texts.encoded, texts.words, chosen)
