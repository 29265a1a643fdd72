"""Scores of classes from counts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def macro_f1(hits: npt.ArrayLike, predicted: npt.ArrayLike, gold: npt.ArrayLike) -> Floats:
    """Mean of F1 over the classes that are predicted or true at all [...]; NaN where none is.

    A class that is never predicted, or never true, has an F1 of 0, as in scikit-learn.

    Args:
        hits: how often a class is predicted and true [..., K].
        predicted: how often it is predicted [..., K].
        gold: how often it is true [..., K].
    """
    named = np.asarray(predicted, np.float64) + np.asarray(gold, np.float64)
    twice = 2 * np.broadcast_to(np.asarray(hits, np.float64), named.shape)
    f1 = np.divide(twice, named, out=np.zeros_like(named), where=named > 0)
    there = (named > 0).sum(axis=-1)
    found: Floats = np.divide(
        f1.sum(axis=-1), there, out=np.full(there.shape, np.nan), where=there > 0
    )
    return found


def macro_f1_of(predicted: npt.ArrayLike, gold: npt.ArrayLike) -> float:
    """The same from classes: predicted [..., N], gold [N]."""
    predicted, gold = np.asarray(predicted), np.asarray(gold)
    gold = np.broadcast_to(gold, predicted.shape).ravel()
    predicted = predicted.ravel()
    classes = int(max(predicted.max(), gold.max())) + 1
    hits, called, true = (
        np.bincount(one, minlength=classes) for one in (gold[predicted == gold], predicted, gold)
    )
    return float(macro_f1(hits, called, true))
