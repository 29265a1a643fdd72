"""The decrease in a class's probability when words are removed, or only they are kept.

After ERASER (DeYoung et al. 2020). m(x) is the probability of the class that the model gives the
whole text; r are the words that an attribution puts first:

- comprehensiveness: m(x) - m(x without r);
- sufficiency: m(x) - m(r alone).

Both are averaged over the shares of words that r may have (AOPC). As the authors' code does it, the
mean is over the shares alone; their formula counts the empty r as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from .chosen_words import PERCENTS, as_long, generator_of, highest
from .packed_reading import PackedReader, Reduced

Floats = npt.NDArray[np.float64]
Chosen = npt.NDArray[np.bool_]

_ROUNDING = 1e-6
"""Logits: what texts that are padded to another length may differ by; it is to have no rank."""


@dataclass(frozen=True)
class Words:
    """The words of one text.

    Attributes:
        text: number of the text in the reader.
        id: seeds its random words; texts of a cluster share it.
        pieces: which pieces are of which word [W, S].
    """

    text: int
    id: str
    pieces: Chosen

    def without(self, sets: Chosen) -> list[Reduced]:
        """The text without each of some sets of words [N, W]."""
        out = sets.astype(np.float32) @ self.pieces.astype(np.float32) > 0
        return [Reduced(self.text, row) for row in out]

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Pieces of each word [W]."""
        return np.asarray(self.pieces.sum(axis=1), dtype=np.int64)

    def random_scores(self, draw: int, seed: int) -> Floats:
        """A random attribution [W]."""
        return generator_of(seed, self.id, "scores", draw).standard_normal(len(self.pieces))


@dataclass(frozen=True)
class Losses:
    """The decrease in the class's probability, by share of words.

    Attributes:
        without: where the words are left out: comprehensiveness [..., Q].
        alone: where they are kept alone: sufficiency [..., Q].
    """

    without: Floats
    alone: Floats


@dataclass(frozen=True)
class TextLosses:
    """What is found of one text.

    Attributes:
        of_scores: of each attribution [M, Q].
        of_random: of random attributions [R, Q].
        of_length: of random words as long as those of each attribution [M, R, Q].
        left_out: the decrease of the class's logit when each word is left out [W].
        tau: Kendall's tau-b between each attribution and `left_out` [M]; NaN where one of them
            does not vary.
        tau_absolute: the same of their absolute values.
        tau_random: mean tau of random attributions.
        tau_random_absolute: the same of absolute values.
    """

    of_scores: Losses
    of_random: Losses
    of_length: Losses
    left_out: Floats
    tau: Floats
    tau_absolute: Floats
    tau_random: float
    tau_random_absolute: float


def text_losses(
    reader: PackedReader,
    texts: Sequence[Words],
    scores: Sequence[Sequence[Floats]],
    classes: Sequence[int],
    *,
    draws: int,
    seed: int,
) -> list[TextLosses]:
    """What each of some texts loses, all of them read together.

    Args:
        reader: reads them.
        texts: the texts.
        scores: for each text the attributions of its words, M times [W].
        classes: for each text the class that is looked at.
        draws: R random attributions, and as many sets of words of equal length.
        seed: of both.
    """
    wanted: list[Reduced] = []
    spans: list[slice] = []
    for words, given in zip(texts, scores, strict=True):
        started = len(wanted)
        wanted += _of_text(words, given, draws, seed)
        spans.append(slice(started, len(wanted)))
    logits = reader.logits(wanted)
    return [
        _losses(words, given, logits[span], label, draws, seed)
        for words, given, span, label in zip(texts, scores, spans, classes, strict=True)
    ]


def _sets(words: Words, scores: Sequence[Floats], draws: int, seed: int) -> npt.NDArray[np.bool_]:
    """Sets of words [M + R + M * R, Q, W]: of attributions, at random, and of equal length."""
    named = [highest(one) for one in scores]
    random = [highest(words.random_scores(draw, seed)) for draw in range(draws)]
    equal = [
        as_long(chosen, words.lengths, generator_of(seed, words.id, "length", draw))
        for chosen in named
        for draw in range(draws)
    ]
    return np.stack([*named, *random, *equal])


def _of_text(words: Words, scores: Sequence[Floats], draws: int, seed: int) -> list[Reduced]:
    """Whole, with each word left out, and without and with nothing but each set."""
    W = len(words.pieces)
    sets = _sets(words, scores, draws, seed).reshape(-1, W)
    none = np.zeros((1, W), dtype=np.bool_)
    return words.without(np.concatenate([none, np.eye(W, dtype=np.bool_), sets, ~sets]))


def _losses(
    words: Words, scores: Sequence[Floats], logits: Floats, label: int, draws: int, seed: int
) -> TextLosses:
    W, M, Q = len(words.pieces), len(scores), len(PERCENTS)
    left_out = logits[0, label] - logits[1 : 1 + W, label]
    left_out[np.abs(left_out) < _ROUNDING] = 0
    probability = softmax(logits, axis=1)[:, label]
    lost = (probability[0] - probability[1 + W :]).reshape(2, -1, Q)
    random = [words.random_scores(draw, seed) for draw in range(draws)]
    every = np.stack([*scores, *random])
    tau, tau_absolute = taus(every, left_out), taus(np.abs(every), np.abs(left_out))

    def losses(part: slice, *shape: int) -> Losses:
        return Losses(*(one[part].reshape(*shape, Q) for one in lost))

    return TextLosses(
        of_scores=losses(slice(M), M),
        of_random=losses(slice(M, M + draws), draws),
        of_length=losses(slice(M + draws, None), M, draws),
        left_out=left_out,
        tau=tau[:M],
        tau_absolute=tau_absolute[:M],
        tau_random=float(np.mean(tau[M:])),
        tau_random_absolute=float(np.mean(tau_absolute[M:])),
    )


def taus(several: Floats, one: Floats) -> Floats:
    """Kendall's tau-b of each of several rankings with one; NaN where one of both does not vary.

    All at once: a call of scipy for each costs as much as reading the text.

    Args:
        several: scores of W words in each row [M, W].
        one: other scores of the words [W].
    """
    rows = np.sign(several[:, :, None] - several[:, None, :]).reshape(len(several), -1)
    other = np.sign(one[:, None] - one[None, :]).ravel()
    pairs = np.sqrt(np.square(rows).sum(axis=1) * np.square(other).sum())
    found: Floats = np.full(len(rows), np.nan)
    np.divide(rows @ other, pairs, out=found, where=pairs > 0)
    return found
