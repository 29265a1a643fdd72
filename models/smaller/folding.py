"""Write the constants that replace pruned units into biases.

A head that always outputs c adds `W c` to the output of its projection, a neuron that always has
the activation c adds `W c` to that of the second dense layer, and an MLP that always outputs c is
a bias of c. A dense layer without a bias gets one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from ...data.errors import InputError, MaskError
from ..encoder.anatomy import Anatomy
from ..encoder.kept_units import KeptUnits
from ..masks.compact_mask import compact_mask
from ..masks.constants import FOLDED, same_constants
from ..masks.subnetwork import Subnetwork

Biases = dict[nn.Linear, torch.Tensor]


def check_foldable(model: Any, subnetwork: Subnetwork) -> None:
    """Raise unless what replaces the pruned units is the same for all inputs and positions.

    Raises:
        MaskError: if it is not, or units were removed from the model under another ablation.
    """
    if subnetwork.ablation not in FOLDED:
        on = "position" if subnetwork.ablation == "mean-by-position" else "input"
        raise MaskError(
            f"the ablation {subnetwork.ablation} depends on the {on}, so it cannot be written into "
            "the weights",
            remedy="keep the mask and run the model under it (`mask`)",
        )
    own = compact_mask(model)
    if own is not None and (
        own.ablation != subnetwork.ablation
        or not same_constants(own.constants, subnetwork.constants)
    ):
        raise MaskError(
            f"units were removed from the model with the ablation {own.ablation}, and the mask has "
            f"{subnetwork.ablation}",
            remedy="name the full model",
        )


def folded_biases(
    model: Any,
    anatomy: Anatomy,
    subnetwork: Subnetwork,
    kept_units: KeptUnits,
    present: KeptUnits | None = None,
) -> Biases:
    """The bias of every dense layer that reads pruned units, with their constants.

    Args:
        model: the model before any unit is removed from it or set to zero.
        anatomy: anatomy of the model.
        subnetwork: the mask; without constants, nothing changes.
        kept_units: the units that it keeps.
        present: the units that the model has, if some were removed before.

    Returns:
        The new biases, which must be set after pruned weights are removed or set to zero.
    """
    found: Biases = {}
    if not subnetwork.constants:
        return found
    for layer in range(anatomy.num_layers):
        here = present.heads[layer] if present else np.arange(anatomy.num_heads)
        dead = ~np.isin(here, kept_units.heads[layer])
        constants = np.zeros((len(here), anatomy.head_size), dtype=np.float32)
        constants[dead] = subnetwork.constants["head"][layer, here[dead]]
        if dead.any():
            projection = anatomy.attention_projection(model, layer)
            found[projection] = _with(projection, constants.ravel())
        down = anatomy.mlp_output(model, layer)
        if not kept_units.mlps[layer]:
            constant = torch.tensor(subnetwork.constants["mlp"][layer])
            found[down] = constant.to(down.weight)
            continue
        here = present.neurons[layer] if present else np.arange(anatomy.num_neurons)
        dead = ~np.isin(here, kept_units.neurons[layer])
        if dead.any():
            active = np.where(dead, subnetwork.constants["neuron"][layer, here], np.float32(0))
            found[down] = _with(down, active)
    return found


@torch.no_grad()
def _with(module: nn.Linear, constants: Any) -> torch.Tensor:
    """The bias of a dense layer if its input always contains these constants [in_features]."""
    weight = module.weight.detach().double()
    added = weight @ torch.tensor(constants).to(weight)
    return (added + module.bias.double() if _has_bias(module) else added).to(module.weight)


def set_biases(biases: Biases) -> None:
    """Set the biases of dense layers, which need not have had one."""
    for module, bias in biases.items():
        module.bias = nn.Parameter(bias, requires_grad=module.weight.requires_grad)


def allow_biases(model: Any, anatomy: Anatomy, biases: Biases) -> None:
    """Let the configuration of a full model have these biases, and add zeros where it adds others.

    The checkpoint can then be loaded by transformers.

    Args:
        model: a model with all its units, modified in place.
        anatomy: anatomy of the model.
        biases: the biases that it will get.

    Raises:
        InputError: if the family has no biases there.
    """
    layers = range(anatomy.num_layers)
    parts = {
        anatomy.row.attention_bias: [
            [anatomy.attention_projection(model, i), anatomy.query(model, i)] for i in layers
        ],
        anatomy.row.mlp_bias: [
            [anatomy.mlp_output(model, i), anatomy.mlp_up(model, i)] for i in layers
        ],
    }
    for option, modules in parts.items():
        if all(_has_bias(one[0]) or one[0] not in biases for one in modules):
            continue
        if not option:
            raise InputError(
                f"a {anatomy.family} model has no biases that could hold the constants",
                remedy="keep the mask and run the model under it (`mask`)",
            )
        setattr(model.config, option, True)
        for module in (module for one in modules for module in one if not _has_bias(module)):
            module.bias = nn.Parameter(module.weight.new_zeros(module.out_features))


def _has_bias(module: nn.Linear) -> bool:
    return "bias" in dict(module.named_parameters(recurse=False))
