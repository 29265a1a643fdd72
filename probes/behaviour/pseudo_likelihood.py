"""Log-probabilities of the pieces of many sentences, each predicted from the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...models.language.masked import MaskedText, Progress, masked_log_probs
from ...models.masks.subnetwork import Subnetwork
from .pieces import Pieces

Variant = Callable[[Pieces, int], MaskedText]
"""How a text is masked for one of its pieces: `Pieces.one_masked` or `Pieces.rest_masked`."""

TOKENS = 1024
"""Pieces per batch: on a processor, short texts are fastest in batches that fit its cache."""

_AT_ONCE = 50_000
"""Number of masked texts that are made at a time."""


def piece_log_probs(
    model: Any,
    tokenizer: Any,
    texts: Sequence[Pieces],
    *,
    variant: Variant = Pieces.one_masked,
    subnetwork: Subnetwork | None = None,
    tokens: int = TOKENS,
    progress: Progress | None = None,
) -> list[npt.NDArray[np.float32]]:
    """The log-probability of each piece of each text [P]; equal texts are scored once.

    Texts are scored from the longest to the shortest, and their masked variants are made in blocks.

    Args:
        model: a model of `load_language_model`.
        tokenizer: its tokenizer.
        texts: N texts.
        variant: what is masked for a piece.
        subnetwork: the mask; None = the whole model.
        tokens: maximum number of pieces per batch.
        progress: called with the number of masked texts that are done, and of all.

    Raises:
        CheckpointError, MaskError, MemoryLimitError: as `masked_log_probs`.
    """
    distinct = {text.ids: text for text in reversed(texts)}
    ordered = sorted(distinct.values(), key=lambda one: (-len(one.ids), one.ids))
    total = sum(len(one.places) for one in ordered)
    found: dict[tuple[int, ...], npt.NDArray[np.float32]] = {}
    before = 0
    for block in _blocks(ordered):
        masked = [variant(one, place) for one in block for place in one.places]
        done = _shifted(progress, before, total)
        scored = iter(
            masked_log_probs(
                model, tokenizer, masked, subnetwork=subnetwork, tokens=tokens, progress=done
            )
        )
        for one in block:
            values = [next(scored) for _ in one.places]
            found[one.ids] = np.concatenate(values) if values else np.zeros(0, dtype=np.float32)
        before += len(masked)
    return [found[text.ids] for text in texts]


def _blocks(texts: Sequence[Pieces]) -> Iterator[list[Pieces]]:
    block: list[Pieces] = []
    count = 0
    for one in texts:
        if block and count + len(one.places) > _AT_ONCE:
            yield block
            block, count = [], 0
        block.append(one)
        count += len(one.places)
    if block:
        yield block


def _shifted(progress: Progress | None, before: int, total: int) -> Progress | None:
    """The progress of one block as that of all."""
    if progress is None:
        return None
    return lambda done, _all: progress(before + done, total)
