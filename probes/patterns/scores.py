"""Scores of a classifier: macro F1, expected calibration error, Cohen's kappa."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .classes import PATTERNS


def macro_f1(gold: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Mean F1 over the patterns that occur in either [M]."""
    true, given = np.asarray(gold), np.asarray(predicted)
    scores = []
    for k in range(len(PATTERNS)):
        hits = int(((true == k) & (given == k)).sum())
        called = int((true == k).sum()) + int((given == k).sum())
        if called:
            scores.append(2 * hits / called)
    return float(np.mean(scores)) if scores else float("nan")


def expected_calibration_error(
    probabilities: npt.ArrayLike, gold: npt.ArrayLike, *, bins: int = 15
) -> float:
    """Mean gap of confidence and accuracy over equal bins of confidence (Guo et al. 2017).

    Args:
        probabilities: [M, K], rows sum to 1.
        gold: class of each [M].
        bins: equal parts of [0, 1].
    """
    table, true = np.asarray(probabilities), np.asarray(gold)
    confidence, right = table.max(1), table.argmax(1) == true
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = np.bincount(place, weights=confidence - right, minlength=bins)
    return float(np.abs(gap).sum() / len(true))


def cohen_kappa(first: npt.ArrayLike, second: npt.ArrayLike, *, classes: int) -> float:
    """Agreement of two raters beyond chance (Cohen 1960); NaN where chance alone agrees.

    Args:
        first: classes [M].
        second: classes [M].
        classes: the number K of classes.
    """
    counts = np.zeros((classes, classes))
    np.add.at(counts, (np.asarray(first, dtype=int), np.asarray(second, dtype=int)), 1)
    share = counts / counts.sum()
    agreed, chance = np.trace(share), float(share.sum(0) @ share.sum(1))
    return float((agreed - chance) / (1 - chance)) if chance < 1 else float("nan")
