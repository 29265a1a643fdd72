"""Turn encoded examples into the padded tensors of one batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ...data.encoding.alignment import Encoded
from ...data.sentences.sentence import Example
from .base import BatchView, Context


@dataclass(frozen=True)
class KeptWords:
    """The words of one example that truncation left whole.

    Attributes:
        word: number of each piece's word [S], counted over both sentences; -1 where there is none.
        kept: (segment, index in the sentence) of each of the W words.
    """

    word: npt.NDArray[np.int64]
    kept: tuple[tuple[int, int], ...]


def keep_words(encoded: Encoded) -> KeptWords:
    """Number the words that have pieces: those of the second sentence follow the first's."""
    word = np.array(encoded.word_of_piece, dtype=np.int64)
    segment = np.array(encoded.segment_of_piece, dtype=np.int64)
    inside = np.flatnonzero(word >= 0)
    number = np.full(len(word), -1, dtype=np.int64)
    if not len(inside):
        return KeptWords(number, ())
    pairs = np.stack([segment[inside], word[inside]], axis=1)
    starts = np.ones(len(inside), dtype=np.bool_)
    starts[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    number[inside] = np.cumsum(starts) - 1
    return KeptWords(number, tuple((int(s), int(w)) for s, w in pairs[starts]))


def batch_view(
    context: Context,
    examples: Sequence[Example],
    encoded: Sequence[Encoded],
    words: Sequence[KeptWords],
    chosen: npt.NDArray[np.int64],
    *,
    padded_to: int = 0,
) -> BatchView:
    """Pad the chosen examples on the right and build their word pooling.

    Args:
        context: tells the padding token, the device and the precision.
        examples: the corpus.
        encoded: its subwords.
        words: its kept words.
        chosen: places in the corpus [B].
        padded_to: subwords that the texts are padded to at least.
    """
    lengths = np.array([len(encoded[i].input_ids) for i in chosen])
    S = max(int(lengths.max()), padded_to)
    real = np.arange(S)[None, :] < lengths[:, None]

    def padded(rows: Sequence[Sequence[int] | npt.NDArray[np.int64]], fill: int) -> torch.Tensor:
        table = np.full((len(chosen), S), fill, dtype=np.int64)
        table[real] = np.concatenate([np.asarray(row, dtype=np.int64) for row in rows])
        return torch.from_numpy(table).to(device)

    device = context.model.device
    rows = [encoded[i] for i in chosen]
    # a tokenizer that cannot pad is only let through where nothing is padded
    pad = context.tokenizer.pad_token_id or 0
    inputs = {
        "input_ids": padded([row.input_ids for row in rows], pad),
        "attention_mask": torch.from_numpy(real.astype(np.int64)).to(device),
    }
    types = [row.token_type_ids for row in rows if row.token_type_ids is not None]
    if types:
        inputs["token_type_ids"] = padded(types, 0)
    word = padded([words[i].word for i in chosen], -1)
    # one column at least: texts that are cut inside their first word still have a batch
    n_words = max(1, *(len(words[i].kept) for i in chosen))
    source, target = _pooling(word, n_words, context.model.dtype)
    return BatchView(
        position=chosen,
        examples=tuple(examples[i] for i in chosen),
        inputs=inputs,
        real=torch.from_numpy(real).to(device),
        special=padded([row.special for row in rows], 0).bool(),
        word=word,
        kept=tuple(words[i].kept for i in chosen),
        source=source,
        target=target,
    )


def _pooling(
    word: torch.Tensor, n_words: int, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean over source pieces [B, W, S] and sum over target pieces [B, S, W]."""
    numbers = torch.arange(n_words, device=word.device)
    target = (word[:, :, None] == numbers).to(dtype)
    pieces = target.sum(dim=1).clamp_min(1)
    return (target / pieces[:, None, :]).transpose(1, 2).contiguous(), target
