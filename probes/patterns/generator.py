"""Synthetic attention maps of the five patterns, of real lengths and with noise.

The hand-labelled maps of Kovaleva et al. (2019) are not public. Here a map is a mixture of what
attention maps are made of: columns, diagonals, blocks, and a rest of many shapes. The shares of
these parts decide the pattern (`SHARES`); everything else is drawn at random, after what maps of
real encoders look like: special-token and punctuation columns that fade down the map, diagonals to
the token itself or a neighbour that break off or are as wide as a phrase, segments of unequal
length, rows of one type of token that attend to another type, noise on every weight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .classes import LONGEST, PATTERNS, SHORTEST
from .textures import rest

Floats = npt.NDArray[np.float64]

SHARES: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "vertical": {"columns": (0.4, 0.95), "band": (0.0, 0.08), "blocks": (0.0, 0.05)},
    "diagonal": {"columns": (0.0, 0.12), "band": (0.35, 0.95), "blocks": (0.0, 0.05)},
    "vertical+diagonal": {"columns": (0.25, 0.7), "band": (0.2, 0.65), "blocks": (0.0, 0.05)},
    "block": {"columns": (0.0, 0.15), "band": (0.0, 0.1), "blocks": (0.5, 0.95)},
    "heterogeneous": {"columns": (0.0, 0.2), "band": (0.0, 0.1), "blocks": (0.0, 0.08)},
}
"""Pattern -> range of the share of a map's mass in each part; the rest is of no such part."""


@dataclass(frozen=True)
class SyntheticMap:
    """One map.

    Attributes:
        weights: attention from each of n tokens to each [n, n]; rows sum to 1 unless `norm`.
        pattern: index in `PATTERNS`.
        norm: whether columns and rows were rescaled as in norm-weighted maps.
    """

    weights: Floats
    pattern: int
    norm: bool


def synthetic_map(
    rng: np.random.Generator, pattern: int, *, length: int = 0, norm: bool | None = None
) -> SyntheticMap:
    """Draw one map.

    Args:
        rng: the source of randomness.
        pattern: index in `PATTERNS`.
        length: tokens n; 0 draws log-uniformly from 8 to 128.
        norm: rescale as in norm-weighted maps; None does so for every second map on average.
    """
    n = length or round(np.exp(rng.uniform(np.log(SHORTEST - 0.49), np.log(LONGEST + 0.49))))
    scaled = bool(rng.random() < 0.5) if norm is None else norm
    rows = np.zeros((n, n))
    for name, share in _shares(rng, PATTERNS[pattern]).items():
        # a part's share varies from row to row around its share of the map
        spread = rng.uniform(0, 0.6)
        by_row = share * rng.lognormal(-(spread**2) / 2, spread, n)
        part = PARTS[name](rng, n)
        if scaled:
            part = _quiet_ends(rng, part)
        rows += by_row[:, None] * part
    # some rows are sharper than others, and no weight is what it should be
    rows **= rng.lognormal(0, rng.uniform(0, 0.35), (n, 1))
    noise = rng.uniform(0.05, 0.6)
    weights = rows * rng.lognormal(-(noise**2) / 2, noise, (n, n))
    weights /= weights.sum(axis=1, keepdims=True)
    if scaled:
        # lengths of the transformed vectors differ by token, hence also the sums of the rows
        by_row = rng.lognormal(0, rng.uniform(0.05, 0.6), (n, 1))
        weights = weights * rng.lognormal(0, rng.uniform(0.05, 0.3), n) * by_row
        weights *= np.exp(rng.normal())
    return SyntheticMap(weights, pattern, scaled)


def _quiet_ends(rng: np.random.Generator, part: Floats) -> Floats:
    """The same with weak first and last columns: special tokens have short vectors."""
    quiet = part * np.concatenate([[rng.uniform(0.05, 1)], np.ones(len(part) - 2), [rng.random()]])
    return np.asarray(quiet / quiet.sum(axis=1, keepdims=True).clip(1e-9))


def synthetic_maps(n_maps: int, *, seed: int, first: int = 0) -> list[SyntheticMap]:
    """Draw maps number `first`, `first` + 1 ...; map k depends on seed and k alone."""
    return [
        synthetic_map(np.random.default_rng([seed, k]), k % len(PATTERNS))
        for k in range(first, first + n_maps)
    ]


