"""A mask written into the weights: an ordinary checkpoint of the same shape with zeros in it."""

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


def bake(model: Any, subnetwork: Subnetwork) -> Any:
    """A copy of a model in which every weight of a pruned unit, and every pruned weight, is zero.

    It computes what the masked model does, in any library that reads the checkpoint, and is not
    faster. Training moves the zeros again unless the mask is kept on.

    Args:
        model: a whole transformers encoder, with or without a task head; left untouched.
        subnetwork: the mask, of units or of single weights.

    Raises:
        MaskError: if the mask does not fit, or the model is a smaller one already.
        InputError: if the family's units have no weights of their own.
    """
    anatomy = anatomy_of(model)
    subnetwork.check_fits(anatomy)
    if kept_units_of(model) is not None:
        raise MaskError(
            "a smaller model has nothing left to set to zero", remedy="bake a whole one"
        )
    kept_units = kept_by(subnetwork, anatomy.num_neurons)
    check_separable(model, anatomy, kept_units)
    baked = copy.deepcopy(model)
    with torch.no_grad():
        zero_weights(baked, subnetwork)
        for cut in cuts(baked, anatomy, kept_units):
            cut.parameter.index_fill_(cut.dim, cut.dead.to(cut.parameter.device), 0)
    return baked
