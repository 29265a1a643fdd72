"""The erasers by name, fitted on the words of a property."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from .eraser import Eraser
from .inlp import inlp
from .labelled_words import PropertyWords, as_floats
from .leace import LeaceSums

Method = Literal["leace", "inlp"]

_BLOCK = 2048
"""Words whose products are made at a time."""


@dataclass(frozen=True)
class EraserOptions:
    """How erasers are fitted.

    Attributes:
        shrinkage: of LEACE's covariance.
        rounds: maximum number of INLP rounds.
        margin: above the majority, at which the rounds of INLP end.
        penalty: of linear classifiers.
    """

    shrinkage: bool = False
    rounds: int = 20
    margin: float = 0.01
    penalty: float = 0.01

    def variant(self, method: Method) -> str:
        """What the column `variant` says of an eraser."""
        if method == "inlp":
            return f"own;eraser=inlp;margin={self.margin:g}"
        return f"own;eraser=leace;shrinkage={'on' if self.shrinkage else 'off'}"


@dataclass(frozen=True)
class Fitted:
    """An eraser of one state.

    Attributes:
        eraser: what it is.
        rounds: of INLP; 1 for LEACE.
        reached: whether INLP came down to the majority.
        converged: whether all its classifiers reached their optimum.
    """

    eraser: Eraser
    rounds: int = 1
    reached: bool = True
    converged: bool = True


def fit_eraser(method: Method, words: PropertyWords, layer: int, options: EraserOptions) -> Fitted:
    """Fit an eraser of a property on one hidden state of the training words.

    Args:
        method: its name.
        words: the words of the property.
        layer: the state.
        options: how.

    Raises:
        InputError: if the states contain NaN or infinity.
    """
    train = words.train.vectors(layer)
    if method == "leace":
        sums = LeaceSums(train.shape[1], len(words.classes))
        gold = torch.from_numpy(words.train.gold)
        for start in range(0, len(train), _BLOCK):
            sums.update(train[start : start + _BLOCK], gold[start : start + _BLOCK])
        return Fitted(sums.eraser(shrinkage=options.shrinkage))
    found = inlp(
        (as_floats(train), words.train.gold),
        (as_floats(words.dev.vectors(layer)), words.dev.gold),
        majority=words.majority(words.dev),
        rounds=options.rounds,
        margin=options.margin,
        penalty=options.penalty,
    )
    return Fitted(found.eraser, len(found.accuracies), found.reached, found.converged)
