"""Synthetic attention maps of the five patterns, of real lengths and with noise.

The hand-labelled maps of Kovaleva et al. (2019) are not public. Here a map is a mixture of what
attention maps are made of: columns, a band, blocks, and a rest of many shapes. The shares of these
parts determine the pattern (`SHARES`): which of them can be seen, given the length of the map and
the structure of the rest. Everything else is drawn at random, after what maps of real encoders
look like: columns of special tokens, punctuation and words that fade down the map; bands that
reach to a neighbour or over a phrase, more to one side than to the other, and seldom to the token
itself (Clark et al. 2019); segments of unequal length; rows of special tokens that differ from the
others; noise on every weight.
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
    "diagonal": {"columns": (0.0, 0.12), "band": (0.4, 0.97), "blocks": (0.0, 0.05)},
    "vertical+diagonal": {"columns": (0.25, 0.8), "band": (0.2, 0.75), "blocks": (0.0, 0.05)},
    "block": {"columns": (0.0, 0.15), "band": (0.0, 0.1), "blocks": (0.5, 0.95)},
    "heterogeneous": {"columns": (0.0, 0.2), "band": (0.0, 0.1), "blocks": (0.0, 0.08)},
}
"""Pattern -> range of the share of a map's mass in each part; the rest is of no such part."""

