"""Intervals and tests of the scores of single models.

An interval from this module covers other examples of the same kind for this trained model (`these
seeds`), not other fine-tuning seeds. Variation over seeds is shown as points and their range,
because two seeds give no interval.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .clusters import Units, alone, count_of, over_units, resampled, unit_weights
from .count_laws import binomial_cdf
from .paired import expanded_limits
from .weighted import weighted_scores

Floats = npt.NDArray[np.float64]
Metric = Callable[[npt.NDArray[np.generic], npt.NDArray[np.generic]], float]
"""(predictions [N], labels [N]) -> score."""

_CELLS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Interval:
    """A confidence interval and how it was made.

    Attributes:
        low: lower limit, in the metric's unit; NaN where there is no interval.
        high: upper limit.
        method: the value of `ci_method`: the procedure and its coverage, or why there is no
            interval.
    """

    low: float
    high: float
    method: str


@dataclass(frozen=True)
class McNemar:
    """Exact McNemar test of two models on the same examples.

    Attributes:
        only_first: examples that only the first model gets right.
        only_second: examples that only the second gets right.
        p_value: two-sided exact binomial p; 1 where the models never differ.
    """

    only_first: int
    only_second: int
    p_value: float


# -- bootstrap over examples ------------------------------------------------------------------


def _accuracy(confusion: Floats) -> Floats:
    found: Floats = np.trace(confusion, axis1=1, axis2=2) / confusion.sum(axis=(1, 2))
    return found


def _matthews(confusion: Floats) -> Floats:
    total, hits = confusion.sum(axis=(1, 2)), np.trace(confusion, axis1=1, axis2=2)
    gold, predicted = confusion.sum(axis=2), confusion.sum(axis=1)
    covariance = hits * total - (gold * predicted).sum(axis=1)
    spread = (total**2 - (gold**2).sum(axis=1)) * (total**2 - (predicted**2).sum(axis=1))
    found: Floats = np.zeros_like(covariance)
    np.divide(covariance, np.sqrt(spread), out=found, where=spread > 0)
    return found


def _f1(confusion: Floats) -> Floats:
    hits = confusion[:, 1, 1]
    called = confusion[:, :, 1].sum(axis=1) + confusion[:, 1, :].sum(axis=1)
    found: Floats = np.zeros_like(hits)
    np.divide(2 * hits, called, out=found, where=called > 0)
    return found


_OF_CONFUSION: dict[str, Callable[[Floats], Floats]] = {
    "accuracy": _accuracy,
    "matthews": _matthews,
    "f1": _f1,
}


def _pearson(first: Floats, second: Floats) -> Floats:
    """Correlation of each row of two arrays [B, N]; 0 where a row is constant."""
    # asked of the values: their distances from a rounded mean are never all zero
    varies = (np.ptp(first, axis=1) > 0) & (np.ptp(second, axis=1) > 0)
    first = first - first.mean(axis=1, keepdims=True)
    second = second - second.mean(axis=1, keepdims=True)
    norm = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    found: Floats = np.zeros_like(norm)
    np.divide((first * second).sum(axis=1), norm, out=found, where=varies & (norm > 0))
    return found


def _spearman(first: Floats, second: Floats) -> Floats:
    # scipy.stats takes most of a second to import, and most commands draw nothing from it
    from scipy.stats import rankdata

    return _pearson(rankdata(first, axis=1), rankdata(second, axis=1))


def _pearson_spearman(first: Floats, second: Floats) -> Floats:
    return (_pearson(first, second) + _spearman(first, second)) / 2


_OF_PAIRS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "pearson": _pearson,
    "spearman": _spearman,
    "pearson_spearman": _pearson_spearman,
    "bits": lambda bits, _: np.asarray(bits.mean(axis=1)),
}


def _resampled_confusions(
    predictions: npt.NDArray[np.generic],
    labels: npt.NDArray[np.generic],
    resamples: int,
    rng: np.random.Generator,
) -> Floats:
    """Confusion counts [B, K, K] (gold, predicted) of resampled examples.

    Drawing N examples with replacement is a multinomial draw over the cells of the confusion
    matrix, so single examples need not be drawn.
    """
    cell, size = _cells(predictions, labels)
    counts = np.bincount(cell, minlength=size * size)
    drawn = rng.multinomial(len(labels), counts / len(labels), size=resamples)
    return drawn.reshape(resamples, size, size).astype(np.float64)


def _cells(
    predictions: npt.NDArray[np.generic], labels: npt.NDArray[np.generic]
) -> tuple[npt.NDArray[np.int64], int]:
    """Cell of each example in the flattened confusion matrix [N], and the matrix's size."""
    # class 1 is the positive one of F1 also where one of the two classes never occurs
    size = max(2, int(predictions.max()) + 1, int(labels.max()) + 1)
    return labels.astype(np.int64) * size + predictions.astype(np.int64), size