def _shares(rng: np.random.Generator, pattern: str) -> dict[str, float]:
    """Shares of the four parts, which sum to 1."""
    shares = {name: float(rng.uniform(*limits)) for name, limits in SHARES[pattern].items()}
    total = sum(shares.values())
    if total > 0.97:
        shares = {name: share * 0.97 / total for name, share in shares.items()}
    return {**shares, "rest": 1 - sum(shares.values())}


def columns(rng: np.random.Generator, n: int) -> Floats:
    """Rows that attend to a few columns: special tokens, punctuation, one frequent word."""
    strength = np.zeros(n)
    special = rng.random()
    if special < 0.75:
        first = rng.choice([1.0, 0.0, rng.random()], p=[0.65, 0.15, 0.2])
        strength[[0, -1]] = first, 1 - first
    if special > 0.45:
        places = rng.choice(n, size=rng.integers(1, max(2, n // 6) + 1), replace=False)
        strength[places] += rng.gamma(2.0, 0.5, len(places)) * rng.uniform(0.2, 1)
    # a column fades or grows down the map, and some of its rows look elsewhere
    slope = rng.normal(0, 0.7, n) * np.linspace(-0.5, 0.5, n)[:, None]
    sigma = rng.uniform(0, 0.8)
    found: Floats = strength * np.exp(slope) * rng.lognormal(0, sigma, (n, n))
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def band(rng: np.random.Generator, n: int) -> Floats:
    """Rows that attend to the token itself or to its neighbours, sharply or over a phrase."""
    distance = np.arange(n)[None, :] - np.arange(n)[:, None]
    offsets = ([0], [-1], [1], [-1, 1], [-1, 0, 1], [-2], [2])
    chosen = offsets[rng.choice(len(offsets), p=[0.25, 0.2, 0.2, 0.15, 0.1, 0.05, 0.05])]
    wide = rng.random() < 0.5
    usual = rng.uniform(0.4, max(0.6, min(3.5, n / 9))) if wide else 0.12
    width = usual * rng.lognormal(0, rng.uniform(0, 0.4), (n, 1))  # phrases are not equally long
    strength = rng.dirichlet(np.full(len(chosen), 4.0))
    found = sum(
        share * np.exp(-0.5 * ((distance - offset) / width) ** 2)
        for offset, share in zip(chosen, strength, strict=True)
    )
    if wide and rng.random() < 0.3:  # only backwards or only forwards
        found = found * np.where(distance * rng.choice([-1, 1]) > 0, 1.0, 0.2)
    # some words are worth more; at the edge, where a shifted diagonal ends, rows look nearby
    found = found * rng.lognormal(0, rng.uniform(0, 0.4), n) + 1e-4 * np.exp(-np.abs(distance))
    found = found / found.sum(axis=1, keepdims=True)
    broken = rng.random(n) < rng.uniform(0, 0.35)
    found[broken] = 0.1 * found[broken] + rng.dirichlet(np.full(n, 0.3), int(broken.sum()))
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def blocks(rng: np.random.Generator, n: int) -> Floats:
    """Rows that attend inside their own segment, two sentences or several phrases."""
    least = max(3, n // 10)
    count = 2 if rng.random() < 0.5 else int(rng.integers(2, max(2, n // least // 2) + 1))
    while True:
        ends = np.sort(rng.choice(np.arange(1, n), size=count - 1, replace=False))
        sizes = np.diff(np.concatenate([[0], ends, [n]]))
        if sizes.min() >= least and sizes.max() <= 0.72 * n:
            break
    segment = np.repeat(np.arange(count), sizes)
    inside = (segment[:, None] == segment[None, :]).astype(np.float64)
    inside *= rng.lognormal(0, rng.uniform(0, 0.6), n)
    found = inside * rng.gamma(rng.uniform(1.0, 8.0), 1.0, (n, n)) + 1e-9
    return np.asarray(found / found.sum(axis=1, keepdims=True))


PARTS: Mapping[str, Callable[[np.random.Generator, int], Floats]] = {
    "columns": columns,
    "band": band,
    "blocks": blocks,
    "rest": rest,
}
"""Part -> what draws it: rows [n, n] that sum to 1."""
