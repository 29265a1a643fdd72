"""Write a mask into the weights: an ordinary checkpoint of the same shape, with zeros.

Constants that replace pruned units are written into biases.
"""

from __future__ import annotations

import copy
from typing import Any

import torch

from ...data.errors import MaskError
from ..encoder.anatomy import anatomy_of
from ..encoder.kept_units import kept_units_of
from ..masks.compact_mask import kept_by
from ..masks.subnetwork import Subnetwork
from ..masks.weight_masks import zero_weights
from .cuts import check_separable, cuts
from .folding import allow_biases, check_foldable, folded_biases, set_biases


def bake(model: Any, subnetwork: Subnetwork) -> Any:
    """A copy of a model in which all weights of pruned units, and all pruned weights, are zero.

    It computes the same as the masked model in any library that reads the checkpoint, but it is not
    faster. Training changes the zeros unless the mask is applied.

    Args:
        model: a full transformers encoder, with or without a task head; it is not modified.
        subnetwork: the mask of units or single weights.

    Raises:
        MaskError: if the mask does not fit, what replaces pruned units depends on the input, or the
            model is a smaller one.
        InputError: if the units of the family have no separate weights.
    """
    anatomy = anatomy_of(model)
    subnetwork.check_fits(anatomy)
    if kept_units_of(model) is not None:
        raise MaskError(
            "a smaller model has no pruned weights to set to zero", remedy="bake the full model"
        )
    check_foldable(model, subnetwork)
    kept_units = kept_by(subnetwork, anatomy.num_neurons)
    check_separable(model, anatomy, kept_units)
    baked = copy.deepcopy(model)
    biases = folded_biases(baked, anatomy, subnetwork, kept_units)
    allow_biases(baked, anatomy, biases)
    with torch.no_grad():
        zero_weights(baked, subnetwork)
        for cut in cuts(baked, anatomy, kept_units):
            cut.parameter.index_fill_(cut.dim, cut.dead.to(cut.parameter.device), 0)
    set_biases(biases)
    return baked
