"""How much the good masks of two tasks share, next to what chance alone makes them share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...models.masks.subnetwork import Subnetwork
from ..stability.mask_pairs import same_unit_overlaps

Masks = Mapping[tuple[str, int, str], Subnetwork]
"""Task, seed and method -> the good mask."""


def overlap_columns(masks: Masks, of: str, onto: str, method: str) -> dict[str, Any]:
    """Kept shares and overlap of the masks of two tasks, means over the seeds.

    Args:
        masks: the good masks.
        of: the task whose mask is transferred.
        onto: the task that it is scored on.
        method: how both were found.

    Returns:
        `kept_heads`, `kept_mlps` and so on of the first mask, and for each unit that both prune
        `jaccard_UNITS` and `jaccard_UNITS_expected`: units that both keep over units that either
        keeps, and the mean of that over random masks of the same two sizes.
    """
    found: dict[str, list[float]] = {}
    seeds = [seed for task, seed, how in masks if task == of and how == method]
    for seed in seeds:
        mask, other = masks[of, seed, method], masks[onto, seed, method]
        for name, (kept, every) in mask.counts().items():
            if name != "units":
                found.setdefault(f"kept_{name}", []).append(kept / every)
        for line in same_unit_overlaps(mask, other):
            at = f"jaccard_{line['unit']}s"
            found.setdefault(at, []).append(line["jaccard"])
            found.setdefault(f"{at}_expected", []).append(line["jaccard_expected"])
    return {name: float(np.mean(values)) for name, values in found.items()}
