"""Gates on heads, MLPs, neurons or single weights: their application, cost and masks.

A gate tensor contains the gates of one type of unit, or those of the weight of one dense layer. The
cost of open gates is the mean over gate tensors of the mean probability of being open, as in Cao,
Sanh & Rush (2021). It is a share, so that a penalty means the same for all types of units.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.func import functional_call

from ...data.errors import UnknownNameError
from ...models.encoder.anatomy import anatomy_of
from ...models.language.answers import answers
from ...models.masks.gates import Gates
from ...models.masks.weight_gates import run_with_weights
from ..search.magnitude import prunable_weights
from .blocks import SINGLE, gates_shape, matrix_shape
from .hard_concrete import mean_gate, open_probability

UNITS: Mapping[str, tuple[str, ...]] = {
    "weights": ("weights",),
    "heads-neurons": ("heads", "neurons"),
    "heads-mlps": ("heads", "mlps"),
    "heads": ("heads",),
    "mlps": ("mlps",),
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


def first_gates(
    model: Any, units: str, location: float, block: tuple[int, int] = SINGLE
) -> Tensors:
    """Gates for a model, all with the same location, on its device.

    Args:
        model: a transformers encoder, with or without a task head.
        units: see `UNITS`.
        location: location of all gates.
        block: rows and columns of the weights that share a gate.
    """
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
            for path, one in prunable_weights(model).items():
                gated[path] = gates_shape(matrix_shape(one), block)
        else:
            gated[level] = shapes[level]
    return {name: torch.full(shape, location, device=model.device) for name, shape in gated.items()}


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


class _Answering(torch.nn.Module):
    """The answers of a model as one module, whose weights `functional_call` can replace."""

    def __init__(self, model: Any):
        super().__init__()
        self.model = model

    def forward(self, inputs: Mapping[str, torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
        return answers(self.model, inputs, labels)


def answers_under(
    model: Any,
    gates: Mapping[str, torch.Tensor],
    inputs: Mapping[str, torch.Tensor],
    labels: torch.Tensor,
) -> torch.Tensor:
    """The logits that a batch asks for (see `answers`), under gates, with a gradient for these.

    Args:
        model: the model of a task.
        gates: factors by gate tensor; those of weights in the shape of the weight.
        inputs: tensors [B, S] of the forward pass.
        labels: [B] or [B, S].
    """
    head, mlp, neuron = (gates.get(kind) for kind in _KINDS)
    paths = [name for name in gates if name not in _KINDS]
    with Gates(model, head, mlp, neuron):
        if not paths:
            return answers(model, inputs, labels)
        whole = _Answering(model)
        names = {id(module): name for name, module in whole.named_modules()}
        scaled: dict[str, torch.Tensor] = {}
        for path in paths:
            module = model.base_model.get_submodule(path)
            scaled[f"{names[id(module)]}.weight"] = module.weight * gates[path].to(module.weight)
        found: torch.Tensor = functional_call(whole, scaled, (inputs, labels))
        return found


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
    gates = without_noise(log_a).items()
    return as_masks(model, {name: (gate > threshold).cpu().numpy() for name, gate in gates})


def as_masks(model: Any, kept: Mapping[str, npt.NDArray[np.bool_]]) -> dict[str, Any]:
    """The masks of a `Subnetwork`, from the kept units of each gate tensor.

    Args:
        model: determines the number of units without gates, which are kept.
        kept: kept units by gate tensor.
    """
    anatomy = anatomy_of(model)
    weights = {name: mask for name, mask in kept.items() if name not in _KINDS}
    heads = np.ones((anatomy.num_layers, anatomy.num_heads), dtype=np.bool_)
    return {
        "head_mask": kept.get("heads", heads),
        "mlp_mask": kept.get("mlps", np.ones(anatomy.num_layers, dtype=np.bool_)),
        "neuron_mask": kept.get("neurons"),
        "weight_masks": weights,
    }
