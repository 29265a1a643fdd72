"""Differentiable factors on the outputs of heads, MLPs and their neurons.

A head gate scales the input of the attention output projection that comes from one head. This is
equivalent to the head mask on attention probabilities of Michel et al. (2019), because both are
linear in the head's output. It keeps the bias of the projection, and works with sdpa, which returns
no probabilities. An MLP gate scales the complete output of an MLP, bias included, before dropout
and the residual. A neuron gate scales one activation at the input of the second dense layer of the
MLP.
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
    """Context manager that attaches gates to a model and removes them at the end.

    Gates of 1 leave the output bitwise unchanged. A gate may require grad, even if the model is
    frozen. A smaller model from `shrink` accepts gates of full size: those of removed units have no
    effect and a gradient of 0.

    Args:
        model: a transformers encoder, with or without a task head.
        head: factors [L, H], or per example [B, L, H]; None = no gates on heads.
        mlp: factors [L], or per example [B, L]; None = no gates on MLPs.
        neuron: factors [L, F], or per example [B, L, F]; None = no gates on neurons.

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
            raise RuntimeError("these gates are already attached; create new ones to nest them")
        with ExitStack() as stack:
            hooks = LayerHooks(self._model, self._anatomy, stack)
            for layer in range(self._anatomy.num_layers):
                if self._head is not None:
                    self._attach_head(hooks, layer, self._head[..., layer, :])
                if self._mlp is not None:
                    self._attach_mlp(hooks, layer, self._mlp[..., layer])
                if self._neuron is not None:
                    self._attach_neurons(hooks, layer, self._neuron[..., layer, :])
            # reached only if all hooks are registered; after an error above, they have been removed
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
        # one factor per head: [1, 1, H, 1] for all examples, or [B, 1, H, 1] per example
        shaped = gate.reshape(-1, 1, self._anatomy.num_heads, 1)
        size = self._anatomy.head_size
        present = self._kept_units.heads[layer] if self._kept_units else None
        kept = _kept(present, self._anatomy.num_heads)

        def scale(_module: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
            context, *rest = args
            own = shaped if kept is None else shaped.index_select(2, kept.to(shaped.device))
            # the number of heads is explicit, since a layer may have none
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
        """Scale the input activations [B, S, F] of the second dense layer by [F] or [B, F]."""
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
    """`values * gate`, in place if autograd does not record it, which saves an allocation."""
    factor = gate.to(values)
    return values * factor if torch.is_grad_enabled() else values.mul_(factor)


def _kept(present: Numbers | None, count: int) -> torch.Tensor | None:
    """Indices of the units of a layer that a smaller model has; None = all `count` units."""
    return None if present is None or len(present) == count else torch.from_numpy(present)


def _check_shape(
    name: str, gate: torch.Tensor | None, units: tuple[int, ...], letters: str
) -> None:
    """Raise unless the gate has the shape [*units] or [B, *units]."""
    if gate is None:
        return
    given = tuple(gate.shape)
    if given[-len(units) :] != units or len(given) - len(units) not in (0, 1):
        raise MaskError(
            f"{name} of shape {list(given)} on a model with [{letters}] = {list(units)}",
            remedy=f"use one factor per unit, [{letters}] or [B, {letters}]",
        )


@contextmanager
def gated(model: Any, subnetwork: Subnetwork | None) -> Iterator[None]:
    """Run `model` as `subnetwork`: pruned heads, MLPs and neurons output 0; pruned weights are 0.

    The mask may have been found on other weights of the same shape, since retraining starts from
    the pretrained ones. Levels at which the mask keeps all units are not changed.

    Args:
        model: a transformers encoder, with or without a task head.
        subnetwork: the mask; None = the full model.

    Raises:
        MaskError: if the shapes of mask and model differ, or the mask keeps units that a smaller
            model does not have.
    """
    if subnetwork is None:
        yield
        return
    anatomy: Anatomy = anatomy_of(model)
    subnetwork.check_fits(anatomy)
    present = kept_units_of(model)
    if present and (gone := present.lost(kept_by(subnetwork, anatomy.num_neurons))):
        raise MaskError(
            f"the mask keeps {gone} units that the smaller model does not have",
            remedy="use the full model on which the mask was found",
        )
    head = None if subnetwork.head_mask.all() else torch.tensor(subnetwork.head_mask)
    mlp = None if subnetwork.mlp_mask.all() else torch.tensor(subnetwork.mlp_mask)
    neurons = subnetwork.neuron_mask
    neuron = None if neurons is None or neurons.all() else torch.tensor(neurons)
    with without_weights(model, subnetwork), Gates(model, head, mlp, neuron):
        yield
