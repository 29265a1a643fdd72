"""Score a candidate mask on a smaller model, if that gives the same scores faster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt

from ...data.errors import InputError
from ..encoder.first_token import classified_token_alone
from ..masks.constants import FOLDED
from ..masks.gates import gated
from ..masks.subnetwork import Subnetwork
from .shrink import shrink

BY_GATES = ("gate-example", "gate-batch-accumulated", "fisher")
"""Definitions of importance that need only gradients at gates, which a smaller model provides for
all units that it has. The others read weights by their position in the full model, put gates on
single tokens, or remove units one by one."""


@contextmanager
def classifying_as(model: Any, subnetwork: Subnetwork | None) -> Iterator[Any]:
    """A model that computes the logits of `model` under a mask, within 1e-5, as fast as possible.

    If pruned units can be removed, it is a smaller copy without them, which shares everything else
    with the model; otherwise it is the model itself, with gates inside the context. The last layer
    is computed only for the first token if the task head reads no other. The model is only for
    computing logits and must not be trained or changed.

    Args:
        model: an encoder with a task head; it is not modified.
        subnetwork: the mask; None = the full model.

    Raises:
        MaskError: if the shapes of mask and model differ, or the mask keeps units that a smaller
            model does not have.
    """
    smaller = shrunk_to(model, subnetwork)
    gates = gated(model, subnetwork) if smaller is model else nullcontext()
    with gates, classified_token_alone(smaller):
        yield smaller


def shrunk_to(model: Any, subnetwork: Subnetwork | None) -> Any:
    """The model without the units that a mask prunes; the model itself if it prunes none.

    Args:
        model: a classifier; left untouched.
        subnetwork: the mask, which must still be applied to the result. Single weights that it
            prunes are not removed.
    """
    if subnetwork is None or subnetwork.weight_masks:
        return model
    masks = (subnetwork.head_mask, subnetwork.mlp_mask, subnetwork.neuron_mask)
    return shrunk(model, *(mask for mask in masks if mask is not None), like=subnetwork)


def shrunk(model: Any, *masks: npt.NDArray[np.bool_], like: Subnetwork | None = None) -> Any:
    """The model without its pruned units; the model itself if they cannot be removed.

    Args:
        model: a classifier; left untouched.
        masks: kept heads [L, H] and MLPs [L], and neurons [L, F] if they are searched.
        like: a mask whose ablation and constants replace the pruned units; None = zeros.

    Returns:
        A model that accepts gates of full size: those of pruned units have no effect and a gradient
        of 0. Parts that are not cut, such as embeddings, are shared with the given model.
    """
    if all(np.asarray(mask).all() for mask in masks):
        return model
    replaced: dict[str, Any] = {}
    if like is not None and like.ablation != "zero":
        if like.ablation not in FOLDED:
            return model
        replaced = {"ablation": like.ablation, "constants": like.constants}
    heads, mlps, *finer = (np.asarray(mask, dtype=np.bool_) for mask in masks)
    mask = Subnetwork(heads, mlps, finer[0] if finer else None, **replaced)
    try:
        return shrink(model, mask, share=True)
    except InputError:
        # layers that share weights, or attention maps mixed across heads
        return model
