"""Costs of a model: parameters and floating-point operations, each with a stated denominator.

The *prunable* parameters are those of heads and MLPs: in BERT, a head has 4*D*d weights and 3*d
biases, and an MLP has 2*D*F + F + D parameters. A gated MLP has a third matrix, some families have
no biases, and some project relative positions for each head. Embeddings, LayerNorms, the bias of
the attention output projection, the pooler and the task head are not prunable. The *full* model has
all parameters.

An operation is a multiplication or an addition in a matrix product: 2 per weight and token, and
4*S*d per head and token for the attention scores and the weighted sum. Softmax, activations,
LayerNorms, look-ups and DeBERTa's computations with relative positions are not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from ..encoder.anatomy import Anatomy, Part, anatomy_of
from ..encoder.kept_units import KeptUnits, kept_units_of
from ..masks.compact_mask import kept_by
from ..masks.constants import FOLDED
from ..masks.subnetwork import Subnetwork, full_subnetwork
from .cuts import check_separable


@dataclass(frozen=True)
class Cost:
    """Size, and operations of one forward pass of B examples of S subwords.

    Attributes:
        prunable: parameters of the kept heads and MLPs.
        parameters: parameters of the full model.
        prunable_flops: operations of the kept heads and MLPs.
        flops: operations of the full model.
    """

    prunable: int
    parameters: int
    prunable_flops: int
    flops: int


@dataclass(frozen=True)
class UnitParameters:
    """Parameters of one unit.

    Attributes:
        head: parameters of a head.
        neuron: parameters of a neuron.
        mlp: parameters of an MLP that belong to no neuron: the bias of its output.
    """

    head: int
    neuron: int
    mlp: int

    @classmethod
    def of(cls, anatomy: Anatomy, model: Any = None) -> UnitParameters:
        """The unit sizes of a full model; without a model, those of BERT with the same shape."""
        width, size = _width(anatomy), anatomy.head_size
        rows = 2 if anatomy.row.gated_mlp else 1
        if model is None:
            return cls(4 * width * size + 3 * size, (rows + 1) * width + rows, width)
        heads, neurons, mlp = _held(model, anatomy, 0)
        return cls(heads // anatomy.num_heads, neurons // anatomy.num_neurons, mlp)


def prunable_parameters(
    anatomy: Anatomy, kept_units: KeptUnits | None = None, unit: UnitParameters | None = None
) -> int:
    """Number of parameters of heads and MLPs.

    Args:
        anatomy: the whole model's.
        kept_units: count those of these units alone; None counts all.
        unit: parameters of each unit; None = as in BERT.
    """
    kept_units, unit = kept_units or _all_units(anatomy), unit or UnitParameters.of(anatomy)
    heads = sum(len(one) for one in kept_units.heads)
    neurons = sum(len(one) for one in kept_units.neurons)
    return heads * unit.head + neurons * unit.neuron + int(kept_units.mlps.sum()) * unit.mlp


def prunable_flops(
    anatomy: Anatomy, batch: int, length: int, kept_units: KeptUnits | None = None
) -> int:
    """Number of operations of heads and MLPs in one forward pass.

    Args:
        anatomy: the whole model's.
        batch: B examples.
        length: S subwords, padding included.
        kept_units: count those of these units alone; None counts all.
    """
    kept_units = kept_units or _all_units(anatomy)
    width, size = _width(anatomy), anatomy.head_size
    heads = sum(len(one) for one in kept_units.heads)
    neurons = sum(len(one) for one in kept_units.neurons)
    matrices = 3 if anatomy.row.gated_mlp else 2
    token = heads * (8 * width * size + 4 * length * size) + neurons * 2 * matrices * width
    return batch * length * token


def kept_share(subnetwork: Subnetwork, anatomy: Anatomy, model: Any = None) -> float:
    """Share of the prunable parameters that a mask keeps, without single weights that it prunes.

    Constants that replace neurons and MLPs are counted as biases of MLPs, as `cost` does; those of
    heads are in the bias of the attention output projection, which is not prunable.

    Args:
        subnetwork: the mask.
        anatomy: the whole model's.
        model: the full model, which determines the biases; None = as in BERT.

    Raises:
        MaskError: if the shapes of mask and model differ.
    """
    subnetwork.check_fits(anatomy)
    kept_units = kept_by(subnetwork, anatomy.num_neurons)
    unit = UnitParameters.of(anatomy, model)
    kept = prunable_parameters(anatomy, kept_units, unit) - _dead_weights(
        subnetwork, anatomy, kept_units
    )
    if subnetwork.ablation in FOLDED and subnetwork.constants:
        kept += _added_biases(model, anatomy, kept_units)[1]
    return kept / prunable_parameters(anatomy, unit=unit)


def cost(model: Any, batch: int, length: int, subnetwork: Subnetwork | None = None) -> Cost:
    """The cost of a full or smaller model.

    Args:
        model: a transformers encoder, with or without a task head.
        batch: B examples.
        length: S subwords, padding included.
        subnetwork: count a full model as if the units that this mask prunes were removed. Constants
            that replace them are counted as the biases that hold them (see `folding`).

    Raises:
        InputError: if a mask is given for a family whose layers share weights, since units cannot
            be removed from one of them.
    """
    anatomy, kept_units = anatomy_of(model), kept_units_of(model)
    held = 1 if anatomy.shared else anatomy.num_layers
    own = sum(sum(_held(model, anatomy, layer)) for layer in range(held))
    rest = sum(parameter.numel() for parameter in model.parameters()) - own
    prunable = own
    if subnetwork is not None:
        kept_units = kept_by(subnetwork, anatomy.num_neurons)
        if anatomy.shared:
            check_separable(model, anatomy, kept_units)
        prunable = prunable_parameters(anatomy, kept_units, UnitParameters.of(anatomy, model))
        if subnetwork.ablation in FOLDED and subnetwork.constants:
            outputs, down = _added_biases(model, anatomy, kept_units)
            rest, prunable = rest + outputs, prunable + down
    work = prunable_flops(anatomy, batch, length, kept_units)
    other = _other_flops(model, anatomy, batch, length)
    return Cost(prunable, rest + prunable, work, work + other)


def _held(model: Any, anatomy: Anatomy, layer: int) -> tuple[int, int, int]:
    """Number of parameters of the heads, of the neurons and of the MLP itself in a layer."""
    parts = {
        find(model, layer) for find in (anatomy.query, anatomy.key, anatomy.value_projection)
    } | set(anatomy.position_projections(model, layer))
    up, down = anatomy.mlp_up(model, layer), anatomy.mlp_output(model, layer)
    heads = sum(parameter.numel() for part in parts for parameter in part.parameters())
    heads += sum(parameter.numel() for parameter in anatomy.head_biases(model, layer))
    heads += anatomy.attention_projection(model, layer).weight.numel()
    neurons = sum(parameter.numel() for parameter in up.parameters()) + down.weight.numel()
    return heads, neurons, 0 if down.bias is None else down.bias.numel()


def _added_biases(model: Any, anatomy: Anatomy, kept_units: KeptUnits) -> tuple[int, int]:
    """Parameters of biases that hold constants alone: of attention outputs, and of MLPs.

    Without a model, dense layers have biases, as in BERT.
    """
    outputs = down = 0
    for layer in range(anatomy.num_layers):
        pruned = len(kept_units.heads[layer]) < anatomy.num_heads
        lost = len(kept_units.neurons[layer]) < anatomy.num_neurons
        bare = [
            model is not None and find(model, layer).bias is None
            for find in (anatomy.attention_projection, anatomy.mlp_output)
        ]
        if pruned and bare[0]:
            outputs += 1
        # the bias of a pruned MLP is not counted among those of the kept ones
        if not kept_units.mlps[layer] or (lost and bare[1]):
            down += 1
    return outputs * _width(anatomy), down * _width(anatomy)


def _all_units(anatomy: Anatomy) -> KeptUnits:
    return kept_by(full_subnetwork(anatomy), anatomy.num_neurons)


def _width(anatomy: Anatomy) -> int:
    """Hidden size D."""
    return anatomy.num_heads * anatomy.head_size


def _other_flops(model: Any, anatomy: Anatomy, batch: int, length: int) -> int:
    """Operations of dense layers outside the blocks: per token in embeddings, else per example."""
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
            # pooler and task head read only the first token
            rows = batch * length if module in encoder else batch
            total += 2 * module.weight.numel() * rows
    return total


def _dead_weights(subnetwork: Subnetwork, anatomy: Anatomy, kept_units: KeptUnits) -> int:
    """Number of individually pruned weights in kept units."""
    dead, masks = 0, subnetwork.weight_masks
    for layer in range(anatomy.num_layers):
        for path, axis, kept in _weights(anatomy, layer, kept_units):
            if path in masks:
                dead += int((~masks[path]).take(kept, axis=axis).sum())
    return dead


def _weights(
    anatomy: Anatomy, layer: int, kept_units: KeptUnits
) -> list[tuple[str, int, npt.NDArray[Any]]]:
    """Path of each prunable weight matrix, the axis of its units, and the kept positions."""
    row, heads, neurons = anatomy.row, kept_units.heads[layer], kept_units.neurons[layer]
    read: dict[str, list[npt.NDArray[Any]]] = {}
    parts: tuple[Part, ...] = ("query", "key", "value")
    for part, path in zip(parts, (row.query, row.key, row.value), strict=True):
        # the three projections may be parts of one matrix
        read.setdefault(path, []).append(anatomy.rows(part).numpy()[heads].ravel())
    columns = (heads[:, None] * anatomy.head_size + np.arange(anatomy.head_size)).ravel()
    gated = [neurons + anatomy.num_neurons] if row.gated_mlp else []
    places = [(path, 0, np.concatenate(rows)) for path, rows in read.items()]
    places += [
        (row.attention_output, 1, columns),
        (row.mlp_up, 0, np.concatenate([neurons, *gated])),
        (row.mlp_down, 1, neurons),
    ]
    return [(f"{anatomy.blocks[layer]}.{path}", axis, kept) for path, axis, kept in places]
