"""Model-free trees: the linear chain, and the first word as the root."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .gold_trees import GoldTree
from .scores import ScoreKeeper, Totals, groups_of_one_length

CHAIN, FIRST_WORD = "linear-chain", "first-word"
BASELINE_OF: Mapping[str, str] = {"uuas": CHAIN, "dspr": CHAIN, "root_accuracy": FIRST_WORD}
"""Metric -> the baseline that needs no model; there is none for NSpr."""


def chain_totals(trees: Sequence[GoldTree]) -> Mapping[str, Totals]:
    """What |i - j| scores as the distance of words i and j, and i as the depth of word i.

    The first word that is not punctuation is then the root.
    """
    distances, depths = ScoreKeeper("distance", trees, 1), ScoreKeeper("depth", trees, 1)
    for texts in groups_of_one_length(trees, 1):
        place = np.arange(len(trees[texts[0]]), dtype=np.float64)
        apart = np.abs(place[:, None] - place)
        distances.put(texts, np.broadcast_to(apart, (1, len(texts), *apart.shape)))
        depths.put(texts, np.broadcast_to(place, (1, len(texts), len(place))))
    found = {**distances.scores().totals, **depths.scores().totals}
    return {metric: found[metric] for metric in BASELINE_OF}
