"""Measures of predicted distances and depths: edges, rank correlations, roots.

UUAS (Hewitt & Manning 2019) counts the gold edges that the minimum spanning tree of the predicted
distances has, without punctuation; the gold edges are those of the minimum spanning tree of the
gold distances between the words that stay. DSpr is the rank correlation of predicted and gold
distances from each word to all words of its sentence, itself and punctuation among them; NSpr that
of the depths of a sentence.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from .spanning_trees import spanning_trees

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]

LENGTHS = (5, 50)
"""Words of the sentences that rank correlations are averaged over, both ends included."""


def edges_found(predicted: Floats, gold: Flags, stays: Flags) -> Counts:
    """Gold edges that the trees of some predictions have [P, B].

    Args:
        predicted: distances [P, B, W, W].
        gold: edges above the diagonal [B, W, W].
        stays: words that are not punctuation [B, W].
    """
    P, B, W, _ = predicted.shape
    flat = np.broadcast_to(stays, (P, B, W)).reshape(P * B, W)
    trees = spanning_trees(predicted.reshape(P * B, W, W), flat).reshape(P, B, W, W)
    return np.asarray((trees & gold).sum((2, 3)))


def rank_correlations(predicted: Floats, gold: Floats) -> Floats:
    """Spearman's rho along the last axis [..., W] -> [...]; NaN where a side is constant.

    Args:
        predicted: [..., W].
        gold: the same, or what broadcasts to it.
    """
    ours, theirs = (rankdata(side, axis=-1) for side in (predicted, gold))
    ours, theirs = (side - side.mean(-1, keepdims=True) for side in (ours, theirs))
    spread = np.sqrt((ours**2).sum(-1) * (theirs**2).sum(-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((ours * theirs).sum(-1) / spread)


def shallowest(depths: Floats, stays: Flags) -> Counts:
    """Index of the non-punctuation word of lowest depth; over all words if all are punctuation.

    Args:
        depths: [..., W].
        stays: words that are not punctuation, broadcast against `depths` [..., W].
    """
    allowed = stays | ~stays.any(-1, keepdims=True)
    return np.asarray(np.where(allowed, depths, np.inf).argmin(-1))
