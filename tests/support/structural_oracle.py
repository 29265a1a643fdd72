"""Loss and measures of structural probes written out word by word, as the paper has them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr
from subprobe.data.sentences.sentence import ROOT, Sentence
from subprobe.probes.structural.gold_trees import (
    GoldTree,
    Punctuation,
    path_lengths,
    words_that_stay,
)

Floats = npt.NDArray[np.float64]
Pair = tuple[int, int]


def tree_of(sentence: Sentence, punctuation: Punctuation = "none", start: int = 0) -> GoldTree:
    """The tree of a sentence all of whose words have states, from row `start` on."""
    distances, depths = path_lengths(sentence.heads)
    return GoldTree(
        rows=start + np.arange(len(sentence.words)),
        distances=distances,
        depths=depths,
        root=sentence.heads.index(ROOT),
        stays=words_that_stay(sentence, punctuation),
    )


def way_up(heads: Sequence[int], word: int) -> list[int]:
    """A word, its head, and so on to the root."""
    path = [word]
    while heads[path[-1]] != ROOT:
        path.append(heads[path[-1]])
    return path


def plain_distance(heads: Sequence[int], one: int, other: int) -> int:
    """Edges to the first common word of both ways up."""
    first, second = way_up(heads, one), way_up(heads, other)
    meet = next(word for word in first if word in second)
    return first.index(meet) + second.index(meet)


def plain_tree(distances: Floats, stays: Sequence[bool]) -> list[Pair]:
    """Kruskal's edges: pairs by distance, equal ones in the order of their words."""
    part = list(range(len(distances)))
    edges = []
    pairs = [(i, j) for i in range(len(part)) for j in range(len(part)) if stays[i] and stays[j]]
    for i, j in sorted(pairs, key=lambda pair: distances[pair]):
        if part[i] != part[j]:
            edges.append((min(i, j), max(i, j)))
            part = [part[j] if one == part[i] else one for one in part]
    return edges


def plain_uuas(trees: Sequence[GoldTree], predicted: Sequence[Floats]) -> float:
    """Gold edges found, of all gold edges."""
    found = total = 0
    for tree, distances in zip(trees, predicted, strict=True):
        assert tree.stays is not None
        gold = plain_tree(tree.distances.astype(float), list(tree.stays))
        found += len(set(gold) & set(plain_tree(distances, list(tree.stays))))
        total += len(gold)
    return found / total


def _over_lengths(correlations: dict[int, list[float]]) -> float:
    return float(np.mean([np.mean(own) for n, own in correlations.items() if 5 <= n <= 50]))


def plain_dspr(trees: Sequence[GoldTree], predicted: Sequence[Floats]) -> float:
    """Rank correlation of each word's distances, mean by length, mean over lengths."""
    correlations: dict[int, list[float]] = {}
    for tree, distances in zip(trees, predicted, strict=True):
        if len(tree) >= 5:
            own = [
                float(spearmanr(*pair)[0]) for pair in zip(tree.distances, distances, strict=True)
            ]
            correlations.setdefault(len(tree), []).extend(own)
    return _over_lengths(correlations)


def plain_nspr(trees: Sequence[GoldTree], predicted: Sequence[Floats]) -> float:
    """Rank correlation of each sentence's depths, mean by length, mean over lengths."""
    correlations: dict[int, list[float]] = {}
    for tree, depths in zip(trees, predicted, strict=True):
        if len(tree) >= 5:
            correlations.setdefault(len(tree), []).append(float(spearmanr(tree.depths, depths)[0]))
    return _over_lengths(correlations)


def plain_root_accuracy(trees: Sequence[GoldTree], predicted: Sequence[Floats]) -> float:
    """Sentences whose shallowest word that is no punctuation is the root."""
    right = 0
    for tree, depths in zip(trees, predicted, strict=True):
        assert tree.stays is not None
        words = [word for word in range(len(tree)) if tree.stays[word]] or range(len(tree))
        right += min(words, key=lambda word: depths[word]) == tree.root
    return right / len(trees)


def plain_losses(tree: GoldTree, vectors: Floats, matrix: Floats) -> tuple[float, float]:
    """Loss of one sentence: distances by n^2, depths by n."""
    n = len(tree)
    distance = depth = 0.0
    for i in range(n):
        for j in range(n):
            between = matrix.T @ (vectors[i] - vectors[j])
            distance += abs(between @ between - tree.distances[i, j])
        alone = matrix.T @ vectors[i]
        depth += abs(alone @ alone - tree.depths[i])
    return distance / n**2, depth / n
