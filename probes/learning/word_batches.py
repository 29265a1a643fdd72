"""Words with a class each, in batches of whole texts, for classifiers of several states at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ..states.word_states import WordStates
from .readouts import Readouts


@dataclass(frozen=True)
class WordBatch:
    """R words of some texts.

    Attributes:
        vectors: their states, of each layer that is read [U, R, D].
        gold: their classes [R], or those of each of several tasks.
    """

    vectors: torch.Tensor
    gold: torch.Tensor


class WordReadouts:
    """P classifiers of words, each of one state: what `fit` trains.

    Args:
        readouts: the P classifiers.
        reads: the place of each classifier's state among those of a batch [P].
    """

    def __init__(self, readouts: Readouts, reads: Sequence[int]):
        self.readouts = readouts
        self._reads = torch.tensor(list(reads))

    def parameters(self) -> list[list[torch.Tensor]]:
        """The tensors of each classifier."""
        return self.readouts.parameters()

    def losses(self, active: Sequence[int], batch: WordBatch) -> torch.Tensor:
        """Mean cross-entropy in nats of each active classifier."""
        return self.readouts.losses(active, self._read(active, batch), batch.gold)

    def logits(self, active: Sequence[int], batch: WordBatch) -> torch.Tensor:
        """Scores [P', R, K]."""
        return self.readouts.logits(active, self._read(active, batch))

    def size(self, batch: WordBatch) -> int:
        """R."""
        return batch.vectors.shape[1]

    def _read(self, active: Sequence[int], batch: WordBatch) -> torch.Tensor:
        reads = self._reads[list(active)]
        if torch.equal(reads, torch.arange(len(batch.vectors))):
            return batch.vectors  # one probe a state: nothing to copy
        return batch.vectors[reads]


def word_batches(
    states: WordStates,
    gold: npt.NDArray[np.int64],
    layers: Sequence[int],
    *,
    texts: int = 32,
    seed: int | None = None,
    device: torch.device | None = None,
) -> Iterator[WordBatch]:
    """The words that have a class, in batches of whole texts.

    Args:
        states: states of T words.
        gold: class of each word [T]; -1 = none, such a word is left out.
        layers: the U states that are read.
        texts: texts a batch.
        seed: of the order of texts; None = as they come.
        device: where batches go.
    """
    count = len(states.examples)
    order = np.arange(count) if seed is None else np.random.default_rng(seed).permutation(count)
    for start in range(0, count, texts):
        chosen = [np.arange(*states.rows(int(text)).indices(states.num_words)[:2])
                  for text in order[start : start + texts]]  # fmt: skip
        rows = np.concatenate(chosen)
        rows = rows[gold[rows] >= 0]
        if len(rows):
            vectors = states.stacked(torch.from_numpy(rows), layers)
            yield WordBatch(vectors.to(device), torch.from_numpy(gold[rows]).to(device))
