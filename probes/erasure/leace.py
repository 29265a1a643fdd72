"""LEACE: the smallest change of vectors after which no linear classifier can predict their classes.

Belrose et al. (2023), theorem 4.3: r(x) = x - W^+ P W (x - E x), where W is the whitening of x, and
P projects on the columns of W Cov(x, z), with z the one-hot classes.
"""

from __future__ import annotations

import torch

from .eraser import Eraser


class LeaceSums:
    """What LEACE needs of vectors and their classes: means and covariances, block by block.

    Args:
        width: D.
        classes: K.
    """

    def __init__(self, width: int, classes: int):
        self.count = 0
        self._mean = torch.zeros(width, dtype=torch.float64)
        self._mean_z = torch.zeros(classes, dtype=torch.float64)
        self._xx = torch.zeros(width, width, dtype=torch.float64)
        self._xz = torch.zeros(width, classes, dtype=torch.float64)

    def update(self, vectors: torch.Tensor, gold: torch.Tensor) -> None:
        """Add some vectors.

        Args:
            vectors: [R, D].
            gold: class of each [R].
        """
        if not len(vectors):
            return
        x = vectors.double()
        z = torch.nn.functional.one_hot(gold, len(self._mean_z)).double()
        # around the block's own mean, so that a mean far from zero costs no digits
        mean, mean_z = x.mean(0), z.mean(0)
        x, z = x - mean, z - mean_z
        far, far_z = mean - self._mean, mean_z - self._mean_z
        share = len(x) / (self.count + len(x))
        self._xx += x.mT @ x + self.count * share * torch.outer(far, far)
        self._xz += x.mT @ z + self.count * share * torch.outer(far, far_z)
        self._mean += share * far
        self._mean_z += share * far_z
        self.count += len(x)

    def eraser(self, *, shrinkage: bool = False) -> Eraser:
        """The eraser of the classes.

        Every direction of the cross-covariance that is not zero in double precision is removed,
        those of the rarest classes too.

        Args:
            shrinkage: whether the covariance is shrunk to a multiple of the identity (Bodnar et al.
                2014), for hardly more vectors than dimensions. The classes are then not removed
                exactly from the vectors that were seen.
        """
        covariance = self._xx / (self.count - 1)
        if shrinkage:
            covariance = shrunk(self._xx / self.count, self.count)
        cross = self._xz / (self.count - 1)
        values, axes = torch.linalg.eigh(covariance)
        eps = torch.finfo(torch.float64).eps
        there = values > values[-1] * len(values) * eps
        roots = values.clamp_min(0).sqrt()
        inverse = torch.where(there, roots.clamp_min(eps).reciprocal(), torch.zeros_like(roots))
        whiten = (axes * inverse) @ axes.mT
        restore = (axes * torch.where(there, roots, torch.zeros_like(roots))) @ axes.mT
        found, sizes, _ = torch.linalg.svd(whiten @ cross, full_matrices=False)
        # rounding in the whitened covariance grows with its condition: its square root, at most
        found = found[:, sizes > sizes[0] * eps**0.5] if sizes[0] > 0 else found[:, :0]
        return Eraser(restore @ found, found.mT @ whiten, self._mean.clone())


def shrunk(covariance: torch.Tensor, count: int) -> torch.Tensor:
    """The best linear shrinkage of a covariance to a multiple of the identity.

    Bodnar, Gupta & Parolya (2014), as `concept-erasure` has it.

    Args:
        covariance: with divisor N, float64 [D, D].
        count: N.
    """
    width = len(covariance)
    trace = covariance.trace()
    sphere = trace**2 / width  # squared norm of the identity of the same trace
    spread = covariance.square().sum() * sphere - sphere**2
    eps = torch.finfo(torch.float64).eps
    kept = 1 - (trace**2 * sphere / count + eps) / (spread + eps)
    added = (1 - kept) * trace / width
    return kept * covariance + added * torch.eye(width, dtype=torch.float64)
