"""Classification without training: rules on three shares of a map's mass."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from .classes import PATTERNS

COLUMN, BAND, BLOCK = 0.3, 0.2, 0.3
"""Shares from which on a map is called by its columns, its band, its blocks."""


def mass_shares(maps: torch.Tensor) -> torch.Tensor:
    """Column, band and block share of maps of one length.

    Column share: mass of the columns that hold at least three times a uniform column's, and a tenth
    of the map. Band share: what the best of five diagonals (previous, self, next; previous and
    next; all three) holds beyond what its columns would put there, as a part of what is possible.
    Block share: what the best cut into two segments keeps inside them beyond chance, the same way.

    Args:
        maps: nonnegative weights [M, n, n] without padding, n at least 4.

    Returns:
        [M, 3].
    """
    n = maps.shape[-1]
    weights = maps.detach().to("cpu", torch.float64)
    weights = weights / weights.sum((1, 2), keepdim=True)
    column = weights.sum(1)  # [M, n]
    row = weights.sum(2)
    is_column = (column >= 3 / n) & (column >= 0.1)
    columns = (column * is_column).sum(1)
    diagonals = {d: _diagonal(weights, row, column, d) for d in (-1, 0, 1)}
    band = torch.stack(
        [_beyond(*torch.stack([diagonals[d] for d in group]).sum(0)) for group in _BANDS]
    ).amax(0)
    total = weights.new_zeros(len(weights), n + 1, n + 1)
    total[:, 1:, 1:] = weights.cumsum(1).cumsum(2)
    cut = torch.arange(n // 4, n - n // 4 + 1)
    above, left = total[:, cut, n], total[:, n, cut]
    inside = 1 - above - left + 2 * total[:, cut, cut]
    chance = above * left + (1 - above) * (1 - left)
    block = _beyond(inside, chance).amax(1)
    return torch.stack([columns, band, block], dim=1)


def _diagonal(
    weights: torch.Tensor, row: torch.Tensor, column: torch.Tensor, offset: int
) -> torch.Tensor:
    """Mass on one diagonal, and what its rows and columns would put there [2, M]."""
    n = row.shape[1]
    rows, columns = row[:, max(-offset, 0) : n - max(offset, 0)], column[:, max(offset, 0) :]
    chance = (rows * columns[:, : rows.shape[1]]).sum(1)
    return torch.stack([weights.diagonal(offset, 1, 2).sum(1), chance])


def _beyond(found: torch.Tensor, chance: torch.Tensor) -> torch.Tensor:
    """What is beyond chance, as a part of what is possible."""
    return (found - chance) / (1 - chance).clamp_min(1e-12)


_BANDS = ((-1,), (0,), (1,), (-1, 1), (-1, 0, 1))


def rule_patterns(maps: torch.Tensor) -> npt.NDArray[np.int64]:
    """The pattern of each map [M] by the first rule that fits.

    1. column share >= .3 and band share >= .2: `vertical+diagonal`;
    2. column share >= .3: `vertical`;
    3. block share >= .3 and above the band share: `block`;
    4. band share >= .2: `diagonal`;
    5. else `heterogeneous`.

    The thresholds were set by hand before any agreement was measured; nothing is fitted.
    """
    columns, band, block = mass_shares(maps).unbind(1)
    named = {name: k for k, name in enumerate(PATTERNS)}
    found = torch.full_like(columns, named["heterogeneous"], dtype=torch.int64)
    found[band >= BAND] = named["diagonal"]
    found[(block >= BLOCK) & (block > band)] = named["block"]
    found[columns >= COLUMN] = named["vertical"]
    found[(columns >= COLUMN) & (band >= BAND)] = named["vertical+diagonal"]
    return np.asarray(found.numpy())
