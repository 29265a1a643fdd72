"""How sure a model was of its predictions, and whether they were right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..labels.classes import check_classes
from ..statistics.clusters import Units, units_of
from ..statistics.uncertainty import Floats

if TYPE_CHECKING:
    from ...models.training.evaluate import Evaluation

_LEAST = float(np.finfo(np.float64).tiny)
"""What stands for a probability of 0, whose logarithm is not finite."""


@dataclass(frozen=True)
class Forecasts:
    """Forecasts of N examples by a model of one seed, in each of its D draws.

    Attributes:
        ids: the examples.
        units: the cluster of each example [N].
        confidence: probability of the predicted class [N, D].
        right: 1 where the prediction is right, else 0 [N, D].
        brier: sum over classes of the squared difference between probability and label [N, D].
        nll: -ln of the probability of the label, in nats [N, D].
    """

    ids: tuple[str, ...]
    units: Units
    confidence: Floats
    right: Floats
    brier: Floats
    nll: Floats


def forecasts_of(evaluation: Evaluation) -> Forecasts:
    """The forecasts of one evaluated model (D = 1).

    Raises:
        InputError: if its task has no classes.
    """
    check_classes(evaluation.spec, "calibration")
    likely = evaluation.probabilities
    gold = evaluation.labels.astype(int)
    places = np.arange(len(gold))
    said = evaluation.predictions
    return made_forecasts(
        evaluation.ids, units_of(evaluation.clusters or [None] * len(gold)),
        likely[places, said][:, None], (said == gold)[:, None].astype(np.float64),
        evaluation.brier[:, None], likely[places, gold][:, None],
    )  # fmt: skip


def made_forecasts(
    ids: tuple[str, ...], units: Units, confidence: Floats, right: Floats, brier: Floats,
    gold: Floats,
) -> Forecasts:  # fmt: skip
    """Forecasts from their parts; `gold` is the probability of the label [N, D]."""
    return Forecasts(ids, units, confidence, right, brier, -np.log(np.maximum(gold, _LEAST)))


def of_two_classes(
    ids: tuple[str, ...], units: Units, gold: Floats, right: Floats
) -> Forecasts:  # fmt: skip
    """Forecasts of two classes, which the probability of the label [N, D] determines."""
    confidence = np.where(right > 0, gold, 1 - gold)
    return made_forecasts(ids, units, confidence, right, 2 * (1 - gold) ** 2, gold)
