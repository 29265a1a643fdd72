"""The overlap of each two of several named masks, with corrected p-values."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import pandas as pd

from ...data.errors import MaskError
from ...models.masks.subnetwork import Subnetwork
from ..statistics.corrections import adjust_rows
from .mask_pairs import pruned_levels, same_unit_overlaps

PAIR_COLUMNS = (
    "mask", "other", "unit", "n_units", "kept", "other_kept", "shared", "shared_expected", "iou",
    "iou_expected", "iou_low", "iou_high", "containment", "containment_expected",
    "containment_low", "containment_high", "adjusted", "p_value", "p_adjusted", "correction",
    "family_size", "shared_expected_by_layer", "p_value_by_layer",
)  # fmt: skip
"""Columns of the table, in file order."""


def pair_table(masks: Mapping[str, Subnetwork], correction: str = "holm") -> pd.DataFrame:
    """One line for each two masks and each level at which both prune.

    The p-values over the full model are one family; those within layers are not corrected.

    Args:
        masks: name -> mask, all of the same encoder.
        correction: `holm` or `fdr_bh`.

    Raises:
        MaskError: for fewer than two masks, masks of different shapes, and a mask that prunes at no
            level at which the other one prunes.
    """
    if len(masks) < 2:
        raise MaskError(
            f"an overlap needs at least two masks, got {len(masks)}", remedy="name another mask"
        )
    records: list[dict[str, Any]] = []
    for (name, mask), (other_name, other) in combinations(masks.items(), 2):
        _check_shapes(name, mask, other_name, other)
        found = same_unit_overlaps(mask, other)
        if not found:
            said = " and ".join(f"{one}: {_pruned(each)}" for one, each in (
                (name, mask), (other_name, other)))  # fmt: skip
            raise MaskError(
                f"the masks prune at different levels ({said}), so no unit can be compared",
                remedy="compare masks that prune at the same level",
            )
        records += [{"mask": name, "other": other_name, **line} for line in found]
    table = pd.DataFrame(records).rename(columns=lambda one: one.replace("jaccard", "iou"))
    return adjust_rows(table, method=correction)[list(PAIR_COLUMNS)]


def _pruned(mask: Subnetwork) -> str:
    return ", ".join(pruned_levels(mask)) or "nothing"


def _check_shapes(name: str, mask: Subnetwork, other_name: str, other: Subnetwork) -> None:
    """Raise unless two masks have the same units."""
    shapes = [_shapes(mask), _shapes(other)]
    for unit in shapes[0]:
        one, two = shapes[0][unit], shapes[1].get(unit, shapes[0][unit])
        if one != two:
            raise MaskError(
                f"different shapes of {unit}: {list(one)} in {name}, {list(two)} in {other_name}",
                remedy="compare masks of the same encoder",
            )


def _shapes(mask: Subnetwork) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {"heads [L, H]": mask.head_mask.shape}
    if mask.neuron_mask is not None:
        found["neurons [L, F]"] = mask.neuron_mask.shape
    return found | {f"weights of {path}": one.shape for path, one in mask.weight_masks.items()}
