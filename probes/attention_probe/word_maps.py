"""Attention of all heads between the words of some texts, in a file that is read text by text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from ...data.output.tables import items_frame, rows_frame
from ...data.sentences.sentence import Example, Sentence
from ..forward.base import BatchView, Context, Probe, ProbeResult
from ..forward.shared_pass import Progress, run_probes
from ..forward.texts import Texts, read_texts
from ..states.word_states import check_whole_words

SPECIALS = 4
"""Columns beside the words: to the first special token, to the others, from the first, from them.
A word whose head is the root has no word to attend to."""


@dataclass(frozen=True)
class WordMaps:
    """Maps of K = L H heads between the words of N texts.

    Attributes:
        texts: the texts that were read.
        numbers: float32 of all texts, one after the other, each [K, W, W + SPECIALS].
        starts: where each text begins, and the end [N + 1].
        heads: K.
    """

    texts: Texts
    numbers: npt.NDArray[np.float32]
    starts: npt.NDArray[np.int64]
    heads: int

    @property
    def examples(self) -> tuple[Example, ...]:
        """The N texts."""
        return self.texts.examples

    def sentence(self, text: int) -> Sentence:
        """The sentence of a text."""
        return self.texts.examples[text].first

    def length(self, text: int) -> int:
        """W, the kept words of a text."""
        return len(self.texts.words[text].kept)

    def maps(self, text: int) -> torch.Tensor:
        """Attention of one text [K, W, W + SPECIALS], a copy; rows are the words that attend."""
        W = self.length(text)
        part = np.array(self.numbers[self.starts[text] : self.starts[text + 1]])
        return torch.from_numpy(part).view(self.heads, W, W + SPECIALS)

    def gold(self, text: int) -> npt.NDArray[np.int64]:
        """The index of each kept word's head among the kept words [W].

        W = the root; -1 = a word whose head is cut off, or that is not of the first sentence.
        """
        kept = self.texts.words[text].kept
        row_of = {place: row for row, (segment, place) in enumerate(kept) if segment == 0}
        heads = self.sentence(text).heads
        found = np.full(len(kept), -1, dtype=np.int64)
        for place, row in row_of.items():
            found[row] = len(kept) if heads[place] < 0 else row_of.get(heads[place], -1)
        return found


def gather_maps(
    context: Context,
    examples: Sequence[Example],
    path: Path,
    *,
    batch_size: int = 32,
    progress: Progress | None = None,
) -> WordMaps:
    """One pass that writes the maps of all heads between words into a file.

    Args:
        context: the model with its mask.
        examples: the texts.
        path: the file.
        batch_size: texts per forward pass.
        progress: called with (texts done, N).

    Raises:
        InputError: if no text has a whole word.
        OSError: if the disk is full.
    """
    texts = read_texts(context, examples)
    check_whole_words(texts, context.max_length)
    heads = context.anatomy.num_layers * context.anatomy.num_heads
    lengths = np.array([len(words.kept) for words in texts.words], dtype=np.int64)
    starts = np.cumsum([0, *(heads * lengths * (lengths + SPECIALS))])
    writing = _Writing(context, path, starts)
    try:
        run_probes(context, texts.examples, [writing], batch_size=batch_size, progress=progress)
    finally:
        writing.close()
    numbers = np.memmap(path, dtype=np.float32, mode="r", shape=(int(starts[-1]),))
    return WordMaps(texts, numbers, starts, heads)


class _Writing(Probe):
    """Writes the maps of each layer to their places."""

    name = "word-maps"
    needs_attention = True

    def __init__(self, context: Context, path: Path, starts: npt.NDArray[np.int64]):
        self._stream = path.open("wb")
        self._starts, self._heads = starts, context.anatomy.num_heads

    def begin(self, batch: BatchView) -> None:
        """Note where the special tokens are: the first of each text, and the others."""
        special = batch.special & batch.real
        first = special & (special.cumsum(1) == 1)
        self._batch, self._specials = batch, torch.stack([first, special & ~first], dim=2)

    def layer(self, layer: int, attention: torch.Tensor) -> None:
        """Write the maps of one layer."""
        batch = self._batch
        specials = self._specials.to(attention.dtype)
        words = batch.word_attention(attention)
        to = batch.source[:, None] @ (attention @ specials[:, None])
        # what special tokens attend to: the mean over them, where there are several
        count = specials.sum(1).clamp_min(1)[:, None, :, None]
        back = ((specials.mT[:, None] @ attention) / count) @ batch.target[:, None]
        wide = torch.cat([to, back.mT], dim=3).float().cpu()
        maps = words.float().cpu()
        for row, (place, kept) in enumerate(zip(batch.position, batch.kept, strict=True)):
            W = len(kept)
            block = torch.cat([maps[row, :, :W, :W], wide[row, :, :W]], dim=2).contiguous()
            at = int(self._starts[place]) + layer * self._heads * W * (W + SPECIALS)
            self._stream.seek(4 * at)
            self._stream.write(block.numpy().tobytes())

    def end(self) -> None:
        """Drop the batch."""
        del self._batch, self._specials

    def close(self) -> None:
        """End the batch: everything is in the file."""
        self._stream.close()

    def result(self) -> ProbeResult:
        """An empty result: the maps are in the file."""
        return ProbeResult(self.name, rows_frame([]), lambda: items_frame([]))
