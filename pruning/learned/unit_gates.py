"""Gates on heads, MLPs, neurons or single weights: their application, cost and masks.

A gate tensor contains the gates of one type of unit, or those of the weight of one dense layer. The
cost of open gates is the mean over gate tensors of the mean probability of being open, as in Cao,
Sanh & Rush (2021). It is a share, so that a penalty means the same for all types of units.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from ...data.errors import UnknownNameError
from ...models.encoder.anatomy import anatomy_of
from ...models.masks.gates import Gates
from ...models.masks.weight_gates import run_with_weights
from ..search.magnitude import prunable_weights
from .hard_concrete import mean_gate, open_probability

UNITS: Mapping[str, tuple[str, ...]] = {
    "weights": ("weights",),
    "heads-neurons": ("heads", "neurons"),
    "heads-mlps": ("heads", "mlps"),
    "heads": ("heads",),
    "neurons": ("neurons",),
}
"""Units with gates -> the levels of a mask that they determine; others are kept completely."""

_KINDS = ("heads", "mlps", "neurons")

Tensors = dict[str, torch.Tensor]
"""`heads` [L, H], `mlps` [L], `neurons` [L, F], or path of a module -> of its weight's shape."""


def levels_of(units: str) -> tuple[str, ...]:
    """The levels of a mask that the gates of these units determine.

    Raises:
        UnknownNameError: if the type of unit is unknown.
    """
    if units not in UNITS:
        raise UnknownNameError("kind of units", units, UNITS)
    return UNITS[units]


def first_gates(model: Any, units: str, log_a: float) -> Tensors:
    """Gates for a model, all with the same location, on its device."""
    anatomy = anatomy_of(model)
    layers = anatomy.num_layers
    shapes = {
        "heads": (layers, anatomy.num_heads),
        "mlps": (layers,),
        "neurons": (layers, anatomy.num_neurons),
    }
    gated: dict[str, tuple[int, ...]] = {}
    for level in levels_of(units):
        if level == "weights":
            gated |= {path: tuple(one.shape) for path, one in prunable_weights(model).items()}
        else:
            gated[level] = shapes[level]
    return {name: torch.full(shape, log_a, device=model.device) for name, shape in gated.items()}


def states_under(model: Any, gates: Mapping[str, torch.Tensor], inputs: Any) -> torch.Tensor:
    """The last hidden states [B, S, D] of the encoder under gates, with a gradient for these.

    Args:
        model: a transformers encoder, with or without a task head.
        gates: factors by gate tensor.
        inputs: keyword arguments of the encoder.
    """
    weights = {name: gate for name, gate in gates.items() if name not in _KINDS}
    head, mlp, neuron = (gates.get(kind) for kind in _KINDS)
    with Gates(model, head, mlp, neuron):
        states: torch.Tensor = run_with_weights(model, weights, inputs).last_hidden_state
    return states


def expected_share(log_a: Mapping[str, torch.Tensor], temperature: float) -> torch.Tensor:
    """Mean over gate tensors of the mean probability that a gate is open, in [0, 1]."""
    return torch.stack([open_probability(one, temperature).mean() for one in log_a.values()]).mean()


def expected_open(log_a: Mapping[str, torch.Tensor], temperature: float) -> float:
    """Expected number of open gates: the expected L0 norm."""
    return sum(float(open_probability(one, temperature).double().sum()) for one in log_a.values())


def without_noise(log_a: Mapping[str, torch.Tensor]) -> Tensors:
    """The gates as they are at test time, in [0, 1]."""
    return {name: mean_gate(one) for name, one in log_a.items()}


def hardened(model: Any, log_a: Mapping[str, torch.Tensor], threshold: float) -> dict[str, Any]:
    """The masks of a `Subnetwork` that keeps units whose gate without noise is above a threshold.

    Args:
        model: determines the number of units without gates, which are kept.
        log_a: location of each gate.
        threshold: in [0, 1); 0 keeps every unit whose gate is not closed.
    """
    anatomy = anatomy_of(model)
    kept = {name: (gate > threshold).cpu().numpy() for name, gate in without_noise(log_a).items()}
    heads = np.ones((anatomy.num_layers, anatomy.num_heads), dtype=np.bool_)
    return {
        "head_mask": kept.pop("heads", heads),
        "mlp_mask": kept.pop("mlps", np.ones(anatomy.num_layers, dtype=np.bool_)),
        "neuron_mask": kept.pop("neurons", None),
        "weight_masks": kept,
    }
