"""Read-outs that are newly fitted on the last hidden states of one model, full or under a mask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ...data.encoding.labelled_words import UNSEEN, LabelledWords
from ...data.sentences.sentence import Example
from ...data.sentences.word_labels import word_labels
from ...models.encoder.anatomy import anatomy_of
from ...models.masks.subnetwork import Subnetwork
from ...probes.forward.base import Context
from ...probes.learning.fitting import Schedule, fit
from ...probes.learning.word_batches import WordBatch, word_batches
from ...probes.states.cache import passing_states
from ...probes.states.word_states import WordStates
from .parts import Words

Predictions = list[npt.NDArray[np.int64]]
"""Class of each labelled word of each sentence [N][W]."""

_NO_CLASS = -1


class Probes:
    """P read-outs of the same vectors, linear or MLPs, as `fit` trains them.

    The MLP of Cao, Sanh & Rush (2021): two factors D x r and r x D, LayerNorm, ReLU, then the
    linear read-out that all have.

    Args:
        width: D.
        classes: K.
        ranks: r of each probe; 0 = linear.
        seed: of the initial weights.
        device: their device.
    """

    def __init__(
        self, width: int, classes: int, ranks: Sequence[int], seed: int, device: torch.device
    ):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.probes = [_probe(width, classes, rank).to(device) for rank in ranks]

    def parameters(self) -> list[list[torch.Tensor]]:
        """The tensors of each probe."""
        return [list(probe.parameters()) for probe in self.probes]

    def losses(self, active: Sequence[int], batch: WordBatch) -> torch.Tensor:
        """Mean cross-entropy in nats of each active probe."""
        found = [self.probes[place](batch.vectors[0]) for place in active]
        return torch.stack([nn.functional.cross_entropy(one, batch.gold) for one in found])

    def size(self, batch: WordBatch) -> int:
        """The number of words in a batch."""
        return batch.vectors.shape[1]


def _probe(width: int, classes: int, rank: int) -> nn.Module:
    before = (
        (nn.Linear(width, rank), nn.Linear(rank, width), nn.LayerNorm(width), nn.ReLU())
        if rank
        else ()
    )
    return nn.Sequential(*before, nn.Linear(width, classes))


@dataclass(frozen=True)
class Reader:
    """Fits read-outs on the states of the words of a corpus, whatever the model and mask.

    Attributes:
        tokenizer: the models' tokenizer.
        words: the labelled words.
        schedule: how read-outs are trained.
        max_length: subwords that a sentence keeps.
        seed: of initial weights and the order of sentences.
    """

    tokenizer: Any
    words: Words
    schedule: Schedule
    max_length: int = 128
    seed: int = 0

    def refit(
        self, model: Any, mask: Subnetwork | None, ranks: Sequence[int] = (0,)
    ) -> list[Predictions]:
        """Predictions of read-outs of some ranks, fitted on a model's states, for the scored words.

        Hidden states are kept in a file meanwhile, which is removed.

        Args:
            model: the encoder.
            mask: None = the full model.
            ranks: of the read-outs, see `Probes`.

        Returns:
            Predictions for each rank.

        Raises:
            InputError: if states are not finite, or do not fit on the disk.
        """
        context = Context(
            model, self.tokenizer, anatomy_of(model), mask, max_length=self.max_length
        )
        layer = context.anatomy.num_layers
        width, classes = int(model.config.hidden_size), self.words.train.classes
        probes = Probes(width, len(classes), ranks, self.seed, torch.device("cpu"))
        with passing_states() as cache:

            def read(part: LabelledWords) -> WordStates:
                examples = [Example(id=one.id, first=one) for one in part.sentences]
                return cache.of(context, examples, pooling="last")

            train, dev = read(self.words.train), read(self.words.dev)
            gold, held = (_gold(one, self.words) for one in (train, dev))
            fit(
                probes,
                lambda epoch: word_batches(train, gold, [layer], seed=self.seed + epoch),
                lambda: word_batches(dev, held, [layer]),
                self.schedule,
            )
            test = dev if self.words.test is self.words.dev else read(self.words.test)
            return [list(_said(probe, test, layer, self.words)) for probe in probes.probes]


def _labels(states: WordStates, text: int, words: Words) -> list[str]:
    """The label of each kept word of a text; empty where it has none."""
    found = word_labels(states.sentence(text), words.train.property_name)
    return [found[place] for place in states.places(text)]


def _gold(states: WordStates, words: Words) -> npt.NDArray[np.int64]:
    """The class of each word [T]; -1 where it has no label, or one that was never seen."""
    number = {name: place for place, name in enumerate(words.train.classes)}
    return np.array(
        [
            number.get(label, _NO_CLASS)
            for text in range(len(states.examples))
            for label in _labels(states, text, words)
        ],
        dtype=np.int64,
    )


@torch.no_grad()
def _said(
    probe: nn.Module, states: WordStates, layer: int, words: Words
) -> Iterator[npt.NDArray[np.int64]]:
    vectors = states.state(layer)
    for text in range(len(states.examples)):
        said = probe(vectors[states.rows(text)]).argmax(-1).numpy()
        labelled = np.array([bool(label) for label in _labels(states, text, words)])
        yield said[labelled]


def correct_of(said: Predictions, words: LabelledWords) -> npt.NDArray[np.float64]:
    """Correct words and all words of each sentence [N, 2].

    Raises:
        ValueError: if predictions and words are not of the same sentences.
    """
    if [len(one) for one in said] != [len(one) for one in words.gold]:
        raise ValueError("predictions and labels are of different words")
    return np.array(
        [
            (np.sum((one == gold) & (gold != UNSEEN)), len(gold))
            for one, gold in zip(said, words.gold, strict=True)
        ],
        dtype=np.float64,
    )