CLEAR, HIDDEN = 2.5, 1.25
"""Multiples of a map's mean weight. A column is clear over a calm rest from the first on, and
hidden below the second: a column with a tenth of the mass can be seen in a long diffuse map, but
not in a short one."""
BESIDE_BAND = 3.5, 2.0
"""The same for columns beside a band."""
CALM = 1.6
"""Inverse of the effective share of tokens that a row of a calm rest attends to, at most."""


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
        length: tokens n; 0 draws a length from 8 to 128, mostly that of a sentence or two.
        norm: rescale as in norm-weighted maps; None does so for every second map on average.
    """
    n = length or _length(rng)
    scaled = bool(rng.random() < 0.5) if norm is None else norm
    parts = {name: draw(rng, n) for name, draw in PARTS.items()}
    if scaled:
        if rng.random() < 0.7:  # special tokens fade, and columns of words remain
            parts["columns"] = columns(rng, n, special=0.1)
        parts = {name: _quiet_ends(rng, part) for name, part in parts.items()}
    rows = np.zeros((n, n))
    for name, share in _shares(rng, PATTERNS[pattern], parts).items():
        # a part's share varies from row to row around its share of the map
        spread = rng.uniform(0, 0.8 if scaled else 1.1)
        by_row = share * rng.lognormal(-(spread**2) / 2, spread, n)
        rows += by_row[:, None] * parts[name]
    # some rows are sharper than others, and no weight is what it should be
    rows **= rng.lognormal(0, rng.uniform(0, 0.4 if scaled else 0.6), (n, 1))
    rows /= rows.sum(axis=1, keepdims=True)
    _special_rows(rng, rows)
    noise = rng.uniform(0.05, 0.5 if scaled else 0.9)
    weights = rows * rng.lognormal(-(noise**2) / 2, noise, (n, n))
    weights /= weights.sum(axis=1, keepdims=True)
    if scaled:
        # lengths of the transformed vectors differ by token, hence also the sums of the rows
        by_row = rng.lognormal(0, rng.uniform(0.05, 0.8), (n, 1))
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


def _length(rng: np.random.Generator) -> int:
    """Mostly as long as sentences and pairs of them are, sometimes anything up to the longest."""
    if rng.random() < 0.7:
        drawn = rng.lognormal(np.log(18), 0.6)
        if SHORTEST <= drawn <= LONGEST:
            return int(drawn)
    return round(float(np.exp(rng.uniform(np.log(SHORTEST - 0.49), np.log(LONGEST + 0.49)))))


def _special_rows(rng: np.random.Generator, rows: Floats) -> None:
    """Rows of special tokens, first and last, often attend elsewhere than the other rows."""
    n = len(rows)
    for place in (0, n - 1):
        if rng.random() < 0.3:
            other = rng.dirichlet(np.full(n, rng.uniform(0.1, 2)))
            other[place] += rng.uniform(0, 1)
            part = rng.uniform(0.3, 1)
            rows[place] = (1 - part) * rows[place] + part * other / other.sum()


def _shares(
    rng: np.random.Generator, pattern: str, parts: Mapping[str, Floats]
) -> dict[str, float]:
    """Shares of the four parts, which sum to 1."""
    ranges = visible_ranges(pattern, parts)
    shares = {name: float(rng.uniform(*limits)) for name, limits in ranges.items()}
    total = sum(shares.values())
    if total > 0.97:
        shares = {name: share * 0.97 / total for name, share in shares.items()}
    return {**shares, "rest": 1 - sum(shares.values())}


def visible_ranges(pattern: str, parts: Mapping[str, Floats]) -> dict[str, tuple[float, float]]:
    """The ranges of `SHARES`, adjusted to what can be seen of these parts.

    Args:
        pattern: one of `PATTERNS`.
        parts: rows of each part [n, n].
    """
    n = len(parts["rest"])
    # the weight of the main column, if columns were all: in multiples of the mean weight
    peak = n * float(parts["columns"].mean(axis=0).max())
    width = 1 / float((parts["band"] ** 2).sum(axis=1).mean())  # tokens that a row's band covers
    calm = n * float((parts["rest"] ** 2).sum(axis=1).mean()) < CALM
    ranges = dict(SHARES[pattern])
    low, high = ranges["columns"]
    if pattern == "vertical":
        low = min(low, max(0.1, CLEAR / peak)) if calm else low
    elif pattern == "vertical+diagonal":
        low = min(low, max(0.12, BESIDE_BAND[0] / peak))
    elif pattern == "diagonal":
        high = min(high, BESIDE_BAND[1] / peak)
    else:
        high = min(high, (1 if calm else 2) * HIDDEN / peak)
    ranges["columns"] = low, high
    low, high = ranges["band"]
    if pattern in ("diagonal", "vertical+diagonal"):
        low = min(max(low, 1.5 * width / n), high - 0.15)  # a wide band is faint for its mass
    else:
        high = min(high, (2 if pattern == "vertical" else 1) * HIDDEN * width / n)
    ranges["band"] = low, high
    return ranges


def columns(rng: np.random.Generator, n: int, *, special: float = 0.8) -> Floats:
    """Rows that attend to a few columns: special tokens, punctuation, some words."""
    strength = np.zeros(n)
    drawn = rng.random()
    if drawn < special:
        first = rng.choice([1.0, 0.0, rng.random()], p=[0.7, 0.1, 0.2])
        strength[[0, -1]] = first, 1 - first
    if drawn > special - 0.3:
        places = rng.choice(n, size=rng.integers(1, max(2, n // 5) + 1), replace=False)
        if rng.random() < 0.15:
            places = np.arange(1, n - 1)  # every word to its own degree, few to a high one
        spread = 0.9 if len(places) < n // 3 else 1.8  # of many columns, few are strong
        # the pieces of a word are columns side by side
        pieces = places[(rng.random(len(places)) < 0.25) & (places < n - 2)]
        strength[places] += rng.lognormal(-0.5, spread, len(places)) * rng.uniform(0.2, 1)
        strength[pieces + 1] += strength[pieces] * rng.uniform(0.4, 1, len(pieces))
    # a column fades or grows down the map, and some of its rows look elsewhere
    slope = rng.normal(0, 0.7, n) * np.linspace(-0.5, 0.5, n)[:, None]
    sigma = rng.uniform(0, 0.6)
    found: Floats = strength * np.exp(slope) * rng.lognormal(0, sigma, (n, n))
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def band(rng: np.random.Generator, n: int) -> Floats:
    """Rows that attend to the token itself or to its neighbours, sharply or over a phrase."""
    found = _phrases(rng, n) if rng.random() < 0.55 else _line(rng, n)
    # some words are worth more; at the edge, where a shifted diagonal ends, rows look nearby
    distance = np.arange(n)[None, :] - np.arange(n)[:, None]
    found = found * rng.lognormal(0, rng.uniform(0.1, 1.0), n) + 1e-4 * np.exp(-np.abs(distance))
    found = found / found.sum(axis=1, keepdims=True)
    broken = rng.random(n) < rng.uniform(0, 0.35)
    found[broken] = 0.1 * found[broken] + rng.dirichlet(np.full(n, 0.3), int(broken.sum()))
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def _line(rng: np.random.Generator, n: int) -> Floats:
    """One to three sharp diagonals."""
    distance = np.arange(n)[None, :] - np.arange(n)[:, None]
    offsets = ([0], [-1], [1], [-1, 1], [-1, 0, 1], [-2], [2])
    chosen = offsets[rng.choice(len(offsets), p=[0.1, 0.38, 0.22, 0.12, 0.06, 0.08, 0.04])]
    width = rng.choice([0.12, rng.uniform(0.3, 0.6)])
    strength = rng.dirichlet(np.full(len(chosen), 4.0))
    return np.asarray(sum(
        share * np.exp(-0.5 * ((distance - offset) / width) ** 2)
        for offset, share in zip(chosen, strength, strict=True)
    ))  # fmt: skip


def _phrases(rng: np.random.Generator, n: int) -> Floats:
    """A wide band: a phrase on each side, or on one; its edges are soft."""
    distance = np.arange(n)[None, :] - np.arange(n)[:, None]
    usual = np.exp(rng.uniform(np.log(0.8), np.log(max(1.4, min(5.0, n / 7)))))
    sides = usual * rng.lognormal(0, rng.uniform(0, 0.6), 2)
    if rng.random() < 0.6:  # mainly backwards or mainly forwards
        sides[rng.integers(2)] *= rng.uniform(0.0, 0.4) + 0.02
    reach = np.where(distance < 0, sides[0], sides[1])
    reach = reach * rng.lognormal(0, rng.uniform(0, 0.4), (n, 1))  # phrases are not equally long
    power = rng.choice([1.0, 2.0])  # long tails, or none
    found = np.exp(-((np.abs(distance) / reach) ** power) / power)
    if rng.random() < 0.85:  # the token itself, or not
        found[np.diag_indices(n)] *= rng.choice([0.02, 0.1, 0.3, 1.5])
    if rng.random() < 0.5:
        start = rng.random(n) < 1 / rng.uniform(2, 5)
        phrase = np.cumsum(start)
        found *= np.where(phrase[:, None] == phrase[None, :], rng.uniform(1.5, 6), 1.0)
    return np.asarray(found)


def blocks(rng: np.random.Generator, n: int) -> Floats:
    """Rows that attend inside their own segment, two sentences or several phrases."""
    least = max(4, n // 6)
    count = 2 if rng.random() < 0.6 else int(rng.integers(2, max(2, n // least - 1) + 1))
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
