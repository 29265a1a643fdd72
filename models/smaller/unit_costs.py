"""What each unit of an encoder costs, so that the size of any subnetwork follows from counts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..encoder.anatomy import anatomy_of
from .cost import UnitParameters, cost

LENGTH = 128
"""Subwords of the example whose operations are counted, special tokens included."""


@dataclass(frozen=True)
class UnitCosts:
    """Parameters and operations of a whole model and of one unit of each kind.

    Operations are those of one forward pass of one example of `length` subwords; see `cost`.

    Attributes:
        heads: L*H.
        mlps: L.
        neurons: L*F.
        parameters: of the whole model.
        head_parameters: of a head.
        neuron_parameters: of a neuron.
        mlp_parameters: of an MLP without its neurons.
        length: S.
        flops: operations of the whole model.
        head_flops: of a head.
        neuron_flops: of a neuron.
        separable: whether units can be removed one by one: not where layers share their weights.
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
    """The costs of a whole model's units.

    Args:
        model: a transformers encoder, with or without a task head; its weights are not read, so
            that a model on the device `meta` will do.
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
