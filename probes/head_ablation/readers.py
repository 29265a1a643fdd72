"""Readers of a hidden state: word classifiers and structural probes, trained on the full model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from ..learning.word_classes import WordClasses, labels_of
from ..states.word_states import WordStates
from ..structural.gold_trees import GoldTree, Punctuation, gold_trees
from ..structural.measures import edges_found
from ..structural.scores import predict
from ..structural.spanning_trees import spanning_trees

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Reader(Protocol):
    """Scores a hidden state, text by text.

    Attributes:
        task: what is read.
        metric: what is counted.
        sizes: words, or edges, of each of N texts [N].
        baseline: the majority baseline; NaN if there is none.
    """

    task: str
    metric: str
    sizes: Floats
    baseline: float

    def right(self, texts: Ints, words: torch.Tensor) -> Floats:
        """Words, or edges, that are right, the mean over seeds [B].

        Args:
            texts: which texts [B].
            words: the state of their words, padded [B, W, D].
        """


@dataclass
class LabelReader:
    """Linear classifiers of words.

    Attributes:
        task: the property.
        weight: of S seeds [S, D, K].
        bias: of S seeds [S, K].
        gold: class of each word of each text; -1 = one that training lacks, -2 = no label.
    """

    task: str
    weight: torch.Tensor
    bias: torch.Tensor
    gold: Sequence[Ints]
    baseline: float
    metric: str = "accuracy"

    def __post_init__(self) -> None:
        self.sizes = np.array([(one > -2).sum() for one in self.gold], dtype=np.float64)

    @classmethod
    def of(
        cls, task: str, weight: torch.Tensor, bias: torch.Tensor, classes: WordClasses,
        test: WordStates, where: str,
    ) -> LabelReader:  # fmt: skip
        """The reader of a test part.

        Raises:
            InputError: if no word of it has a label that is known.
        """
        labels = labels_of(test, task)
        known = classes.known_numbers(labels, task, "test", where=where)
        known[[not label for label in labels]] = -2
        gold = [known[test.rows(text)] for text in range(len(test.examples))]
        majority = float((known[known > -2] == int(np.argmax(classes.counts))).mean())
        return cls(task, weight, bias, gold, majority)

    def right(self, texts: Ints, words: torch.Tensor) -> Floats:
        """Words whose class is found, the mean over seeds [B]."""
        logits = words @ self.weight[:, None] + self.bias[:, None, None]  # [S, B, W, K]
        said = logits.argmax(-1).cpu().numpy()
        found = [
            (said[:, row, : len(self.gold[text])] == self.gold[text]).sum(1).mean()
            for row, text in enumerate(texts.tolist())
        ]
        return np.array(found)


class TreeReader:
    """Maps under which squared distances are numbers of edges (Hewitt & Manning 2019).

    Args:
        matrices: of S seeds [S, D, k].
        test: the texts.
        punctuation: how words that are left out of trees are known.
    """

    task, metric, baseline = "tree", "uuas", float("nan")

    def __init__(self, matrices: torch.Tensor, test: WordStates, punctuation: Punctuation):
        self._matrices = matrices
        self._trees = gold_trees(test, punctuation)
        self._first = test.offsets
        self._edges = [_edges(tree) for tree in self._trees]
        self.sizes = np.array([edges.sum() for edges in self._edges], dtype=np.float64)

    def right(self, texts: Ints, words: torch.Tensor) -> Floats:
        """Gold edges of the spanning tree, without punctuation, the mean over seeds [B]."""
        found = np.zeros(len(texts))
        lengths = np.array([len(self._trees[text]) for text in texts])
        for length in np.unique(lengths[self.sizes[texts] > 0]):
            rows = np.flatnonzero((lengths == length) & (self.sizes[texts] > 0))
            chosen = [int(texts[row]) for row in rows]
            places = np.stack([self._trees[one].rows - self._first[one] for one in chosen])
            vectors = words[torch.from_numpy(rows)[:, None], torch.from_numpy(places)]
            predicted = torch.stack([predict("distance", vectors @ one) for one in self._matrices])
            stays = np.stack([np.asarray(self._trees[one].stays) for one in chosen])
            edges = np.stack([self._edges[one] for one in chosen])
            found[rows] = edges_found(predicted.cpu().numpy(), edges, stays).mean(0)
        return found


def _edges(tree: GoldTree) -> npt.NDArray[np.bool_]:
    """The edges between words that stay [W, W]; none where nothing says which do."""
    if tree.stays is None or len(tree) < 2:
        return np.zeros((len(tree), len(tree)), dtype=np.bool_)
    found = spanning_trees(tree.distances[None].astype(np.float64), tree.stays[None])
    return np.asarray(found[0])
