"""Batches of texts of similar length: maps, word vectors and the head of each word."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from .word_maps import SPECIALS, WordMaps


@dataclass(frozen=True)
class MapBatch:
    """B texts of at most W words.

    Attributes:
        maps: attention from each word to each word [B, K, W, W]; zero beyond a text's words.
        root: attention to and from special tokens [B, K, W, SPECIALS].
        vectors: a vector for each word [B, W, D].
        words: True where there is a word [B, W].
        gold: column of each word's head among W words and the root (= W) [B, W]; -1 = none.
        texts: which texts they are [B].
    """

    maps: torch.Tensor
    root: torch.Tensor
    vectors: torch.Tensor
    words: torch.Tensor
    gold: torch.Tensor
    texts: tuple[int, ...]


def map_batches(
    maps: WordMaps,
    vectors: list[torch.Tensor],
    alive: torch.Tensor,
    *,
    texts: int = 16,
    seed: int | None = None,
) -> Iterator[MapBatch]:
    """Batches of texts of like length in which some word has a head, in an order of their own.

    Args:
        maps: of N texts.
        vectors: of the words of each text [W, D].
        alive: which of the K heads live; the maps of the others are zero.
        texts: texts per batch.
        seed: of the order of batches; None = the shortest first.
    """
    order = sorted(range(len(maps.examples)), key=lambda text: (maps.length(text), text))
    groups = [order[start : start + texts] for start in range(0, len(order), texts)]
    if seed is not None:
        groups = [groups[i] for i in np.random.default_rng(seed).permutation(len(groups))]
    for group in groups:
        batch = _batch(maps, vectors, alive, group)
        if (batch.gold >= 0).any():
            yield batch


def _batch(
    maps: WordMaps, vectors: list[torch.Tensor], alive: torch.Tensor, group: list[int]
) -> MapBatch:
    B, K, W = len(group), maps.heads, max(maps.length(text) for text in group)
    between, root = torch.zeros(B, K, W, W), torch.zeros(B, K, W, SPECIALS)
    words, gold = torch.zeros(B, W, dtype=torch.bool), torch.full((B, W), -1)
    held = torch.zeros(B, W, vectors[0].shape[1])
    for row, text in enumerate(group):
        n, found = maps.length(text), torch.from_numpy(maps.gold(text))
        whole = maps.maps(text) * alive[:, None, None]
        between[row, :, :n, :n], root[row, :, :n] = whole[..., :n], whole[..., n:]
        words[row, :n], held[row, :n] = True, vectors[text]
        gold[row, :n] = torch.where(found == n, W, found)
    return MapBatch(between, root, held, words, gold, tuple(group))
