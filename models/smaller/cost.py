"""What a model costs: parameters and floating-point operations, each on a stated denominator.

*Prunable* are the weights of heads and MLPs: in BERT a head has 4*D*d weights and 3*d biases, an
MLP 2*D*F + F + D; a gated MLP has a third matrix, some families have no biases, and some project
relative positions for each head. Embeddings, LayerNorms, the bias of the attention output
projection, pooler and task head are not prunable. The *whole* model is every parameter.

An operation is a multiplication or an addition in a matrix product: 2 a weight and token, and 4*S*d
a head and token for scores and mixture. Softmax, activations, LayerNorms, look-ups and what DeBERTa
does with relative positions are left out.
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
from ..masks.subnetwork import Subnetwork, full_subnetwork
from .cuts import check_separable


@dataclass(frozen=True)
class Cost:
    """Size and work of one forward pass of B examples of S subwords.

    Attributes:
        prunable: parameters of the kept heads and MLPs.
        parameters: parameters of the whole model.
        prunable_flops: operations of the kept heads and MLPs.
        flops: operations of the whole model.
    """

    prunable: int
    parameters: int
    prunable_flops: int
    flops: int


@dataclass(frozen=True)
class UnitParameters:
    """Parameters of one unit.

    Attributes:
        head: of a head.
        neuron: of a neuron.
        mlp: of an MLP beside its neurons: the bias of its output.
    """

    head: int
    neuron: int
    mlp: int

    @classmethod
    def of(cls, anatomy: Anatomy, model: Any = None) -> UnitParameters:
        """Those of a whole model; without one, as many as BERT's shape would have."""
        width, size = _width(anatomy), anatomy.head_size
        rows = 2 if anatomy.row.gated_mlp else 1
        if model is None:
            return cls(4 * width * size + 3 * size, (rows + 1) * width + rows, width)
        heads, neurons, mlp = _held(model, anatomy, 0)
        return cls(heads // anatomy.num_heads, neurons // anatomy.num_neurons, mlp)


def prunable_parameters(
    anatomy: Anatomy, kept_units: KeptUnits | None = None, unit: UnitParameters | None = None
) -> int:
    """Parameters of heads and MLPs.

    Args:
        anatomy: the whole model's.
        kept_units: count those of these units alone; None counts all.
        unit: what each has; None takes BERT's shape.
    """
    kept_units, unit = kept_units or _all_units(anatomy), unit or UnitParameters.of(anatomy)
    heads = sum(len(one) for one in kept_units.heads)
    neurons = sum(len(one) for one in kept_units.neurons)
    return heads * unit.head + neurons * unit.neuron + int(kept_units.mlps.sum()) * unit.mlp


def prunable_flops(
    anatomy: Anatomy, batch: int, length: int, kept_units: KeptUnits | None = None
) -> int:
    """Operations of heads and MLPs in one forward pass.

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
    """Share of the prunable parameters that a mask keeps, dead single weights taken off.

    Args:
        subnetwork: the mask.
        anatomy: the whole model's.
        model: the whole model, which says what biases there are; None takes BERT's shape.

    Raises:
        MaskError: if the mask has another shape than the model.
    """
    subnetwork.check_fits(anatomy)
    kept_units = kept_by(subnetwork, anatomy.num_neurons)
    unit = UnitParameters.of(anatomy, model)
    kept = prunable_parameters(anatomy, kept_units, unit) - _dead_weights(
        subnetwork, anatomy, kept_units
    )
    return kept / prunable_parameters(anatomy, unit=unit)


def cost(model: Any, batch: int, length: int, subnetwork: Subnetwork | None = None) -> Cost:
    """What a model costs, whole or smaller.

    Args:
        model: a transformers encoder, with or without a task head.
        batch: B examples.
        length: S subwords, padding included.
        subnetwork: count a whole model as if this mask were taken out.

    Raises:
        InputError: for a mask of a family whose layers share their weights: nothing can be taken
            out of one of them.
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
    work = prunable_flops(anatomy, batch, length, kept_units)
    other = _other_flops(model, anatomy, batch, length)
    return Cost(prunable, rest + prunable, work, work + other)


def _held(model: Any, anatomy: Anatomy, layer: int) -> tuple[int, int, int]:
    """Parameters of the heads, of the neurons and of the MLP itself that a layer has."""
    parts = {
        find(model, layer) for find in (anatomy.query, anatomy.key, anatomy.value_projection)
    } | set(anatomy.position_projections(model, layer))
    up, down = anatomy.mlp_up(model, layer), anatomy.mlp_output(model, layer)
    heads = sum(parameter.numel() for part in parts for parameter in part.parameters())
    heads += sum(parameter.numel() for parameter in anatomy.head_biases(model, layer))
    heads += anatomy.attention_projection(model, layer).weight.numel()
    neurons = sum(parameter.numel() for parameter in up.parameters()) + down.weight.numel()
    return heads, neurons, 0 if down.bias is None else down.bias.numel()


def _all_units(anatomy: Anatomy) -> KeptUnits:
    return kept_by(full_subnetwork(anatomy), anatomy.num_neurons)


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


def _dead_weights(subnetwork: Subnetwork, anatomy: Anatomy, kept_units: KeptUnits) -> int:
    """Weights that are off one by one, in units that live."""
    dead, masks = 0, subnetwork.weight_masks
    for layer in range(anatomy.num_layers):
        for path, axis, kept in _weights(anatomy, layer, kept_units):
            if path in masks:
                dead += int((~masks[path]).take(kept, axis=axis).sum())
    return dead


def _weights(
    anatomy: Anatomy, layer: int, kept_units: KeptUnits
) -> list[tuple[str, int, npt.NDArray[Any]]]:
    """Path of each prunable weight matrix, the axis of its units, and the places that live."""
    row, heads, neurons = anatomy.row, kept_units.heads[layer], kept_units.neurons[layer]
    read: dict[str, list[npt.NDArray[Any]]] = {}
    parts: tuple[Part, ...] = ("query", "key", "value")
    for part, path in zip(parts, (row.query, row.key, row.value), strict=True):
        # three parts may lie in one matrix
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
