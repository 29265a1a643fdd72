"""The null of survival against content: within a layer, which head is which does not matter.

The predictor's heads are permuted within layers, by the same permutation in every run: seeds share
their pretrained heads, so a head keeps its whole history and only its name changes. What layers and
runs differ by never enters the statistic.
"""

from __future__ import annotations

from math import lgamma

import numpy as np
import numpy.typing as npt

from ..statistics.uncertainty import permutation_p
from .panel import Bools, Floats

Indices = npt.NDArray[np.int64]


def permutations_within(layer: Indices, draws: int, rng: np.random.Generator) -> Indices:
    """Random orders [B, U] of the heads, each within its layer.

    Args:
        layer: layer of each head, rising [U].
        draws: B.
        rng: source of randomness.
    """
    keys = layer[None, :] + rng.random((draws, len(layer)))
    return np.argsort(keys, axis=1)


def centred(values: Floats, layer: Indices) -> Floats:
    """Values [..., R, U] minus their mean over the heads of the same run and layer."""
    found = np.array(values, dtype=np.float64)
    for one in np.unique(layer):
        of = layer == one
        found[..., of] -= found[..., of].mean(axis=-1, keepdims=True)
    return found


def score(kept: Bools, predictor: Floats, layer: Indices) -> float:
    """Score statistic of the slope of a logistic regression stratified by run and layer.

    The sum over runs and heads of (kept - mean of the layer) x (predictor - mean of the layer):
    the derivative at 0 of the conditional log-likelihood (Breslow & Day 1980, section 7.2).

    Args:
        kept: survival [R, U].
        predictor: [R, U], without NaN.
        layer: [U].
    """
    return float((centred(kept.astype(float), layer) * centred(predictor, layer)).sum())


def null_scores(kept: Bools, predictor: Floats, layer: Indices, orders: Indices) -> Floats:
    """The score statistic [B] with the predictor's heads in each of these orders [B, U]."""
    # every pairing of a head's survival with a head's predictor, summed over runs, is made once
    pairs = centred(kept.astype(float), layer).T @ centred(predictor, layer)
    found: Floats = pairs[np.arange(len(layer)), orders].sum(axis=1)
    return found


def two_sided(observed: float, null: Floats) -> float:
    """Add-one p of an observed score: how often one as far from 0 is drawn."""
    return permutation_p(abs(observed), np.abs(null), alternative="greater")


def joint_p(observed: Floats, null: Floats) -> float:
    """Add-one p of several scores together [K] within their joint null [B, K].

    The statistic is the quadratic form in the covariance of all draws, the observed one included,
    so that it treats all of them alike; predictors that are sums of others do no harm.
    """
    every = np.vstack([observed, null])
    scale = every.std(axis=0)
    every = every[:, scale > 0] / scale[scale > 0]
    inverse = np.linalg.pinv(every.T @ every / len(every), rcond=1e-8)
    forms = np.einsum("bk,kl,bl->b", every, inverse, every)
    return permutation_p(float(forms[0]), forms[1:], alternative="greater")


def smallest_p(kept: Bools, layer: Indices) -> float:
    """The smallest p that any predictor could reach: one over the number of distinct orders.

    Heads of a layer with the same survival in every run cannot be told apart.
    """
    logarithm = 0.0
    for one in np.unique(layer):
        columns = kept[:, layer == one]
        _, counts = np.unique(columns, axis=1, return_counts=True)
        logarithm += lgamma(columns.shape[1] + 1) - sum(lgamma(n + 1) for n in counts)
    return float(np.exp(-logarithm))
