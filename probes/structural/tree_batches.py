"""Sentences with their trees in batches of like length, in random order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ..states.word_states import WordStates
from .gold_trees import GoldTree

POOL = 10
"""Batches whose sentences are drawn together and sorted by length. With the whole corpus as one
pool, lengths never mix, the dev loss is rougher, and training stops at a worse one."""


@dataclass(frozen=True)
class TreeBatch:
    """B sentences, padded to W words.

    Attributes:
        vectors: states of their words, 0..L [U, B, W, D].
        distances: gold path lengths [B, W, W].
        depths: gold depths [B, W].
        pair_weights: 1 / (B n^2) for two words of a sentence of n words, 0 at padding [B, W, W].
        word_weights: 1 / (B n) for a word of a sentence of n words, 0 at padding [B, W].
    """

    vectors: torch.Tensor
    distances: torch.Tensor
    depths: torch.Tensor
    pair_weights: torch.Tensor
    word_weights: torch.Tensor


def tree_batches(
    states: WordStates,
    trees: Sequence[GoldTree],
    *,
    sentences: int,
    seed: Sequence[int] | None = None,
    by_length: bool = True,
    layers: Sequence[int] | None = None,
    device: torch.device | None = None,
) -> Iterator[TreeBatch]:
    """All sentences with a word once, in batches of like length, so that little is padding.

    Args:
        states: states of the words.
        trees: of the sentences.
        sentences: B.
        seed: of the order of sentences and batches; None = all by length.
        by_length: False takes sentences as they come, or in random order.
        layers: the states that are read; None = 0..L.
        device: where batches go.
    """
    layers = range(states.num_states) if layers is None else layers
    trees = [tree for tree in trees if len(tree)]
    for chosen in _orders([len(tree) for tree in trees], sentences, seed, by_length):
        yield tree_batch(states, [trees[one] for one in chosen], layers, device)


def _orders(
    lengths: Sequence[int], size: int, seed: Sequence[int] | None, by_length: bool
) -> list[npt.NDArray[np.int64]]:
    """The sentences of each batch."""
    count = len(lengths)
    if not count:
        return []
    rng = None if seed is None else np.random.default_rng(list(seed))
    order = np.arange(count) if rng is None else rng.permutation(count)
    if by_length:
        pool = count if rng is None else POOL * size
        pools = [order[start : start + pool] for start in range(0, count, pool)]
        long = np.array(lengths)
        order = np.concatenate([one[np.argsort(long[one], kind="stable")] for one in pools])
    batches = [order[start : start + size] for start in range(0, count, size)]
    if rng is not None:
        batches = [batches[place] for place in rng.permutation(len(batches))]
    return batches


def tree_batch(
    states: WordStates,
    trees: Sequence[GoldTree],
    layers: Sequence[int],
    device: torch.device | None = None,
) -> TreeBatch:
    """Some sentences side by side."""
    lengths = np.array([len(tree) for tree in trees])
    B, W = len(trees), int(lengths.max())
    real = np.arange(W) < lengths[:, None]
    rows = np.zeros((B, W), dtype=np.int64)
    distances = np.zeros((B, W, W), dtype=np.float32)
    depths = np.zeros((B, W), dtype=np.float32)
    for place, tree in enumerate(trees):
        n = len(tree)
        rows[place, :n] = tree.rows
        distances[place, :n, :n] = tree.distances
        depths[place, :n] = tree.depths
    share = (real / (B * lengths)[:, None]).astype(np.float32)
    pairs = share[:, :, None] * share[:, None, :] * B
    vectors = states.stacked(torch.from_numpy(rows.ravel()), layers)
    return TreeBatch(
        vectors.view(len(layers), B, W, -1).to(device),
        *(torch.from_numpy(one).to(device) for one in (distances, depths, pairs, share)),
    )
