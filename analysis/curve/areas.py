"""Faithfulness of a subnetwork, the two areas of its curve over sizes, and the effective size."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SCORE = "score"
CPR, CMD, EFFECTIVE = "cpr", "cmd", "effective_size"


def faithfulness(scores: npt.ArrayLike, empty: npt.ArrayLike, full: npt.ArrayLike) -> Floats:
    """F = (m(C) - m(empty)) / (m(full) - m(empty)) (Mueller et al. 2025, MIB).

    Args:
        scores: scores of subnetworks [...], in any unit.
        empty: score of the model without any unit of the curve, broadcast to `scores`.
        full: score of the full model, broadcast likewise.

    Returns:
        f, 0 for the empty and 1 for the full model, below or above where a subnetwork scores worse
        or better; NaN where full and empty score the same.
    """
    low, high = (np.asarray(one, dtype=np.float64) for one in (empty, full))
    gain = np.where(high == low, np.nan, high - low)
    return np.asarray((np.asarray(scores, dtype=np.float64) - low) / gain)


def cpr(shares: npt.ArrayLike, f: npt.ArrayLike) -> Floats:
    """Circuit performance ratio: the area under f over the shares of kept units.

    The trapezoid rule over the curve's own grid, which starts at its smallest share, not at 0: for
    f = 1 the area is 1 minus the smallest share.

    Args:
        shares: K ascending shares.
        f: faithfulness at each share [..., K].
    """
    return np.asarray(np.trapezoid(np.asarray(f, dtype=np.float64), np.asarray(shares), axis=-1))


def cmd(shares: npt.ArrayLike, f: npt.ArrayLike) -> Floats:
    """Circuit-model distance: the area under |1 - f|; 0 if every subnetwork scores as the model.

    Args:
        shares: K ascending shares.
        f: faithfulness at each share [..., K].
    """
    return cpr(shares, np.abs(1 - np.asarray(f, dtype=np.float64)))


def effective_size(
    shares: npt.ArrayLike, scores: npt.ArrayLike, full: npt.ArrayLike, within: float
) -> Floats:
    """Share of the smallest subnetwork whose score is at most `within` below the full model's.

    The effective size of Bhaskar, Friedman & Chen (2024), who allow 3 points.

    Args:
        shares: K ascending shares; the last is the full model.
        scores: scores at each share [..., K], of which higher ones are better.
        full: score of the full model [...].
        within: largest loss, in the unit of the scores.
    """
    values = np.asarray(scores, dtype=np.float64)
    # a loss of exactly `within` counts, whatever the rounding of the difference
    kept = values >= np.asarray(full, dtype=np.float64)[..., None] - within - 1e-9
    kept[..., -1] = True
    return np.asarray(np.asarray(shares, dtype=np.float64)[np.argmax(kept, axis=-1)])
