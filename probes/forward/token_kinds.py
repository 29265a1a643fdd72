"""The four kinds of token, of which every piece has exactly one."""

from __future__ import annotations

import unicodedata

import numpy as np
import torch

from .base import BatchView

KINDS = ("first", "separator", "punctuation", "other")
"""`first` is the first token where it is special ([CLS], <s>), `separator` every other special
token, `punctuation` each piece of a word of punctuation marks alone (Unicode P*)."""


def token_kinds(batch: BatchView) -> torch.Tensor:
    """Which kind each token is [B, S, 4], ones and zeros; padding is of no kind."""
    marks = np.zeros((len(batch.kept), batch.source.shape[1] + 1), dtype=np.bool_)
    for row, (example, kept) in enumerate(zip(batch.examples, batch.kept, strict=True)):
        sentences = (example.first, example.second)
        for number, (segment, index) in enumerate(kept):
            sentence = sentences[segment]
            assert sentence is not None
            marks[row, number] = is_punctuation(sentence.words[index])
    # the last column, where -1 points, is the place of pieces without a word
    punctuation = (
        torch.from_numpy(marks).to(batch.word.device).gather(1, batch.word % marks.shape[1])
    )
    first = batch.special.clone()
    first[:, 1:] = False
    other = batch.real & ~batch.special & ~punctuation
    kinds = torch.stack([first, batch.special & ~first, punctuation, other], dim=-1)
    return kinds.to(batch.source.dtype)


def is_punctuation(word: str) -> bool:
    """Whether a word consists of punctuation marks."""
    return all(unicodedata.category(letter).startswith("P") for letter in word)
