"""The overlap of a learnt mask with other masks, of the same or of coarser units.

Masks of the same units are compared as in `stability.mask_pairs`. Of a mask of finer units the
share that it keeps of each head and MLP is compared between those that the other keeps and those
that it prunes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.errors import MaskError
from ...models.masks.subnetwork import Subnetwork
from ..stability.mask_pairs import overlap_of, pruned_levels, same_units
from ..statistics.uncertainty import permutation_p
from .shares import Floats, head_shares, mlp_shares, share_difference

OVERLAP_COLUMNS = (
    "mask", "other", "task", "unit", "n_units", "kept", "other_kept", "shared", "shared_expected",
    "jaccard", "jaccard_expected", "adjusted", "share_in_kept", "share_in_pruned", "p_value",
    "shared_expected_by_layer", "p_value_by_layer",
)  # fmt: skip
"""Columns of the overlap table, in file order."""

_REACHES = {
    "heads": ("heads",),
    "mlps": ("mlps",),
    "neurons": ("mlps", "neurons"),
    "weights": ("heads", "mlps", "weights"),
}
"""Level that a mask decides on -> levels of another mask that it can be compared with."""


def check_comparable(model: Any, levels: Collection[str], other: Subnetwork, where: str) -> None:
    """Raise, before training, unless a mask of some levels can be compared with another.

    Raises:
        MaskError: if no level of one mask can be compared with a level that the other prunes.
    """
    pruned = pruned_levels(other)
    if not {level for one in levels for level in _REACHES[one]} & set(pruned):
        raise MaskError(
            f"prunes {' and '.join(pruned) or 'nothing'}, which gates on "
            f"{' and '.join(levels)} say nothing about",
            where=where,
            remedy="choose other `units`",
        )
    for path, mask in other.weight_masks.items() if "weights" in levels else ():
        try:
            shape = tuple(model.base_model.get_submodule(path).weight.shape)
        except AttributeError:
            shape = ()
        if shape != mask.shape:
            raise MaskError(f"masks {path}, which does not match the model", where=where)


def overlap_rows(
    model: Any,
    name: str,
    mask: Subnetwork,
    levels: Collection[str],
    other_name: str,
    other: Subnetwork,
) -> list[dict[str, Any]]:
    """One record for each level that both masks cover.

    Args:
        model: the encoder that both are of.
        name: name of the learnt mask.
        mask: the learnt mask.
        levels: the levels that it prunes.
        other_name: name of the other mask.
        other: a mask of the same encoder.
    """
    about = {"mask": name, "other": other_name, "task": other.task}
    found = [
        {**about, "unit": unit, **overlap_of(layers)}
        for unit, layers in same_units(mask, other, levels)
    ]
    found += [
        {**about, "unit": unit, **_graded(shares, kept)}
        for unit, shares, kept in _finer(model, mask, other, levels)
    ]
    return found


def overlap_frame(records: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """The table of several pairs."""
    return pd.DataFrame(list(records), columns=list(OVERLAP_COLUMNS))


def _finer(
    model: Any, mask: Subnetwork, other: Subnetwork, levels: Collection[str]
) -> Iterator[tuple[str, Floats, npt.NDArray[np.bool_]]]:
    """Heads and MLPs of which the learnt mask keeps a share, and whether the other keeps them."""
    pruned = pruned_levels(other)
    if "weights" in levels and "heads" in pruned:
        yield "head", head_shares(model, mask), other.head_mask
    if {"weights", "neurons"} & set(levels) and "mlps" in pruned:
        yield "mlp", mlp_shares(model, mask)[None], other.mlp_mask[None]


def _graded(shares: Floats, kept: npt.NDArray[np.bool_]) -> dict[str, Any]:
    found: dict[str, Any] = {"n_units": kept.size, "other_kept": int(kept.sum())}
    if not kept.any():
        return found | {"share_in_pruned": float(shares.mean())}
    found |= {
        "share_in_kept": float(shares[kept].mean()),
        "share_in_pruned": float(shares[~kept].mean()),
    }
    for column, within in (("p_value", False), ("p_value_by_layer", True)):
        if len(kept) > 1 or not within:
            observed, null = share_difference(shares, kept, within=within)
            found[column] = permutation_p(observed, null, alternative="greater")
    return found
