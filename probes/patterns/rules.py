"""A second opinion without training: patterns by rules on three shares of a map's mass."""

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
    by_chance = row[:, :, None] * column[:, None, :]

    def beyond(inside: torch.Tensor) -> torch.Tensor:
        found, chance = (weights * inside).sum((1, 2)), (by_chance * inside).sum((1, 2))
        return (found - chance) / (1 - chance).clamp_min(1e-12)

    place = torch.arange(n)
    offset = place[None, :] - place[:, None]
    bands = [sum((offset == d).double() for d in group) for group in _BANDS]
    band = torch.stack([beyond(one) for one in bands if isinstance(one, torch.Tensor)]).amax(0)
    cuts = [(place < k)[:, None] == (place < k)[None, :] for k in range(n // 4, n - n // 4 + 1)]
    block = torch.stack([beyond(one.double()) for one in cuts]).amax(0)
    return torch.stack([columns, band, block], dim=1)


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
