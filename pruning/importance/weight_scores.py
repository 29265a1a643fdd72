"""Importance computed from weights: the first-order Taylor score, and magnitude."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from ...data.encoding.collate import Batch
from ...data.errors import InputError
from ...models.encoder.anatomy import Anatomy, anatomy_of
from ...models.language.answers import answers, losses
from ...models.masks.gates import Gates
from .gate_gradients import Units, labelled
from .importance_methods import DataFree


def _unit_weights(
    anatomy: Anatomy, model: Any, layer: int
) -> tuple[torch.nn.Linear, torch.nn.Linear, torch.nn.Linear]:
    """Attention output projection, first and second dense layer of the MLP."""
    return (
        anatomy.attention_projection(model, layer),
        anatomy.mlp_up(model, layer),
        anatomy.mlp_output(model, layer),
    )


def _by_head(weight: torch.Tensor, anatomy: Anatomy) -> torch.Tensor:
    """Columns of the output projection [D, H*d] as [D, H, d]."""
    return weight.reshape(len(weight), -1, anatomy.head_size)


class TaylorWeight:
    """Sum over batches of |sum of gradient x weight|: the first-order Taylor score of weights.

    Yang et al. (2022), "TextPruner": heads over the columns of the attention output projection
    that read them, neurons over their row of the first dense layer plus their column of the second.
    For an MLP, the second dense layer with its bias is used. Gradients are those of the mean loss
    of a batch, so that the score depends on the batch size.

    Raises:
        InputError: if layers share weights, whose gradients do not belong to a single layer.
    """

    def __init__(self, model: Any, masks: Units, seed: int):
        self._model, self._masks, self._anatomy = model, masks, anatomy_of(model)
        if self._anatomy.shared:
            raise InputError(
                f"the layers of the {self._anatomy.family} model share their weights",
                where="taylor-weight",
                remedy="choose gate-example, which has a gate for every layer",
            )
        self._head, self._mlp = np.zeros(masks.head.shape), np.zeros(masks.mlp.shape)
        self._neuron = None if masks.neuron is None else np.zeros(masks.neuron.shape)

    def add(self, batch: Batch) -> torch.Tensor:
        """Take in a batch; its logits [B, K]."""
        inputs, labels = labelled(self._model, batch)
        gates = [torch.tensor(m) for m in vars(self._masks).values() if m is not None]
        of_layer = [
            [p for module in _unit_weights(self._anatomy, self._model, layer) for p in _own(module)]
            for layer in range(self._anatomy.num_layers)
        ]
        flat = [parameter for parameters in of_layer for parameter in parameters]
        with _differentiable(flat), torch.enable_grad(), Gates(self._model, *gates):
            logits = answers(self._model, inputs, labels)
            found = torch.autograd.grad(losses(logits, labels).mean(), flat, allow_unused=True)
        products = iter(
            torch.zeros_like(p) if g is None else (g * p).detach()
            for p, g in zip(flat, found, strict=True)
        )
        for layer, parameters in enumerate(of_layer):
            self._add_layer(layer, [next(products) for _ in parameters])
        answered: torch.Tensor = logits.detach()
        return answered

    def _add_layer(self, layer: int, products: list[torch.Tensor]) -> None:
        """Add gradient x weight of (projection, its bias, up, its bias, down, its bias)."""
        anatomy = self._anatomy
        projection, up, down = (m for m in _unit_weights(anatomy, self._model, layer))
        named = dict(zip(_names(projection, up, down), products, strict=True))
        columns = _by_head(named["projection.weight"], anatomy)
        self._head[layer] += columns.double().sum((0, 2)).abs().cpu().numpy()
        whole = sum(named[name].double().sum() for name in named if name.startswith("down."))
        self._mlp[layer] += abs(float(whole))
        if self._neuron is not None:
            first = named["up.weight"].double().sum(1)
            if "up.bias" in named:
                first = first + named["up.bias"].double()
            # a gated MLP has two rows for each neuron: f and F + f
            first = first.reshape(-1, anatomy.num_neurons).sum(0)
            second = named["down.weight"].double().sum(0)
            self._neuron[layer] += (first.abs() + second.abs()).cpu().numpy()

    def result(self) -> Units:
        """The scores, float64."""
        return Units(self._head, self._mlp, self._neuron)


class Magnitude(DataFree):
    """L2 norm of the weights that write a unit's output.

    Heads: their columns of the attention output projection; neurons: their column of the second
    dense layer; MLPs: the complete second dense layer (Li et al. 2017, "Pruning Filters for
    Efficient ConvNets", with the L2 norm).
    """

    def result(self) -> Units:
        """The scores, float64."""
        anatomy, masks = anatomy_of(self._model), self._masks
        head, mlp = np.zeros(masks.head.shape), np.zeros(masks.mlp.shape)
        neuron = None if masks.neuron is None else np.zeros(masks.neuron.shape)
        for layer in range(anatomy.num_layers):
            projection, _, down = _unit_weights(anatomy, self._model, layer)
            columns = _by_head(projection.weight, anatomy).double()
            head[layer] = columns.square().sum((0, 2)).sqrt().cpu().numpy()
            squares = down.weight.double().square().sum(0).cpu().numpy()
            mlp[layer] = np.sqrt(squares.sum())
            if neuron is not None:
                neuron[layer] = np.sqrt(squares)
        return Units(head, mlp, neuron)


def _own(module: torch.nn.Linear) -> list[torch.nn.Parameter]:
    named = dict(module.named_parameters(recurse=False))
    return [named[kind] for kind in ("weight", "bias") if kind in named]


def _names(projection: torch.nn.Linear, up: torch.nn.Linear, down: torch.nn.Linear) -> list[str]:
    modules = {"projection": projection, "up": up, "down": down}
    return [
        f"{name}.{kind}"
        for name, module in modules.items()
        for kind in ("weight", "bias")
        if getattr(module, kind) is not None
    ]


@contextmanager
def _differentiable(parameters: list[torch.nn.Parameter]) -> Iterator[None]:
    """Enable gradients of these parameters inside the context."""
    for parameter in parameters:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(False)
