"""Scoring a candidate on what is left of the model, where that gives the same scores faster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt

from ...data.errors import InputError
from ..encoder.first_token import classified_token_alone
from ..masks.gates import gated
from ..masks.subnetwork import Subnetwork
from .shrink import shrink

BY_GATES = ("gate-example", "gate-batch-accumulated", "fisher")
"""Definitions of importance that ask for nothing but gradients at gates, which a smaller model has
for every unit that it still has. The others read weights by their place in the whole model, put
gates on single tokens, or leave units out one by one."""


@contextmanager
def classifying_as(model: Any, subnetwork: Subnetwork | None) -> Iterator[Any]:
    """A model that gives the logits of `model` under a mask, within 1e-5, as fast as can be.

    Where pruned units can be taken out, it is a smaller copy without them, that has all else in
    common with the model; else the model itself, with gates on it until the end. The last layer is
    computed for the first token alone where the task head reads no other. What is given is to be
    run, for its logits alone, and not to be trained or changed.

    Args:
        model: an encoder with a task head; left untouched.
        subnetwork: the mask; None = the whole model.

    Raises:
        MaskError: if the mask has another shape than the model, or keeps units that a smaller
            model has lost.
    """
    smaller = shrunk_to(model, subnetwork)
    gates = gated(model, subnetwork) if smaller is model else nullcontext()
    with gates, classified_token_alone(smaller):
        yield smaller


def shrunk_to(model: Any, subnetwork: Subnetwork | None) -> Any:
    """The model without the units that a mask switches off; the model itself where it keeps them.

    Args:
        model: a classifier; left untouched.
        subnetwork: the mask, still to be put on what is returned. Single weights that it switches
            off stay where they are.
    """
    if subnetwork is None or subnetwork.weight_masks:
        return model
    masks = (subnetwork.head_mask, subnetwork.mlp_mask, subnetwork.neuron_mask)
    return shrunk(model, *(mask for mask in masks if mask is not None))


def shrunk(model: Any, *masks: npt.NDArray[np.bool_]) -> Any:
    """The model without its pruned units; the model itself where it cannot lose them.

    Args:
        model: a classifier; left untouched.
        masks: kept heads [L, H] and MLPs [L], and neurons [L, F] if they are searched.

    Returns:
        A model that takes full-size gates: those of pruned units do nothing, with a gradient of 0.
        What is left whole, such as embeddings, it has in common with the given one.
    """
    if all(np.asarray(mask).all() for mask in masks):
        return model
    heads, mlps, *finer = (np.asarray(mask, dtype=np.bool_) for mask in masks)
    try:
        return shrink(model, Subnetwork(heads, mlps, finer[0] if finer else None), share=True)
    except InputError:
        # layers that share their weights, or maps that heads mix
        return model
