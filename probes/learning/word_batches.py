"""Words with their classes, in batches of whole texts, for classifiers of several states."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from ..states.word_states import WordStates
from .readouts import Pairs, Read, Readouts


@dataclass(frozen=True)
class WordBatch:
    """R words of some texts.

    Attributes:
        vectors: their states, of each layer that is read [U, R, D].
        gold: their classes [R], or those of each of M tasks [M, R].
        rows: their places among the words of all texts [R]; empty where they are not needed.
    """

    vectors: torch.Tensor
    gold: torch.Tensor
    rows: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))


@dataclass(frozen=True)
class PairBatch:
    """R pairs of words of some texts.

    Attributes:
        vectors: their states, of each layer that is read.
        gold: their classes [R].
    """

    vectors: Pairs
    gold: torch.Tensor


Batch = WordBatch | PairBatch


class WordReadouts:
    """P word classifiers, each of one state, as `fit` trains them.

    Args:
        readouts: the P classifiers.
        reads: the place of each classifier's state among those of a batch [P].
        answers: the task of each classifier [P], where batches have the classes of several.
    """

    def __init__(self, readouts: Readouts, reads: Sequence[int], answers: Sequence[int] = ()):
        self.readouts = readouts
        self._reads = torch.tensor(list(reads))
        self._answers = torch.tensor(list(answers), dtype=torch.long)

    def parameters(self) -> list[list[torch.Tensor]]:
        """The tensors of each classifier."""
        return self.readouts.parameters()

    def losses(self, active: Sequence[int], batch: Batch) -> torch.Tensor:
        """Mean cross-entropy in nats of each active classifier."""
        return self.readouts.losses(active, self._read(active, batch), self.gold(active, batch))

    def logits(self, active: Sequence[int], batch: Batch) -> torch.Tensor:
        """Scores [P', R, K]."""
        return self.readouts.logits(active, self._read(active, batch))

    def gold(self, active: Sequence[int], batch: Batch) -> torch.Tensor:
        """The gold classes for the active classifiers [R], or [P', R] for several tasks."""
        return batch.gold if batch.gold.ndim == 1 else batch.gold[self._answers[list(active)]]

    def size(self, batch: Batch) -> int:
        """R."""
        return batch.gold.shape[-1]

    def _read(self, active: Sequence[int], batch: Batch) -> Read:
        places = self._reads[list(active)]
        if torch.equal(places, torch.arange(len(batch.vectors))):
            return batch.vectors  # each state once, in order: no copy
        return batch.vectors[places]


def word_batches(
    states: WordStates,
    gold: npt.NDArray[np.int64],
    layers: Sequence[int],
    *,
    among: npt.NDArray[np.int64] | None = None,
    texts: int = 32,
    seed: int | Sequence[int] | None = None,
    device: torch.device | None = None,
) -> Iterator[WordBatch]:
    """The words that have a class, in batches of whole texts.

    Args:
        states: states of T words.
        gold: class of each word [T], or for each of M tasks [M, T]; -1 = none, a word without a
            class for some task is left out.
        layers: the U states that are read.
        among: the texts that are read; None = all.
        texts: texts per batch.
        seed: of the order of texts; None = as they come.
        device: where batches go.
    """
    for group in text_groups(len(states.examples) if among is None else among, texts, seed):
        chosen = [np.arange(*states.rows(int(text)).indices(states.num_words)[:2])
                  for text in group]  # fmt: skip
        rows = np.concatenate(chosen)
        rows = rows[(gold[..., rows] >= 0).reshape(-1, len(rows)).all(0)]
        if len(rows):
            vectors = states.stacked(torch.from_numpy(rows), layers)
            classes = torch.from_numpy(gold[..., rows])
            yield WordBatch(vectors.to(device), classes.to(device), rows)


def text_groups(
    among: int | npt.NDArray[np.int64], texts: int, seed: int | Sequence[int] | None
) -> Iterator[npt.NDArray[np.int64]]:
    """The numbers of all or some texts in groups, in the order of a seed or as given.

    Args:
        among: how many texts there are, or which of them are read.
        texts: texts per group.
        seed: of the order; None = as they come.
    """
    order = np.arange(among) if isinstance(among, int) else among
    if seed is not None:
        order = np.random.default_rng(seed).permutation(order)
    for start in range(0, len(order), texts):
        yield order[start : start + texts]
