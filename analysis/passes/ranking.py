"""The forward passes that ranking the units of a model takes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...probes.passes import WITH_GRADIENTS

_STEP_SHARE = 0.1


def ranking_passes(importance: str, units: int, shares: Sequence[float], *, search: bool) -> float:
    """Forward passes over the selection examples that finding the good masks takes.

    Args:
        importance: how units are ranked; empty = by the weights alone.
        units: units of the curve.
        shares: shares of the sizes.
        search: whether each size has its own search, which removes a tenth of the units per step.
    """
    if not importance:
        return 0.0
    one = WITH_GRADIENTS
    if importance in ("magnitude", "random"):
        one = 1.0
    elif importance == "ablation":
        one = 1.0 + units
    if not search:
        return one
    return one * sum(1 + math.ceil((1 - share) / _STEP_SHARE) for share in shares if share < 1)
