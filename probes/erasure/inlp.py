"""Iterative null-space projection (Ravfogel et al. 2020; as in Elazar et al. 2021).

A linear classifier is trained on the property and its directions are projected away, until the next
classifier is no better than the majority baseline.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from .eraser import Eraser, orthogonal_eraser
from .linear_probe import Codes, Floats, LinearProbe

_UNCHANGED = 3
"""Rounds with one and the same accuracy after which the search ends."""


@dataclass(frozen=True)
class Inlp:
    """The result of all rounds.

    Attributes:
        eraser: orthogonal, around zero.
        accuracies: of each round's classifier on the dev part.
        reached: whether the last of them was within the margin of the majority.
        converged: whether every classifier reached its optimum.
    """

    eraser: Eraser
    accuracies: tuple[float, ...]
    reached: bool
    converged: bool


def inlp(
    train: tuple[Floats, Codes],
    dev: tuple[Floats, Codes],
    *,
    majority: float,
    rounds: int = 20,
    margin: float = 0.01,
    penalty: float = 0.01,
) -> Inlp:
    """Project away what linear classifiers read, round by round.

    The projection that is kept is that of the first round whose classifier is right on the dev part
    at most `margin` more often than the majority, its own directions included (the rule of the
    authors' code); where there is none, that of all rounds.

    Args:
        train: vectors [T, D] and their classes [T].
        dev: the same of the part that stops the rounds; a class of -1 is always missed.
        majority: accuracy of the most frequent class on the dev part.
        rounds: at most.
        margin: above the majority.
        penalty: of the classifiers.
    """
    vectors, gold = train
    basis = np.zeros((vectors.shape[1], 0))
    rows: list[npt.NDArray[np.float64]] = []
    accuracies: list[float] = []
    reached, converged = False, True
    while len(accuracies) < rounds and basis.shape[1] < vectors.shape[1] and not reached:
        probe = LinearProbe.fit(_without(vectors, basis), gold, penalty)
        converged &= probe.converged
        right = probe.predict(_without(dev[0], basis)) == dev[1]
        accuracies.append(float(right.mean()))
        if len(accuracies) > _UNCHANGED and len(set(accuracies[-_UNCHANGED - 1 :])) == 1:
            break
        rows.append(row_space(probe.weights))
        # of all rounds at once: projections that are multiplied drift
        basis = row_space(np.concatenate(rows, axis=1).T)
        reached = accuracies[-1] - majority <= margin
    centre = torch.zeros(vectors.shape[1], dtype=torch.float64)
    eraser = orthogonal_eraser(torch.from_numpy(basis), centre)
    return Inlp(eraser, tuple(accuracies), reached, converged)


def row_space(rows: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Orthonormal columns [D, k] that span the rows [R, D], as far as single precision has them."""
    _, sizes, axes = np.linalg.svd(np.asarray(rows, dtype=np.float64), full_matrices=False)
    return np.ascontiguousarray(axes[sizes > 1e-5 * max(sizes.max(initial=0.0), 1e-30)].T)


def _without(vectors: Floats, basis: npt.NDArray[np.float64]) -> Floats:
    found: Floats = vectors - (vectors @ basis @ basis.T).astype(np.float32)
    return found
