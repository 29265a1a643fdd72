"""The layers at which a task is solved: measures of a mix of states (Tenney et al. 2019)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def expected_layer(scores: npt.ArrayLike) -> Floats:
    """The layer at which a label is found, on average, from scores of mixes 0..k [..., L + 1].

    sum_l l * (F(l) - F(l - 1)) / sum_l (F(l) - F(l - 1)) over l = 1..L: negative steps count as
    they are, and the score of the embeddings is ignored. NaN where there is no gain over the
    embeddings.
    """
    gains = np.diff(np.asarray(scores, dtype=np.float64), axis=-1)
    total = gains.sum(-1)
    weighted = (gains * np.arange(1, gains.shape[-1] + 1)).sum(-1)
    empty = np.full_like(weighted, np.nan)
    return np.asarray(np.divide(weighted, total, out=empty, where=total != 0))


def centre_of_gravity(weights: npt.ArrayLike) -> Floats:
    """sum_l l * s_l of mix weights s [..., L + 1] that sum to 1."""
    found = np.asarray(weights, dtype=np.float64)
    return np.asarray((found * np.arange(found.shape[-1])).sum(-1))


def weights_kl(weights: npt.ArrayLike) -> Floats:
    """K = KL(s || uniform) of mix weights s [..., L + 1] that sum to 1, in bits."""
    found = np.asarray(weights, dtype=np.float64)
    logs = np.log2(found * found.shape[-1], out=np.zeros_like(found), where=found > 0)
    return np.asarray((found * logs).sum(-1))
