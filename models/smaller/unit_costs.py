"""Costs of each unit of an encoder, from which the size of any subnetwork follows by counting."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..encoder.anatomy import anatomy_of
from .cost import UnitParameters, cost

LENGTH = 128
"""Number of subwords of the example for which operations are counted, special tokens included."""


@dataclass(frozen=True)
class UnitCosts:
    """Parameters and operations of a full model and of one unit of each kind.

    Operations are those of one forward pass of one example of `length` subwords; see `cost`.

    Attributes:
        heads: number of heads L*H.
        mlps: number of MLPs L.
        neurons: number of neurons L*F.
        parameters: parameters of the full model.
        head_parameters: parameters of a head.
        neuron_parameters: parameters of a neuron.
        mlp_parameters: parameters of an MLP without its neurons.
        length: number of subwords S.
        flops: operations of the full model.
        head_flops: operations of a head.
        neuron_flops: operations of a neuron.
        separable: whether single units can be removed; false if layers share weights.
    """

    heads: int
    mlps: int
    neurons: int
    parameters: int
    head_parameters: int
    neuron_parameters: int
    mlp_parameters: int
    length: int
    flops: int
    head_flops: int
    neuron_flops: int
    separable: bool

    def plain(self) -> dict[str, Any]:
        """The attributes as plain values, for a JSON file."""
        return asdict(self)


def unit_costs(model: Any, length: int = LENGTH) -> UnitCosts:
    """Compute the costs of the units of a full model.

    Args:
        model: a transformers encoder, with or without a task head; its weights are not read, so it
            may be on the device `meta`.
        length: S subwords.
    """
    anatomy, whole = anatomy_of(model), cost(model, 1, length)
    unit = UnitParameters.of(anatomy, model)
    width = anatomy.num_heads * anatomy.head_size
    matrices = 3 if anatomy.row.gated_mlp else 2
    return UnitCosts(
        heads=anatomy.num_layers * anatomy.num_heads,
        mlps=anatomy.num_layers,
        neurons=anatomy.num_layers * anatomy.num_neurons,
        parameters=whole.parameters,
        head_parameters=unit.head,
        neuron_parameters=unit.neuron,
        mlp_parameters=unit.mlp,
        length=length,
        flops=whole.flops,
        head_flops=length * anatomy.head_size * (8 * width + 4 * length),
        neuron_flops=length * 2 * matrices * width,
        separable=not anatomy.shared,
    )
