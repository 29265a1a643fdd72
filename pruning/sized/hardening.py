"""From soft gates to a mask of exactly the target size."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch

from ...data.errors import ConfigError

Costs = Mapping[str, npt.NDArray[np.float64]]
"""Size of what each gate opens, by gate tensor; equal to 1 where every gate is one unit."""


def check_target(keep: float, costs: Costs, what: str) -> None:
    """Raise if a share of units to keep is below one unit, or prunes less than one.

    Args:
        keep: the share.
        costs: size of each gate.
        what: name of the units.

    Raises:
        ConfigError: with the smallest or largest share that is possible.
    """
    sizes = np.concatenate([one.ravel() for one in costs.values()])
    total, one = float(sizes.sum()), float(sizes.min())
    counted = f"{len(sizes)} {what}"
    # in floating point, .9 of 10 units prunes a little less than one
    least = one * (1 - 1e-9)
    if keep * total < least:
        raise ConfigError(
            f"keeps less than one of {counted}, got {keep:g}",
            where="`keep`",
            remedy=f"use at least {_at_least(one / total):g}",
        )
    if (1 - keep) * total < least:
        raise ConfigError(
            f"prunes less than one of {counted}, got {keep:g}",
            where="`keep`",
            remedy=f"use at most {1 - _at_least(one / total):.10g}",
        )


def _at_least(share: float) -> float:
    """A share with two digits, rounded up."""
    unit = 10.0 ** (math.floor(math.log10(share)) - 1)
    return math.ceil(share / unit * (1 - 1e-9)) * unit


def kept_at_size(
    locations: Mapping[str, torch.Tensor], costs: Costs, keep: float
) -> dict[str, npt.NDArray[np.bool_]]:
    """Keep the gates with the highest location, as many as come closest to the target size.

    All gate tensors compete. Of equal locations, the first in the order of tensors and indices is
    kept. At least one gate is kept.

    Args:
        locations: location of each gate.
        costs: size of each gate, in the same shapes.
        keep: share of the total size to keep.

    Returns:
        Kept gates by gate tensor. The size differs from the target by at most half of the size of
        one gate.
    """
    names = list(locations)
    values = np.concatenate([locations[n].detach().double().cpu().numpy().ravel() for n in names])
    sizes = np.concatenate([np.asarray(costs[n], dtype=np.float64).ravel() for n in names])
    order = np.argsort(-values, kind="stable")
    reached = np.cumsum(sizes[order])
    # argmin takes the first of two sizes that are equally close, the smaller one
    count = 1 + int(np.argmin(np.abs(reached - keep * sizes.sum())))
    flat = np.zeros(len(values), dtype=np.bool_)
    flat[order[:count]] = True
    kept, start = {}, 0
    for name in names:
        shape = tuple(locations[name].shape)
        end = start + int(np.prod(shape))
        kept[name] = flat[start:end].reshape(shape)
        start = end
    return kept
