"""When a training has failed, as apart from one that has not learned."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...data.tasks.task import TaskParts

EXPLODED = 2.0
"""How many times the loss that a training may begin with its last epoch may end at."""


def unsaid_loss(parts: TaskParts, vocabulary: int = 0) -> float:
    """The loss on train of a head whose every output is 0, near which a new head begins.

    In nats ln K for K classes, however frequent each is, and ln V for the pieces of a vocabulary;
    in regression the mean square of the labels.
    """
    if parts.spec.masked:
        return math.log(vocabulary)
    if parts.spec.regression:
        return float(np.square([float(example.label or 0) for example in parts.train]).mean())
    return math.log(parts.spec.num_labels)


def loss_limit(parts: TaskParts, first_loss: float, vocabulary: int = 0) -> float:
    """The mean loss of the last epoch above which a training has diverged.

    Twice `unsaid_loss`, or twice the loss of the first step where the model began worse. A
    training that learns nothing stays about `unsaid_loss`: only steps that led away from every
    constant answer end at twice of it, no noise of batches or of a head's first values. The
    entropy of the labels would be too low a measure: where a class is rare it is near 0, and a
    short training that learns ends above it.

    Args:
        parts: the task that was trained on.
        first_loss: of the first step, before anything was updated.
        vocabulary: number of pieces V that a masked task predicts.
    """
    begun = first_loss if math.isfinite(first_loss) else 0.0
    return EXPLODED * max(unsaid_loss(parts, vocabulary), begun)


def has_diverged(losses: Sequence[float], limit: float) -> bool:
    """Whether the loss of a training was no finite number, or exploded.

    Args:
        losses: mean loss of each epoch.
        limit: what the last one must not be above, see `loss_limit`.
    """
    finite = all(math.isfinite(loss) for loss in losses)
    return not finite or bool(losses and losses[-1] > limit)
