"""Scores of resampled examples, many models at once: a resample is one weight for each example.

Drawing N examples with replacement gives every example a whole number of copies. All models that
were scored on the same examples get the same weights, so that differences between them are paired,
and every score is a few sums of weights: products of the weights [R, N] with the models'
predictions.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from .clusters import Units, alone, unit_weights

Floats = npt.NDArray[np.float64]
Weights = npt.NDArray[np.float32]

RESAMPLES = 2000
_CELLS_AT_ONCE = 20_000_000


def seed_of(ids: Sequence[str]) -> int:
    """A seed that depends on the items and their order."""
    return zlib.crc32("\n".join(ids).encode())


def weight_blocks(
    ids: Sequence[str], units: Units | None = None, *, resamples: int = RESAMPLES, seed: int = 0
) -> Iterator[Weights]:
    """Bootstrap weights [R, N] in blocks of rows that fit into the memory.

    Args:
        ids: the N items; the same ids get the same weights.
        units: the cluster of each item [N], drawn whole; None = each stands alone.
        resamples: R over all blocks.
        seed: another seed, other resamples.
    """
    n = len(ids)
    entropy = [seed, seed_of(ids)]
    if units is not None and not alone(units):
        yield from unit_weights(units, resamples, entropy)
        return
    rng = np.random.default_rng(entropy)
    step = max(1, _CELLS_AT_ONCE // n)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = rng.integers(0, n, size=(rows, n)) + n * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * n)
        yield counts.reshape(rows, n).astype(np.float32)


def weighted_scores(
    metric: str, predictions: npt.NDArray[np.generic], gold: npt.NDArray[np.generic],
    weights: Weights,
) -> Floats:  # fmt: skip
    """A score of D models under R weightings of the same N examples.

    Args:
        metric: `accuracy`, `matthews`, `f1` (class 1), `pearson`, `spearman`, `pearson_spearman`,
            or `bits`, the mean of the predictions.
        predictions: class ids or numbers [N, D].
        gold: what they should be [N].
        weights: copies of each example [R, N].

    Returns:
        The scores [R, D], as `data.metrics` would give them for the copied examples.

    Raises:
        ValueError: for another metric.
    """
    if metric in _OF_CLASSES:
        return _OF_CLASSES[metric](predictions, gold, weights)
    if metric in _OF_NUMBERS:
        numbers, wanted = predictions.astype(np.float64), gold.astype(np.float64)
        return _OF_NUMBERS[metric](numbers, wanted, weights)
    raise ValueError(f"metric {metric!r} has no resampled scores")


def sums(weights: Weights, values: npt.NDArray[np.generic]) -> Floats:
    """Weighted sums [R, C] of columns [N, C]: counts in float32, which are exact, else in double.

    Sums of two models are subtracted from each other: rounded to 1e-7 of the whole, those of nearly
    equal models would differ by nothing but that.
    """
    whole = values.dtype.kind in "biu" or np.array_equal(values, np.rint(values))
    if not whole:
        return np.asarray(weights.astype(np.float64) @ values.astype(np.float64))
    found: Floats = (weights @ values.astype(np.float32)).astype(np.float64)
    return found


def _accuracy(predictions: npt.NDArray[np.generic], gold: npt.NDArray[np.generic],
              weights: Weights) -> Floats:  # fmt: skip
    total = weights.sum(axis=1, dtype=np.float64)[:, None]
    found: Floats = sums(weights, predictions == gold[:, None]) / total
    return found


def _f1(predictions: npt.NDArray[np.generic], gold: npt.NDArray[np.generic],
        weights: Weights) -> Floats:  # fmt: skip
    called, true = predictions == 1, (gold == 1)[:, None]
    hits = sums(weights, called & true)
    named = sums(weights, called) + sums(weights, true)
    found: Floats = np.zeros_like(hits)
    np.divide(2 * hits, named, out=found, where=named > 0)
    return found


def _matthews(predictions: npt.NDArray[np.generic], gold: npt.NDArray[np.generic],
              weights: Weights) -> Floats:  # fmt: skip
    total = weights.sum(axis=1, dtype=np.float64)[:, None]
    agreement = sums(weights, predictions == gold[:, None]) * total
    by_chance, predicted, true = (np.zeros_like(agreement) for _ in range(3))
    for k in range(int(max(predictions.max(), gold.max())) + 1):
        named = sums(weights, predictions == k)
        mine = sums(weights, (gold == k)[:, None])
        by_chance += named * mine
        predicted += named**2
        true += mine**2
    spread = (total**2 - predicted) * (total**2 - true)
    found: Floats = np.zeros_like(agreement)
    np.divide(agreement - by_chance, np.sqrt(spread), out=found, where=spread > 0)
    return found


def _correlation(x: Floats, y: Floats, weights: Weights | Floats) -> Floats:
    """Weighted Pearson correlation [R] of x and y, each [N] or [R, N]; 0 where one is constant."""
    w = weights.astype(np.float64)
    total = w.sum(axis=1)
    # what is left of a constant once its rounded mean is taken off, whatever the unit
    rounding = (1e-13 * np.abs(x).max()) * (1e-13 * np.abs(y).max()) * total
    x = x - ((w * x).sum(axis=1) / total)[:, None]
    y = y - ((w * y).sum(axis=1) / total)[:, None]
    xx, yy = (w * x**2).sum(axis=1), (w * y**2).sum(axis=1)
    norm = np.sqrt(xx * yy)
    found: Floats = np.zeros_like(norm)
    np.divide((w * x * y).sum(axis=1), norm, out=found, where=norm > rounding)
    return found


def _midranks(values: Floats, weights: Weights) -> Floats:
    """Ranks [R, N] of values [N] among their weighted copies, ties in the middle."""
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.diff(values[order], prepend=np.nan) != 0)
    group = np.cumsum(np.diff(values[order], prepend=np.nan) != 0) - 1
    weight = np.add.reduceat(weights[:, order].astype(np.float64), starts, axis=1)
    rank = np.cumsum(weight, axis=1) - (weight - 1) / 2
    found: Floats = np.empty(weights.shape)
    found[:, order] = rank[:, group]
    return found


def _pearson(predictions: Floats, gold: Floats, weights: Weights) -> Floats:
    return np.stack([_correlation(x, gold, weights) for x in predictions.T], axis=1)


def _spearman(predictions: Floats, gold: Floats, weights: Weights) -> Floats:
    ranked = _midranks(gold, weights)
    found = [_correlation(_midranks(x, weights), ranked, weights) for x in predictions.T]
    return np.stack(found, axis=1)


def _pearson_spearman(predictions: Floats, gold: Floats, weights: Weights) -> Floats:
    return (_pearson(predictions, gold, weights) + _spearman(predictions, gold, weights)) / 2


def _bits(predictions: Floats, gold: Floats, weights: Weights) -> Floats:
    return np.asarray(sums(weights, predictions) / weights.sum(axis=1, dtype=np.float64)[:, None])


_OF_CLASSES = {"accuracy": _accuracy, "matthews": _matthews, "f1": _f1}
CLASS_METRICS = tuple(_OF_CLASSES)
_OF_NUMBERS = {
    "pearson": _pearson,
    "spearman": _spearman,
    "pearson_spearman": _pearson_spearman,
    "bits": _bits,
}
