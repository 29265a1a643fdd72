"""Gradients of the loss of each example at separate gates, from one backward pass.

Michel et al. (2019), "Are Sixteen Heads Really Better than One?". Each example has separate gates,
so that absolute values can be taken before the mean. Model parameters are frozen, and no gradients
of weights are computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...data.encoding.collate import Batch, to_inputs
from ...data.errors import InputError
from ...models.language.answers import answers, losses
from ...models.masks.gates import Gates


@dataclass(frozen=True)
class Units:
    """One number per unit: a mask (1 = kept) or a score.

    Attributes:
        head: values of heads [L, H].
        mlp: values of MLPs [L].
        neuron: values of neurons [L, F]; None if neurons are not considered.
    """

    head: npt.NDArray[Any]
    mlp: npt.NDArray[Any]
    neuron: npt.NDArray[Any] | None = None


@dataclass(frozen=True)
class GateGradients:
    """Gradients at the gates of B examples, from one backward pass.

    Attributes:
        head: signed dL/dgate [B, L, H], in units of the loss.
        mlp: signed dL/dgate [B, L].
        neuron: signed dL/dgate [B, L, F]; None if neurons are not considered.
        logits: the model's output under the gates [B, K].
        loss: cross-entropy (nats) or squared error of each example [B].
    """

    head: torch.Tensor
    mlp: torch.Tensor
    neuron: torch.Tensor | None
    logits: torch.Tensor
    loss: torch.Tensor


@contextmanager
def frozen(model: Any) -> Iterator[None]:
    """Disable dropout and the gradients of all parameters, and restore both afterwards."""
    training = model.training
    wanted = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    model.eval()
    try:
        for parameter, _ in wanted:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter, before in wanted:
            parameter.requires_grad_(before)
        model.train(training)


def labelled(model: Any, batch: Batch) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Inputs and labels of a batch on the device of the model.

    Raises:
        InputError: if the batch has no labels.
    """
    if batch.labels is None:
        raise InputError("importance needs labelled examples")
    return to_inputs(batch, model.device), batch.labels.to(model.device)


def gate_gradients(
    model: Any, batch: Batch, head: Any, mlp: Any, neuron: Any = None
) -> GateGradients:
    """Signed gradient of each example's loss at its gates.

    Args:
        model: a frozen classifier in eval mode (see `frozen`).
        batch: B labelled examples.
        head: values of the head gates at which the gradient is taken [L, H]; 1 = kept, 0 = pruned.
        mlp: values of the MLP gates [L].
        neuron: values of the neuron gates [L, F]; None = no gates on neurons.

    Raises:
        InputError: if the batch has no labels.
    """
    inputs, labels = labelled(model, batch)
    masks = [head, mlp] if neuron is None else [head, mlp, neuron]
    gates = [_example_gates(model, mask, len(labels)) for mask in masks]
    with torch.enable_grad(), Gates(model, *_by_input(gates, inputs["input_ids"])):
        logits = answers(model, inputs, labels)
        loss = losses(logits, labels)
        # the sum separates the examples, because gate b affects only loss b
        found = torch.autograd.grad(loss.sum(), gates)
    neurons = None if neuron is None else found[2]
    return GateGradients(found[0], found[1], neurons, logits.detach(), loss.detach())


def _by_input(gates: list[torch.Tensor], ids: torch.Tensor) -> list[torch.Tensor]:
    """The gates [B, ...] of the inputs: the K inputs of a question share those of the question.

    The gradients at a question's gates are then the sums over its inputs.
    """
    if ids.dim() == 2:
        return gates
    return [gate.repeat_interleave(ids.shape[1], 0) for gate in gates]


def _example_gates(model: Any, mask: Any, examples: int) -> torch.Tensor:
    """A leaf [B, *mask] with the mask's values for every example, in the model's precision."""
    # half precision would round the gradients that are summed over tokens
    dtype = torch.promote_types(model.dtype, torch.float32)
    one = torch.tensor(np.asarray(mask), dtype=dtype, device=model.device)
    return one.expand(examples, *one.shape).clone().requires_grad_()
