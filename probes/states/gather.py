"""Write the states of all words from all layers in one pass over the texts."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import torch

from ...data.output.tables import items_frame, rows_frame
from ..forward.base import BatchView, Context, Probe, ProbeResult
from ..forward.shared_pass import Progress, run_probes
from ..forward.texts import Texts
from .state_file import StateWriter, writing_states
from .word_states import word_offsets

Pooling = Literal["mean", "first", "last"]
"""A word's state: the mean over its pieces (Hewitt & Manning 2019), or its first or last one's."""


def gather_states(
    context: Context,
    texts: Texts,
    path: Path,
    key: str,
    *,
    pooling: Pooling = "mean",
    batch_size: int = 32,
    progress: Progress | None = None,
) -> None:
    """Write states 0..L of every kept word to a file, whole or not at all.

    Args:
        context: the model with its mask.
        texts: what is read.
        path: the file.
        key: what names model, mask and texts.
        pooling: how a word gets a vector from its pieces.
        batch_size: texts per forward pass.
        progress: called with (texts done, N).

    Raises:
        OSError: if the file cannot be written.
    """
    num_states = context.anatomy.num_layers + 1
    offsets = word_offsets(texts)
    width = int(context.model.config.hidden_size)
    with writing_states(path, key, num_states, width, int(offsets[-1])) as writer:
        states = _Writing(writer, offsets, pooling)
        run_probes(context, texts.examples, [states], batch_size=batch_size, progress=progress)


class _Writing(Probe):
    """Writes the states of each batch."""

    name = "hidden-states"
    needs_hidden = True

    def __init__(self, writer: StateWriter, offsets: np.ndarray, pooling: Pooling):
        self._writer, self._offsets, self._pooling = writer, offsets, pooling

    def begin(self, batch: BatchView) -> None:
        """Note where the words of each text are."""
        self._batch = batch
        if self._pooling == "mean":
            self._pool = batch.source
            return
        target = batch.target
        counted = target.cumsum(1) if self._pooling == "first" else target.flip(1).cumsum(1).flip(1)
        self._pool = (counted.eq(1) & target.bool()).to(target.dtype).mT

    def hidden(self, layer: int, states: torch.Tensor) -> None:
        """Write the words' states."""
        # a mean in half precision would lose digits that the states have
        wide = torch.promote_types(states.dtype, torch.float32)
        words = self._pool.to(wide) @ states.to(wide)
        for row, (place, kept) in enumerate(
            zip(self._batch.position, self._batch.kept, strict=True)
        ):
            self._writer.write(layer, int(self._offsets[place]), words[row, : len(kept)])

    def end(self) -> None:
        """Drop the batch."""
        del self._batch, self._pool

    def result(self) -> ProbeResult:
        """An empty result: the states are in the file."""
        return ProbeResult(self.name, rows_frame([]), lambda: items_frame([]))