def _resampled_pairs(
    score: Callable[[Floats, Floats], Floats],
    predictions: Floats,
    labels: Floats,
    resamples: int,
    rng: np.random.Generator,
) -> Floats:
    step = max(1, _CELLS_AT_ONCE // len(labels))
    parts = []
    for start in range(0, resamples, step):
        chosen = rng.integers(0, len(labels), size=(min(step, resamples - start), len(labels)))
        parts.append(score(predictions[chosen], labels[chosen]))
    return np.concatenate(parts)


def bootstrap_interval(
    metric: str | Metric,
    predictions: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    units: Units | None = None,
    seed: int = 0,
    resamples: int = 2000,
    level: float = 0.95,
) -> Interval:
    """Percentile bootstrap interval of a score over examples (Efron 1979), or over clusters.

    Clusters are resampled whole (Davison & Hinkley 1997, 3.8), and quantiles are expanded for
    their number (Hesterberg 2015), which is a fraction of the number of examples. There is no
    interval where the prediction is the same for every example, as the score is then that of the
    labels, and none where all resamples have the same score.

    Args:
        metric: `accuracy`, `matthews`, `f1` (class 1), `pearson`, `spearman`, `bits` (the mean) or
            `pearson_spearman`, all vectorised; or any function of (predictions, labels), called
            once per resample.
        predictions: class ids 0..K-1, or numbers for correlations and functions [N].
        labels: what they should be [N].
        units: cluster of each example [N], see `units_of`; None = each stands alone.
        seed: same seed, same interval.
        resamples: bootstrap samples.
        level: coverage aimed at.

    Returns:
        An interval that covers examples (or clusters) like these for this one model. Where
        examples stand alone and N is under 30, and for accuracies near 0 or 1, its coverage is
        below nominal.

    Raises:
        ValueError: without examples, for arrays of two lengths, or for an unknown metric.
    """
    predicted, gold = np.asarray(predictions), np.asarray(labels)
    if predicted.ndim != 1 or predicted.shape != gold.shape or not len(gold):
        raise ValueError(f"need equal-length 1-d arrays, got {predicted.shape} and {gold.shape}")
    if not callable(metric) and metric not in (*_OF_CONFUSION, *_OF_PAIRS):
        raise ValueError(f"metric {metric!r} cannot be bootstrapped")
    if units is None or alone(units):
        name, n = f"percentile bootstrap over examples ({resamples})", len(gold)
        scores = _over_examples(metric, predicted, gold, resamples, seed)
    else:
        n = count_of(units)
        name = f"percentile bootstrap over {n} clusters ({resamples})"
        scores = _over_clusters(metric, predicted, gold, units, resamples, seed)
    if why := _no_spread(predicted, scores, n):
        return Interval(float("nan"), float("nan"), f"no interval: {why}")
    if n < len(gold):
        low, high = expanded_limits(scores, n, level=level)
    else:
        low, high = map(float, np.quantile(scores, [tail := (1 - level) / 2, 1 - tail]))
    return Interval(low, high, name)


def _over_examples(
    metric: str | Metric, predicted: npt.NDArray[Any], gold: npt.NDArray[Any], resamples: int,
    seed: int,
) -> Floats:  # fmt: skip
    """The score of resampled examples [B]."""
    rng = np.random.default_rng(seed)
    if callable(metric):
        chosen = rng.integers(0, len(gold), size=(resamples, len(gold)))
        return np.array([metric(predicted[i], gold[i]) for i in chosen])
    if metric in _OF_CONFUSION:
        return _OF_CONFUSION[metric](_resampled_confusions(predicted, gold, resamples, rng))
    pair = predicted.astype(np.float64), gold.astype(np.float64)
    return _resampled_pairs(_OF_PAIRS[metric], *pair, resamples, rng)


def _over_clusters(
    metric: str | Metric, predicted: npt.NDArray[Any], gold: npt.NDArray[Any], units: Units,
    resamples: int, seed: int,
) -> Floats:  # fmt: skip
    """The score of resampled clusters [B], each with all of its examples."""
    if callable(metric):
        raise ValueError("clusters are resampled only for metrics that are given by name")
    if metric in _OF_CONFUSION:
        cell, size = _cells(predicted, gold)
        by_unit = over_units(np.eye(size * size)[cell], units)
        counts = resampled(by_unit, seed, resamples)
        return _OF_CONFUSION[metric](counts.reshape(resamples, size, size))
    blocks = unit_weights(units, resamples, seed)
    both = predicted[:, None], gold
    return np.concatenate([weighted_scores(metric, *both, block)[:, 0] for block in blocks])


def _no_spread(predicted: npt.NDArray[Any], scores: Floats, n: int) -> str:
    """Why resamples of n units give no interval; empty if they do."""
    if n < 2:
        return "there is only one independent unit"
    if np.ptp(predicted) == 0:
        return "the prediction is the same for every example"
    if np.ptp(scores) <= 1e-12:
        return f"all resamples score {scores[0]:.4g}"
    return ""


def mcnemar_exact(first: npt.ArrayLike, second: npt.ArrayLike) -> McNemar:
    """Exact McNemar test (McNemar 1947) of two models' correct answers.

    Args:
        first: whether the first model is right on each example [N].
        second: the same for the second model, on the same examples in the same order [N].

    Raises:
        ValueError: if the lengths differ.
    """
    a, b = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    if a.shape != b.shape:
        raise ValueError(f"scores of the same examples are needed, got {a.shape} and {b.shape}")
    only_first, only_second = int((a & ~b).sum()), int((~a & b).sum())
    fewer = binomial_cdf(min(only_first, only_second), only_first + only_second, 0.5)
    return McNemar(only_first, only_second, min(1.0, 2 * fewer))


def permutation_p(observed: float, null: npt.ArrayLike, *, alternative: str = "two-sided") -> float:
    """Add-one p-value of an observed statistic within draws from its null (Phipson & Smyth 2010).

    Ties count against the observation, so the smallest value is 1 / (draws + 1) one-sided and
    twice that two-sided.

    Args:
        observed: the statistic.
        null: the same statistic on draws under the null [B].
        alternative: `greater`, `less` or `two-sided` (twice the smaller side, at most 1).

    Raises:
        ValueError: for another alternative.
    """
    draws = np.asarray(null, dtype=np.float64)
    if np.isnan(observed) or not len(draws):
        return float("nan")
    # sums of the same numbers in another order are ties, not differences
    margin = 1e-12 * max(1.0, abs(observed))
    above = (1 + int((draws >= observed - margin).sum())) / (1 + len(draws))
    below = (1 + int((draws <= observed + margin).sum())) / (1 + len(draws))
    sides = {"greater": above, "less": below, "two-sided": min(1.0, 2 * min(above, below))}
    if alternative not in sides:
        raise ValueError(f"unknown alternative {alternative!r}; known: {', '.join(sides)}")
    return sides[alternative]
