"""Sentences with their trees in batches of like length, in random order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
    """B sentences with R words in all, of which the longest has W.

    Vectors are those of words alone; between words, sentences are padded to W.

    Attributes:
        read: the states of the words under the number of a state [R, D].
        lengths: words of each sentence.
        words: for each place of a padded sentence, which of the R words is there; at padding any
            [B W].
        places: for each of the R words, its place among the padded ones [R].
        distances: gold path lengths [B, W, W].
        depths: gold depths [R].
        pair_weights: 1 / (B n^2) for two words of a sentence of n words, 0 at padding [B, W, W].
        word_weights: 1 / (B n) for a word of a sentence of n words [R].
    """

    read: Callable[[int], torch.Tensor]
    lengths: tuple[int, ...]
    words: torch.Tensor
    places: torch.Tensor
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
    device: torch.device | None = None,
) -> Iterator[TreeBatch]:
    """All sentences with a word once, in batches of like length, so that little is padding.

    Args:
        states: states of the words.
        trees: of the sentences.
        sentences: B.
        seed: of the order of sentences and batches; None = all by length.
        by_length: False takes sentences as they come, or in random order.
        device: where batches go.
    """
    trees = [tree for tree in trees if len(tree)]
    for chosen in batch_orders([len(tree) for tree in trees], sentences, seed, by_length):
        yield tree_batch(states, [trees[one] for one in chosen], device)


def batch_orders(
    lengths: Sequence[int], size: int, seed: Sequence[int] | None, by_length: bool
) -> list[npt.NDArray[np.int64]]:
    """The sentences of each batch, as `tree_batches` takes them.

    Args:
        lengths: words of each sentence.
        size: B.
        seed: as there.
        by_length: as there.
    """
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
    states: WordStates, trees: Sequence[GoldTree], device: torch.device | None = None
) -> TreeBatch:
    """Some sentences side by side; their states are read when they are asked for."""
    lengths = np.array([len(tree) for tree in trees])
    B, W = len(trees), int(lengths.max())
    distances = np.zeros((B, W, W), dtype=np.float32)
    for place, (n, tree) in enumerate(zip(lengths, trees, strict=True)):
        distances[place, :n, :n] = tree.distances
    real = np.arange(W) < lengths[:, None]
    words = np.zeros((B, W), dtype=np.int64)
    words[real] = np.arange(lengths.sum())
    share = (real / (B * lengths)[:, None]).astype(np.float32)
    pairs = share[:, :, None] * share[:, None, :] * B
    depths = np.concatenate([tree.depths for tree in trees]).astype(np.float32)
    rows = torch.from_numpy(np.concatenate([tree.rows for tree in trees]))
    labels = words.ravel(), np.flatnonzero(real), distances, depths, pairs, share[real]
    return TreeBatch(
        lambda layer: states.stacked(rows, [layer])[0].to(device),
        tuple(lengths.tolist()),
        *(torch.from_numpy(one).to(device) for one in labels),
    )
