"""Context-free word vectors: the encoder's input embeddings, reduced to few dimensions.

Clark et al. 2019 use GloVe vectors; here each encoder's own embeddings are used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ..forward.texts import Texts

_BLOCK = 4096


def word_vectors(model: Any, texts: Texts) -> list[torch.Tensor]:
    """The mean input embedding of the pieces of each kept word, for each text [W, D], float32."""
    table = model.get_input_embeddings().weight.detach().float().cpu()
    found = []
    for encoded, words in zip(texts.encoded, texts.words, strict=True):
        word = torch.from_numpy(words.word)
        inside = word >= 0
        ids = torch.tensor(list(encoded.input_ids))[inside]
        sums = torch.zeros(len(words.kept), table.shape[1]).index_add_(0, word[inside], table[ids])
        found.append(sums / torch.bincount(word[inside])[:, None])
    return found


def main_directions(
    vectors: Sequence[torch.Tensor], width: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean [D] and the principal axes [D, width] of words, each scaled to variance 1.

    Signs are fixed: the largest entry of each axis is positive.

    Args:
        vectors: of the words of each text [W, D].
        width: how many axes; at most D.
    """
    every = torch.cat(list(vectors)).double()
    mean = every.mean(0)
    covariance = torch.zeros(every.shape[1], every.shape[1], dtype=torch.float64)
    for start in range(0, len(every), _BLOCK):
        block = every[start : start + _BLOCK] - mean
        covariance += block.T @ block
    values, axes = torch.linalg.eigh(covariance / len(every))
    values, axes = values.flip(0)[:width], axes.flip(1)[:, :width]
    axes = axes * axes.gather(0, axes.abs().argmax(0, keepdim=True)).sign()
    return mean.float(), (axes / values.clamp_min(1e-12).sqrt()).float()


def reduced(
    vectors: Sequence[torch.Tensor], mean: torch.Tensor, axes: torch.Tensor
) -> list[torch.Tensor]:
    """Vectors along the axes, for each text [W, width]."""
    return [(one - mean) @ axes for one in vectors]
