"""The time of a curve over sizes, estimated before its masks are scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...data.errors import InputError
from ...models.encoder.anatomy import Anatomy, anatomy_of
from ...models.masks.constants import CONSTANT, FOLDED
from ...models.masks.subnetwork import Subnetwork, full_subnetwork
from ...models.smaller.cost import cost

_LENGTH = 32


def operations_left(
    model: Any, counts: Sequence[Mapping[str, int]], ablation: str = "zero"
) -> list[float]:
    """Share of the full model's operations that a mask of each size needs.

    Units are counted as if the first ones were kept, since those of a layer without an MLP or heads
    cost the same in every layer. Where units cannot be removed, a mask costs a full pass, and a
    second one where their outputs on other inputs replace them.

    Args:
        model: a classifier.
        counts: for each size, type of unit -> how many are kept.
        ablation: what replaces the output of a pruned unit.
    """
    if ablation not in FOLDED:
        return [1.0 if ablation in CONSTANT else 2.0] * len(counts)
    anatomy = anatomy_of(model)
    whole = full_subnetwork(anatomy)
    try:
        full = cost(model, 1, _LENGTH, whole).flops
        return [
            1.0
            if "weights" in kept
            else cost(model, 1, _LENGTH, _first(anatomy, kept)).flops / full
            for kept in counts
        ]
    except InputError:
        return [1.0] * len(counts)


def _first(anatomy: Anatomy, kept: Mapping[str, int]) -> Subnetwork:
    """The mask that keeps the first units of each type."""
    whole = full_subnetwork(anatomy)
    neurons = np.ones((anatomy.num_layers, anatomy.num_neurons), dtype=np.bool_)
    arrays = {"heads": whole.head_mask, "mlps": whole.mlp_mask, "neurons": neurons}
    for name, count in kept.items():
        arrays[name] = (np.arange(arrays[name].size) < count).reshape(arrays[name].shape)
    return Subnetwork(arrays["heads"], arrays["mlps"], arrays["neurons"])


def curve_seconds(
    full: float, left: Sequence[float], masks: Sequence[int], ranking: float, selection: float
) -> float:
    """Seconds of a curve on one model; masks that share layers take less.

    Args:
        full: seconds of one pass of the full model over the reported examples.
        left: share of the operations at each size.
        masks: masks of each size.
        ranking: forward passes over the selection examples.
        selection: number of selection examples, relative to the reported ones.
    """
    scoring = sum(share * count for share, count in zip(left, masks, strict=True))
    return full * (scoring + ranking * selection)
