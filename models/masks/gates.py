"""Differentiable factors on the outputs of heads, MLPs and their neurons.

A head gate scales what one head feeds into the attention output projection. That equals the head
mask on attention probabilities of Michel et al. (2019), because both are linear in the head's
output; it keeps the projection's bias, and works under sdpa, where no probabilities exist. An MLP
gate scales the whole MLP output, bias included, before dropout and the residual. A neuron gate
scales one activation, where it enters the second dense layer of the MLP.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any

import torch

from ...data.errors import MaskError
from ..encoder.anatomy import Anatomy, anatomy_of
from ..encoder.kept_units import Numbers, kept_units_of
from ..encoder.layer_hooks import LayerHooks
from .compact_mask import kept_by
from .subnetwork import Subnetwork
from .weight_masks import without_weights


class Gates:
    """Context manager that attaches gates to a model and always takes them off again.

    Gates of ones change no bit of the output. A gate may require grad, on a frozen model too. A
    model that `shrink` made smaller takes gates of full size: those of units that it has lost do
    nothing, and get a gradient of 0.

    Args:
        model: a transformers encoder, with or without a task head.
        head: factors [L, H], or per example [B, L, H]; None leaves the heads alone.
        mlp: factors [L], or per example [B, L]; None leaves the MLPs alone.
        neuron: factors [L, F], or per example [B, L, F]; None leaves the neurons alone.

    Raises:
        MaskError: if a gate does not have the shape of the model.
    """

    def __init__(
        self,
        model: Any,
        head: torch.Tensor | None = None,
        mlp: torch.Tensor | None = None,
        neuron: torch.Tensor | None = None,
    ):
        self._model, self._head, self._mlp, self._neuron = model, head, mlp, neuron
        self._anatomy, self._kept_units = anatomy_of(model), kept_units_of(model)
        self._hooks: ExitStack | None = None
        units = (self._anatomy.num_layers, self._anatomy.num_heads)
        _check_shape("head gate", head, units, "L, H")
        _check_shape("MLP gate", mlp, units[:1], "L")
        neurons = (self._anatomy.num_layers, self._anatomy.num_neurons)
        _check_shape("neuron gate", neuron, neurons, "L, F")

    def __enter__(self) -> Gates:
        if self._hooks is not None:
            raise RuntimeError("these gates are attached already; make new ones to nest them")
        with ExitStack() as stack:
            hooks = LayerHooks(self._model, self._anatomy, stack)
            for layer in range(self._anatomy.num_layers):
                if self._head is not None:
                    self._attach_head(hooks, layer, self._head[..., layer, :])
                if self._mlp is not None:
                    self._attach_mlp(hooks, layer, self._mlp[..., layer])
                if self._neuron is not None:
                    self._attach_neurons(hooks, layer, self._neuron[..., layer, :])
            # only reached when every hook is on: an error above has removed the earlier ones
            self._hooks = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._hooks is not None:
            self._hooks.close()
            self._hooks = None

    def _attach_head(self, hooks: LayerHooks, layer: int, gate: torch.Tensor) -> None:
        """Scale the input [B, S, H*d] of the output projection by `gate`, [H] or [B, H]."""
        # one factor a head: [1, 1, H, 1] for all examples, [B, 1, H, 1] for each its own
        shaped = gate.reshape(-1, 1, self._anatomy.num_heads, 1)
        size = self._anatomy.head_size
        present = self._kept_units.heads[layer] if self._kept_units else None
        kept = _kept(present, self._anatomy.num_heads)

        def scale(_module: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
            context, *rest = args
            own = shaped if kept is None else shaped.index_select(2, kept.to(shaped.device))
            # the number of heads is said, since a layer may have none
            heads = _scaled(context.unflatten(-1, (own.shape[2], size)), own)
            return (heads.flatten(-2), *rest)

        projection = self._anatomy.attention_projection(self._model, layer)
        hooks.before(layer, projection, scale)

    def _attach_mlp(self, hooks: LayerHooks, layer: int, gate: torch.Tensor) -> None:
        """Scale the MLP's output [B, S, D] by `gate`, a scalar or [B]."""
        shaped = gate.reshape(-1, 1, 1)

        def scale(_module: Any, _args: Any, output: torch.Tensor) -> torch.Tensor:
            return _scaled(output, shaped)

        down = self._anatomy.mlp_output(self._model, layer)
        hooks.after(layer, down, scale)

    def _attach_neurons(self, hooks: LayerHooks, layer: int, gate: torch.Tensor) -> None:
        """Scale the activations [B, S, F] that the second dense layer reads by [F] or [B, F]."""
        shaped = gate.reshape(-1, 1, self._anatomy.num_neurons)
        present = self._kept_units.neurons[layer] if self._kept_units else None
        kept = _kept(present, self._anatomy.num_neurons)

        def scale(_module: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
            active, *rest = args
            own = shaped if kept is None else shaped.index_select(2, kept.to(shaped.device))
            return (_scaled(active, own), *rest)

        down = self._anatomy.mlp_output(self._model, layer)
        hooks.before(layer, down, scale)


def _scaled(values: torch.Tensor, gate: torch.Tensor) -> torch.Tensor:
    """`values * gate`; in place where autograd does not look on, which saves an allocation."""
    factor = gate.to(values)
    return values * factor if torch.is_grad_enabled() else values.mul_(factor)


def _kept(present: Numbers | None, count: int) -> torch.Tensor | None:
    """Numbers of a layer's units that a smaller model still has; None = all `count` of them."""
    return None if present is None or len(present) == count else torch.from_numpy(present)


def _check_shape(
    name: str, gate: torch.Tensor | None, units: tuple[int, ...], letters: str
) -> None:
    """Raise unless the gate is [*units] or [B, *units]."""
    if gate is None:
        return
    given = tuple(gate.shape)
    if given[-len(units) :] != units or len(given) - len(units) not in (0, 1):
        raise MaskError(
            f"{name} of shape {list(given)} on a model with [{letters}] = {list(units)}",
            remedy=f"give one factor a unit, [{letters}] or [B, {letters}]",
        )


@contextmanager
def gated(model: Any, subnetwork: Subnetwork | None) -> Iterator[None]:
    """Run `model` as `subnetwork`: pruned heads, MLPs and neurons give 0, pruned weights are 0.

    The mask may come from other weights of the same shape: retraining starts from the pretrained
    ones. Units of a mask that keeps all of them are not touched.

    Args:
        model: a transformers encoder, with or without a task head.
        subnetwork: the mask; None = the whole model.

    Raises:
        MaskError: if the mask has another shape than the model, or keeps units that a smaller
            model has lost.
    """
    if subnetwork is None:
        yield
        return
    anatomy: Anatomy = anatomy_of(model)
    subnetwork.check_fits(anatomy)
    present = kept_units_of(model)
    if present and (gone := present.lost(kept_by(subnetwork, anatomy.num_neurons))):
        raise MaskError(
            f"the mask keeps {gone} units that the smaller model has lost",
            remedy="use the whole model that the mask was found on",
        )
    head = None if subnetwork.head_mask.all() else torch.tensor(subnetwork.head_mask)
    mlp = None if subnetwork.mlp_mask.all() else torch.tensor(subnetwork.mlp_mask)
    neurons = subnetwork.neuron_mask
    neuron = None if neurons is None or neurons.all() else torch.tensor(neurons)
    with without_weights(model, subnetwork), Gates(model, head, mlp, neuron):
        yield
