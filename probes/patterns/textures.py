"""Unstructured rows of synthetic maps, in addition to columns, diagonals and blocks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def rest(rng: np.random.Generator, n: int) -> Floats:
    """Rows [n, n] that sum to 1, of one of three textures."""
    textures = (diffuse, by_type, scattered)
    found = textures[rng.choice(3, p=[0.65, 0.27, 0.08])](rng, n)
    if rng.random() < 0.35:
        found = _tilted(rng, found)
    return found


def diffuse(rng: np.random.Generator, n: int) -> Floats:
    """Rows drawn around one mild preference for some tokens (Dirichlet)."""
    base = np.exp(rng.uniform(0, 0.7) * rng.normal(size=n))
    concentration = np.exp(rng.uniform(np.log(2.0), np.log(50.0)))
    if rng.random() < 0.5:
        found = rng.gamma(concentration * base / base.mean(), 1.0, (n, n)) + 1e-9
    else:  # as a softmax of scores with Gaussian noise
        found = base * rng.lognormal(0, rng.uniform(0.1, 0.8), (n, n))
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def by_type(rng: np.random.Generator, n: int) -> Floats:
    """Tokens of one type attend to tokens of certain types: checks and strips off the diagonal."""
    count = int(rng.integers(2, 6))
    kind = rng.integers(0, count, n)
    affinity = rng.gamma(rng.uniform(0.6, 4.0), 1.0, (count, count)) + 0.05
    if rng.random() < 0.3:  # like attends to like
        affinity[np.diag_indices(count)] += rng.uniform(1, 3)
    # no type draws all rows: that would be columns
    affinity /= affinity.mean(axis=0)
    found = affinity[kind[:, None], kind[None, :]] * rng.gamma(4.0, 0.25, (n, n)) + 1e-9
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def scattered(rng: np.random.Generator, n: int) -> Floats:
    """Each row attends to a few tokens of its own, such as syntactic heads or repeated words."""
    found = rng.gamma(0.15, 1.0, (n, n)) + 1e-3
    if rng.random() < 0.5:
        found = found + found.T
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def _tilted(rng: np.random.Generator, found: Floats) -> Floats:
    """The same with a mild preference for what is near, and for what is before or after."""
    distance = np.subtract.outer(np.arange(len(found)), np.arange(len(found))) / len(found)
    tilt = rng.uniform(-1.0, 0.2) * np.abs(distance) + rng.normal(0, 0.6) * distance
    found = found * np.exp(tilt)
    return np.asarray(found / found.sum(axis=1, keepdims=True))
