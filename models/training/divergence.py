"""Distinguish trainings that have diverged from those that have not learned."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...data.tasks.task import TaskParts

EXPLODED = 2.0
"""Maximum ratio of the loss of the last epoch to the initial loss."""


def unsaid_loss(parts: TaskParts, vocabulary: int = 0) -> float:
    """The loss on train of a head with only zero outputs, which is near that of a new head.

    In nats, it is ln K for K classes, regardless of their frequencies, and ln V for the pieces of a
    vocabulary; in regression, it is the mean square of the labels.
    """
    if parts.spec.masked:
        return math.log(vocabulary)
    if parts.spec.regression:
        return float(np.square([float(example.label or 0) for example in parts.train]).mean())
    return math.log(parts.spec.num_labels)


def loss_limit(parts: TaskParts, first_loss: float, vocabulary: int = 0) -> float:
    """The mean loss of the last epoch above which a training has diverged.

    It is twice `unsaid_loss`, or twice the loss of the first step if that is higher. A training
    that learns nothing stays near `unsaid_loss`; noise of batches or of the initial head does not
    double the loss. The entropy of the labels would be too low a bound: with a rare class it is
    near 0, and even a successful short training ends above it.

    Args:
        parts: the task used for training.
        first_loss: loss of the first step, before any update.
        vocabulary: number of pieces V that a masked task predicts.
    """
    begun = first_loss if math.isfinite(first_loss) else 0.0
    return EXPLODED * max(unsaid_loss(parts, vocabulary), begun)


def has_diverged(losses: Sequence[float], limit: float) -> bool:
    """Whether the loss of a training was NaN or infinite, or exceeded the limit.

    Args:
        losses: mean loss of each epoch.
        limit: maximum of the last one (see `loss_limit`).
    """
    finite = all(math.isfinite(loss) for loss in losses)
    return not finite or bool(losses and losses[-1] > limit)
