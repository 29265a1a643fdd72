"""The input and output of a code: labelled words and their code lengths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..learning.fitting import Schedule
from ..learning.readouts import Form
from ..states.word_states import WordStates
from .layer_probes import Floats, Ints


def uniform_bits(words: float | Ints, classes: int) -> Any:
    """Bits of labels of words where each of the classes is as likely as any other."""
    return words * math.log2(classes)


@dataclass(frozen=True)
class LabelledWords:
    """Words whose labels are coded, under M assignments of labels.

    Attributes:
        train: states of the part that is coded.
        dev: states of the part that stops training.
        gold: class of each word of `train` [M, T]; -1 = none, and then none under all M.
        dev_gold: class of each word of `dev` [M, T'].
        classes: K.
    """

    train: WordStates
    dev: WordStates
    gold: Ints
    dev_gold: Ints
    classes: int

    @property
    def layers(self) -> range:
        """The U states."""
        return range(self.train.num_states)

    @property
    def texts(self) -> int:
        """N, the texts of `train`."""
        return len(self.train.examples)

    @cached_property
    def text_of(self) -> Ints:
        """The text of each word of `train` [T]."""
        return np.repeat(np.arange(self.texts), np.diff(self.train.offsets))

    @cached_property
    def dev_texts(self) -> Ints:
        """The texts of `dev` with a word that has a label."""
        text_of = np.repeat(np.arange(len(self.dev.examples)), np.diff(self.dev.offsets))
        return np.unique(text_of[self.dev_gold[0] >= 0])

    @cached_property
    def words_by_text(self) -> Ints:
        """Words with a label of each text of `train` [N]."""
        return np.bincount(self.text_of[self.gold[0] >= 0], minlength=self.texts)

    def over_texts(self, values: Floats, rows: Ints) -> Floats:
        """Sums [C, N] over the words of each text, of values [C, R] of the words at `rows` [R]."""
        text = self.text_of[rows]
        return np.array([np.bincount(text, one, minlength=self.texts) for one in values])


@dataclass(frozen=True)
class Training:
    """The probes, and how they are trained.

    Attributes:
        form: of a probe.
        rates: learning rates to choose from.
        seeds: of initial weights.
        seed: of the order of texts in training.
        schedule: see `fit`.
    """

    form: Form
    rates: Sequence[float]
    seeds: Sequence[int]
    seed: int
    schedule: Schedule


@dataclass(frozen=True)
class Costs:
    """Code lengths by assignment, shuffle, state and text.

    Attributes:
        bits: of each text, mean over seeds [M, S, U, N]; 0 where it is not coded.
        right: words whose label was predicted before it was coded, mean over seeds [M, S, U, N];
            none of the first block.
        guessed: words that could be guessed so [S, N].
        model_bits: of the model itself [M, S, U]; 0 where both sides learn it.
        rates: learning rate of the probe of each coded block [M, S, U], by shuffle and block.
        epochs: epoch of its weights, mean over seeds, alike.
    """

    bits: Floats
    right: Floats
    guessed: Floats
    model_bits: Floats
    rates: list[Floats] = field(default_factory=list)
    epochs: list[Floats] = field(default_factory=list)

    @classmethod
    def none(cls, coded: LabelledWords, shuffles: int) -> Costs:
        """All zero: nothing has been coded yet."""
        shape, N = (len(coded.gold), shuffles, len(coded.layers)), coded.texts
        each = (*shape, N)
        return cls(np.zeros(each), np.zeros(each), np.zeros((shuffles, N)), np.zeros(shape))
