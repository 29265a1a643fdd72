"""Similarity of two sets of vectors of the same words: linear CKA and RSA."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

Floats = npt.NDArray[np.float64]


class CrossProducts:
    """Counts, sums and products of pairs of vectors, from which linear CKA follows.

    Args:
        width: D, of both.
    """

    def __init__(self, width: int):
        self.count = 0
        self._mean_x, self._mean_y = torch.zeros(2, width, dtype=torch.float64)
        self._xx, self._yy, self._xy = torch.zeros(3, width, width, dtype=torch.float64)

    @classmethod
    def of(cls, x: torch.Tensor, y: torch.Tensor) -> CrossProducts:
        """Those of some words.

        Args:
            x: vectors [R, D].
            y: the other vectors of the same words [R, D].
        """
        found = cls(x.shape[1])
        found.count = len(x)
        if not len(x):
            return found
        # around their own means, so that means far from zero cost no digits
        found._mean_x, moved = _centred(x)
        found._xx = moved.mT @ moved
        if x is y:
            found._mean_y, found._yy, found._xy = found._mean_x, found._xx, found._xx
            return found
        found._mean_y, other = _centred(y)
        found._yy, found._xy = other.mT @ other, moved.mT @ other
        return found

    def plus(self, other: CrossProducts) -> CrossProducts:
        """Those of the words of both."""
        return self._joined(other, 1)

    def less(self, other: CrossProducts) -> CrossProducts:
        """Those of the words that are not among the other's, which are among these."""
        return self._joined(other, -1)

    def _joined(self, other: CrossProducts, sign: int) -> CrossProducts:
        found = CrossProducts(len(self._mean_x))
        found.count = self.count + sign * other.count
        if not found.count:
            return found
        share = sign * other.count / found.count
        far_x, far_y = other._mean_x - self._mean_x, other._mean_y - self._mean_y
        found._mean_x = self._mean_x + share * far_x
        found._mean_y = self._mean_y + share * far_y
        weight = share * self.count
        found._xx = self._xx + sign * other._xx + weight * torch.outer(far_x, far_x)
        found._yy = self._yy + sign * other._yy + weight * torch.outer(far_y, far_y)
        found._xy = self._xy + sign * other._xy + weight * torch.outer(far_x, far_y)
        return found

    def cka(self) -> float:
        """Linear CKA of the centred vectors: |X'Y|^2 / (|X'X| |Y'Y|), Frobenius norms.

        Kornblith et al. (2019), equation 5, as it is usually computed. It is biased upwards where
        there are few words for D. NaN where one side does not vary.
        """
        below = float(self._xx.norm() * self._yy.norm())
        return float(self._xy.square().sum()) / below if below > 0 else float("nan")


def _centred(vectors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    wide = vectors.double()
    mean = wide.mean(0)
    return mean, wide - mean


def dissimilarities(vectors: Floats, kind: str) -> Floats:
    """Of each pair of words, in the order of `scipy.spatial.distance.pdist` [W (W - 1) / 2].

    Args:
        vectors: [W, D].
        kind: `correlation` (1 - Pearson over dimensions), `cosine` or `euclidean`.
    """
    from scipy.spatial.distance import pdist

    found: Floats = pdist(vectors, kind)
    return found


def rank_correlation(ours: Floats, theirs: Floats) -> float:
    """Spearman's correlation; NaN where one side does not vary or is NaN or infinite."""
    from scipy.stats import rankdata

    if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
        return float("nan")
    if len(ours) < 2 or np.ptp(ours) == 0 or np.ptp(theirs) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(ours), rankdata(theirs))[0, 1])


def without(vectors_of: npt.NDArray[np.int64], block: int) -> npt.NDArray[np.bool_]:
    """Which pairs of words, in the order of `pdist`, have no word of a block.

    Args:
        vectors_of: block of each word [W].
        block: the one that is left out.
    """
    first, second = np.triu_indices(len(vectors_of), 1)
    kept: npt.NDArray[np.bool_] = (vectors_of != block)[first] & (vectors_of != block)[second]
    return kept
