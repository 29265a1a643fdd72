"""The features of a map: shares of mass that do not depend on length or padding.

Maps are cut to their real tokens before anything is computed, so padding cannot enter. All figures
are in double precision and relative: to the mass of the map, or to the uniform map of its length.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch

from .feature_names import BANDS, GRID, OFFSETS, TOP, WINDOWS


@dataclass(frozen=True)
class _Shape:
    """What depends on the length n alone: places, distances, windows, pooling."""

    distance: torch.Tensor  # |i - j| [n, n]
    bands: torch.Tensor  # [n * n, bands]
    pool: torch.Tensor  # [GRID, n]
    windows: tuple[int, ...]


@lru_cache(maxsize=512)
def _shape(n: int) -> _Shape:
    place = torch.arange(n, dtype=torch.float64)
    distance = (place[:, None] - place[None, :]).abs()
    widths = [_size(band, n) for band in BANDS]
    bands = torch.stack([(distance <= width).double() for width in widths], dim=-1)
    # the overlap of each token's interval [j / n, (j + 1) / n] with each cell's
    edges, cells = torch.arange(n + 1).double() / n, torch.arange(GRID + 1).double() / GRID
    high = torch.minimum(edges[1:], cells[1:, None])
    low = torch.maximum(edges[:-1], cells[:-1, None])
    windows = tuple(min(max(_size(window, n), 2), n // 2) for window in WINDOWS)
    return _Shape(distance, bands.flatten(0, 1), (high - low).clamp_min(0) * GRID, windows)


def _size(name: str, n: int) -> int:
    """`4`, or a part of the length such as `n/8`, at least 1."""
    return max(1, n // int(name[2:])) if name.startswith("n/") else int(name)


def map_features(maps: torch.Tensor) -> torch.Tensor:
    """Features of maps that are all of the same length.

    Args:
        maps: nonnegative weights [M, n, n] without padding, n at least 4; any positive scale.

    Returns:
        [M, F] in double precision; zeros for a map without mass.
    """
    M, n, _ = maps.shape
    shape = _shape(n)
    weights = maps.detach().to("cpu", torch.float64).contiguous()
    tiny = torch.finfo(torch.float64).tiny
    weights = weights / weights.sum((1, 2), keepdim=True).clamp_min(tiny) * n  # a row is 1 in mean
    column = weights.mean(1)  # [M, n], sums to 1
    roots = weights.sqrt()
    found = [
        torch.full((M, 1), float(torch.tensor(float(n)).log2()) / 7, dtype=torch.float64),
        *_columns(weights, column, roots, tiny),
        *_diagonals(weights, column, roots, tiny),
        *_bands(weights, column, shape),
        *_segments(weights, column, shape),
        *_rows(weights, column, tiny),
        (shape.pool @ weights @ shape.pool.T * n).flatten(1).log1p(),
    ]
    return torch.cat(found, dim=1)


def _columns(
    weights: torch.Tensor, column: torch.Tensor, roots: torch.Tensor, tiny: float
) -> list[torch.Tensor]:
    n = column.shape[1]
    top, where = column.topk(TOP, dim=1)
    steady = roots.mean(1).square() / column.clamp_min(tiny)
    entropy = torch.special.entr(column).sum(1, keepdim=True) / float(torch.tensor(n).log())
    concentration = column.square().sum(1, keepdim=True)
    ends = [column[:, :1], column[:, -1:]]
    return [top, *ends, concentration, entropy, steady.gather(1, where)]


def _diagonals(
    weights: torch.Tensor, column: torch.Tensor, roots: torch.Tensor, tiny: float
) -> list[torch.Tensor]:
    n = column.shape[1]
    mass, excess, steady = [], [], []
    for offset in OFFSETS:
        here = weights.diagonal(offset, 1, 2).mean(1)
        by_chance = column[:, max(offset, 0) : n + min(offset, 0)].mean(1)
        mass.append(here)
        excess.append(here - by_chance)
        root = roots.diagonal(offset, 1, 2).mean(1)
        steady.append(root.square() / here.clamp_min(tiny))
    return [torch.stack(one, dim=1) for one in (mass, excess, steady)]


def _bands(weights: torch.Tensor, column: torch.Tensor, shape: _Shape) -> list[torch.Tensor]:
    n = column.shape[1]
    inside = weights.flatten(1) @ shape.bands / n
    chance = column @ shape.bands.view(n, n, -1).mean(0)
    mean = (weights * shape.distance).sum((1, 2)) / n**2
    expected = column @ shape.distance.mean(0) / n
    return [inside - chance, mean[:, None], (mean - expected)[:, None]]


def _segments(weights: torch.Tensor, column: torch.Tensor, shape: _Shape) -> list[torch.Tensor]:
    M, n, _ = weights.shape
    total = weights.new_zeros(M, n + 1, n + 1)
    total[:, 1:, 1:] = weights.cumsum(1).cumsum(2)
    cut = torch.arange(2, n - 1)
    upper, left, both = total[:, cut, n], total[:, n, cut], total[:, cut, cut]
    inside = (n - upper - left + 2 * both) / n
    share, part = left / n, cut.double() / n
    chance = part * share + (1 - part) * (1 - share)
    excess = inside - chance  # [M, cuts]
    best = excess.max(1, keepdim=True).values
    found = [best, best - excess.mean(1, keepdim=True)]
    highest, mean, spread = [], [], []
    for w in shape.windows:
        k = torch.arange(w, n - w + 1)
        low, high = k - w, k + w
        centre = total[:, k, k]
        before = centre - total[:, low, k] - total[:, k, low] + total[:, low, low]
        whole = (
            total[:, high, high] - total[:, low, high] - total[:, high, low] + total[:, low, low]
        )
        after = total[:, high, high] - total[:, k, high] - total[:, high, k] + centre
        novelty = (2 * (before + after) - whole) / (2 * w)
        highest.append(novelty.max(1).values)
        mean.append(novelty.mean(1))
        spread.append(novelty.var(1, unbiased=False).sqrt())
    return [*found, *(torch.stack(one, dim=1) for one in (highest, mean, spread))]


def _rows(weights: torch.Tensor, column: torch.Tensor, tiny: float) -> list[torch.Tensor]:
    n = column.shape[1]
    variation = (weights - column[:, None]).abs().sum((1, 2)) / (2 * n)
    mass = weights.sum(2)
    rows = weights / mass[..., None].clamp_min(tiny)
    entropy = torch.special.entr(rows).sum(2) / float(torch.tensor(n).log())
    peak = rows.amax(2).mean(1)
    symmetry = torch.minimum(weights, weights.transpose(1, 2)).sum((1, 2)) / n
    spread = [one.var(1, unbiased=False).sqrt() for one in (entropy, mass)]
    found = (variation, entropy.mean(1), spread[0], peak, spread[1], symmetry)
    return [torch.stack(found, dim=1)]
