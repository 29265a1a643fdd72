"""Convert the field `pruned_heads` of checkpoints of transformers 4 to a mask.

transformers 4 removed the rows and columns of these heads from the weights; transformers 5 builds
all heads and ignores the field.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ...data.errors import CheckpointError
from ..encoder.anatomy import anatomy_of
from ..masks.compact_mask import kept_by
from ..masks.subnetwork import Subnetwork
from ..smaller.cuts import check_separable, cuts
from ..smaller.shrink import cut_down


def take_pruned(config: Any) -> dict[Any, Any]:
    """Remove the field from a configuration and return it; the mask replaces it."""
    pruned = getattr(config, "pruned_heads", None) or {}
    if hasattr(config, "pruned_heads"):
        del config.pruned_heads
    return pruned if isinstance(pruned, dict) else {"": pruned}


def pruned_mask(pruned: dict[Any, Any], model: Any, where: str) -> Subnetwork:
    """The mask that prunes the heads listed in a configuration's `pruned_heads`.

    Args:
        pruned: layer -> numbers of its pruned heads, both counted from 0.
        model: a model of the full shape; its weights are not used.
        where: the checkpoint, for messages.

    Raises:
        CheckpointError: if the model does not have a layer or head.
    """
    anatomy = anatomy_of(model)
    heads = np.ones((anatomy.num_layers, anatomy.num_heads), dtype=np.bool_)
    for layer, numbers in pruned.items():
        places = numbers if isinstance(numbers, list | tuple) else [numbers]
        known = str(layer).isdecimal() and int(layer) < anatomy.num_layers
        if not known or any(type(n) is not int or not 0 <= n < anatomy.num_heads for n in places):
            raise CheckpointError(
                f"pruned_heads names {numbers!r} in layer {layer!r} of a model with "
                f"{anatomy.num_layers} layers of {anatomy.num_heads} heads",
                where=where,
                remedy="correct config.json",
            )
        heads[int(layer), places] = False
    return Subnetwork(
        heads,
        np.ones(anatomy.num_layers, dtype=np.bool_),
        kind="given",
        method="structured-heads",
    )


def whole_again(state: dict[str, Any], model: Any, mask: Subnetwork) -> dict[str, Any]:
    """Insert zeros into stored weights for the heads that were removed from them.

    Args:
        state: name -> tensor; tensors of the full shape are not changed.
        model: a model of the full shape, with or without a task head; its weights are not used.
        mask: the mask without the removed heads.

    Raises:
        InputError: if the heads of the family have no separate weights.
    """
    anatomy = anatomy_of(model)
    kept_units = kept_by(mask, anatomy.num_neurons)
    check_separable(model, anatomy, kept_units)
    base = f"{model.base_model_prefix}."
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    whole = dict(state)
    for cut in cuts(model, anatomy, kept_units):
        name = names[id(cut.parameter)]
        stored = next((n for n in (name, name.removeprefix(base), base + name) if n in state), None)
        shape = list(cut.parameter.shape)
        if stored is None or list(whole[stored].shape) == shape:
            continue
        left = [len(cut.kept) if dim == cut.dim else size for dim, size in enumerate(shape)]
        if list(whole[stored].shape) == left:
            full = torch.zeros(shape, dtype=whole[stored].dtype)
            whole[stored] = full.index_copy(cut.dim, cut.kept, whole[stored])
    return whole


def lose_heads(model: Any, mask: Subnetwork) -> None:
    """Remove the pruned heads from a loaded model, and record the kept ones in it.

    Raises:
        InputError: as in `whole_again`.
    """
    cut_down(model, mask)
