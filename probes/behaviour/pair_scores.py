"""Scores of minimal pairs from the log-probabilities of pieces; no model is needed here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

Normalise = Literal["sum", "mean"]
Ties = Literal["half", "wrong"]

TIE = 1e-5
"""Margins up to this size, in nats, are ties: batches of other sizes change a score by as much."""


def text_score(
    log_probs: Sequence[float] | npt.NDArray[np.floating[Any]], normalise: Normalise
) -> float:
    """Sum, or mean per piece, of the log-probabilities of a text's pieces.

    The sum is rounded once, so that the order of the pieces does not change it.

    Args:
        log_probs: natural log-probability of each piece [P].
        normalise: `sum`, as in Salazar et al. (2020, ACL), or `mean`, which removes the preference
            for short texts and thereby the effect of an added piece.
    """
    total = math.fsum(float(one) for one in log_probs)
    return total / len(log_probs) if normalise == "mean" else total


def is_tie(margins: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Whether both sentences of a pair are equally probable [N]; NaN is no tie."""
    return np.abs(np.asarray(margins, dtype=np.float64)) <= TIE


def points(margins: npt.ArrayLike, ties: Ties = "half") -> Floats:
    """What each pair adds to accuracy [N]: 1 if the good sentence is more probable, else 0.

    Args:
        margins: score of the good sentence minus score of the bad one, in nats [N].
        ties: a tie is `half` right, as a coin would decide, or `wrong`, as in published scorers.
    """
    margins = np.asarray(margins, dtype=np.float64)
    tied = is_tie(margins)
    found: Floats = np.where(tied, 0.5 if ties == "half" else 0.0, (margins > 0).astype(float))
    return found
