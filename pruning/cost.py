"""What a model costs: parameters and floating-point operations, each on a stated denominator.

*Prunable* are the weights of heads and MLPs: a head has 4*D*d weights and 3*d biases, an MLP
2*D*F + F + D. Embeddings, LayerNorms, the bias of the attention output projection, pooler and task
head are not prunable. The *whole* model is every parameter.

An operation is a multiplication or an addition in a matrix product: 2 a weight and token, and 4*S*d
a head and token for scores and mixture. Softmax, activations, LayerNorms and look-ups are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from .anatomy import Anatomy, anatomy_of
from .living import Living, living_of
from .subnetwork import Subnetwork, full_subnetwork


@dataclass(frozen=True)
class Cost:
    """Size and work of one forward pass of B examples of S subwords.

    Attributes:
        prunable: parameters of the living heads and MLPs.
        parameters: parameters of the whole model.
        prunable_flops: operations of the living heads and MLPs.
        flops: operations of the whole model.
    """

    prunable: int
    parameters: int
    prunable_flops: int
    flops: int


def prunable_parameters(anatomy: Anatomy, living: Living | None = None) -> int:
    """Parameters of heads and MLPs.

    Args:
        anatomy: the whole model's.
        living: count those of these units alone; None counts all.
    """
    living = living or _all_units(anatomy)
    width, size = _width(anatomy), anatomy.head_size
    heads = sum(len(one) for one in living.heads)
    neurons = sum(len(one) for one in living.neurons)
    return (
        heads * (4 * width * size + 3 * size)
        + neurons * (2 * width + 1)
        + int(living.mlps.sum()) * width
    )


def prunable_flops(anatomy: Anatomy, batch: int, length: int, living: Living | None = None) -> int:
    """Operations of heads and MLPs in one forward pass.

    Args:
        anatomy: the whole model's.
        batch: B examples.
        length: S subwords, padding included.
        living: count those of these units alone; None counts all.
    """
    living = living or _all_units(anatomy)
    width, size = _width(anatomy), anatomy.head_size
    heads = sum(len(one) for one in living.heads)
    neurons = sum(len(one) for one in living.neurons)
    token = heads * (8 * width * size + 4 * length * size) + neurons * 4 * width
    return batch * length * token


def kept_share(subnetwork: Subnetwork, anatomy: Anatomy) -> float:
    """Share of the prunable parameters that a mask keeps, dead single weights taken off.

    Raises:
        MaskError: if the mask has another shape than the model.
    """
    subnetwork.check_fits(anatomy)
    living = Living.of(subnetwork, anatomy.num_neurons)
    kept = prunable_parameters(anatomy, living) - _dead_weights(subnetwork, anatomy, living)
    return kept / prunable_parameters(anatomy)


def cost(model: Any, batch: int, length: int, subnetwork: Subnetwork | None = None) -> Cost:
    """What a model costs, whole or smaller.

    Args:
        model: a transformers encoder, with or without a task head.
        batch: B examples.
        length: S subwords, padding included.
        subnetwork: count a whole model as if this mask were taken out.
    """
    anatomy, living = anatomy_of(model), living_of(model)
    own = prunable_parameters(anatomy, living)
    rest = sum(parameter.numel() for parameter in model.parameters()) - own
    if subnetwork is not None:
        living = Living.of(subnetwork, anatomy.num_neurons)
    prunable = prunable_parameters(anatomy, living)
    work = prunable_flops(anatomy, batch, length, living)
    other = _other_flops(model, anatomy, batch, length)
    return Cost(prunable, rest + prunable, work, work + other)


def _all_units(anatomy: Anatomy) -> Living:
    return Living.of(full_subnetwork(anatomy), anatomy.num_neurons)


def _width(anatomy: Anatomy) -> int:
    """D."""
    return anatomy.num_heads * anatomy.head_size


def _other_flops(model: Any, anatomy: Anatomy, batch: int, length: int) -> int:
    """Dense layers outside the blocks: once a token in the embeddings, else once an example."""
    blocks = [anatomy.block(model, layer) for layer in range(anatomy.num_layers)]
    inside = {module for block in blocks for module in block.modules()}
    encoder = {
        module
        for name, module in model.base_model.named_modules()
        if "pooler" not in name.split(".")
    }
    total = 0
    for module in model.modules():
        if isinstance(module, nn.Linear) and module not in inside:
            # pooler and task head read the first token alone
            rows = batch * length if module in encoder else batch
            total += 2 * module.weight.numel() * rows
    return total


def _dead_weights(subnetwork: Subnetwork, anatomy: Anatomy, living: Living) -> int:
    """Weights that are off one by one, in units that live."""
    dead, masks = 0, subnetwork.weight_masks
    for layer in range(anatomy.num_layers):
        heads = _rows(living.heads[layer], anatomy.head_size)
        for path, axis, kept in _weights(anatomy, layer, heads, living.neurons[layer]):
            if path in masks:
                dead += int((~masks[path]).take(kept, axis=axis).sum())
    return dead


def _weights(
    anatomy: Anatomy, layer: int, heads: npt.NDArray[Any], neurons: npt.NDArray[Any]
) -> list[tuple[str, int, npt.NDArray[Any]]]:
    """Path of each prunable weight matrix, the axis of its units, and the places that live."""
    row = anatomy.row
    sides: Mapping[str, tuple[int, npt.NDArray[Any]]] = {
        row.query: (0, heads),
        row.key: (0, heads),
        row.value: (0, heads),
        row.attention_output: (1, heads),
        row.mlp_up: (0, neurons),
        row.mlp_down: (1, neurons),
    }
    return [(f"{row.layers}.{layer}.{path}", *side) for path, side in sides.items()]


def _rows(numbers: npt.NDArray[Any], size: int) -> npt.NDArray[np.int64]:
    """Rows of the heads with these numbers."""
    return (numbers[:, None] * size + np.arange(size)).ravel()
