"""Differences between scores of masks and complements, in the trained and the untrained encoder.

As in Lepori, Serre & Pavlick (2023), a score below chance counts as chance before it is subtracted:
a model below chance knows no less than one that guesses. A property of the trained weights is in a
mask if the mask has it and the complement lacks it (double dissociation: and if the opposite holds
for another property), more than for the mask of the same search in an encoder with random weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..statistics.clusters import Units, count_of
from ..statistics.paired import expanded_limits
from ..statistics.weighted import RESAMPLES, Weights, sums, weight_blocks, weighted_scores

Floats = npt.NDArray[np.float64]

LOWER_IS_BETTER = ("bits",)


@dataclass(frozen=True)
class Reading:
    """The score of one model, oriented so that higher is better, and never below chance.

    Attributes:
        value: on all examples.
        drawn: on the resamples [R], which are the same for all models.
    """

    value: float
    drawn: Floats

    def __sub__(self, other: Reading) -> Reading:
        """A difference of two scores."""
        return Reading(self.value - other.value, self.drawn - other.drawn)

    @classmethod
    def mean(cls, readings: Sequence[Reading]) -> Reading:
        """The mean of several scores."""
        values = [one.value for one in readings]
        return cls(float(np.mean(values)), np.mean([one.drawn for one in readings], axis=0))


@dataclass(frozen=True)
class Gold:
    """The examples that all models are scored on.

    Attributes:
        metric: a metric of `weighted_scores`.
        ids: of the N examples.
        gold: the labels [N].
        units: cluster of each example [N].
        chance: the score of the baseline.
    """

    metric: str
    ids: tuple[str, ...]
    gold: npt.NDArray[Any]
    units: Units
    chance: float

    @property
    def n_clusters(self) -> int:
        """How many independent units there are."""
        return count_of(self.units)

    @property
    def n(self) -> int:
        """How many items are scored."""
        return len(self.ids)

    def read(self, predictions: npt.NDArray[Any]) -> list[Reading]:
        """The score of each of D models from what the metric reads of each example [N, D]."""
        ones = np.ones((1, len(self.ids)), dtype=np.float32)
        values = self._scores(predictions, ones)[0]
        blocks = weight_blocks(self.ids, self.units)
        drawn = np.concatenate([self._scores(predictions, weights) for weights in blocks])
        return [
            Reading(float(self._above(value)), self._above(column))
            for value, column in zip(values, drawn.T, strict=True)
        ]

    def _scores(self, predictions: npt.NDArray[Any], weights: Weights) -> Floats:
        return weighted_scores(self.metric, predictions, self.gold, weights)

    def _above(self, scores: Any) -> Any:
        return above_chance(scores, self.chance, self.metric)


@dataclass(frozen=True)
class GoldWords(Gold):
    """Sentences of several words each: `gold` is the number of words [N].

    `read` takes the number of correct words of each sentence [N, D].
    """

    @property
    def n(self) -> int:
        """How many words are scored."""
        return int(self.gold.sum())

    def _scores(self, predictions: npt.NDArray[Any], weights: Weights) -> Floats:
        return sums(weights, predictions) / sums(weights, self.gold[:, None])


def above_chance(scores: Any, chance: float, metric: str = "accuracy") -> Any:
    """Scores of which those below chance count as chance; negated if lower is better."""
    if metric in LOWER_IS_BETTER:
        return -np.minimum(scores, chance)
    return np.maximum(scores, chance)


def contrast(difference: Reading, gold: Gold) -> dict[str, Any]:
    """Value, interval and size of a difference; its null is 0.

    The interval resamples examples or clusters, paired between models, for these trained models.
    """
    n = gold.n_clusters
    low, high = expanded_limits(difference.drawn, n)
    unit = "examples" if n == len(gold.ids) else "clusters"
    method = f"paired percentile bootstrap over {n} {unit} ({RESAMPLES})"
    if np.isnan(low):
        method = "no interval: the difference is the same in all resamples"
    return {
        "value": difference.value,
        "ci_low": low,
        "ci_high": high,
        "ci_method": method,
        "n": gold.n,
        "n_clusters": n,
        "baseline": "no difference",
        "baseline_value": 0.0,
        "better": "higher",
    }
