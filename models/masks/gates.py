"""Differentiable factors on the outputs of heads, MLPs and their neurons.

A head gate scales the input of the attention output projection that comes from one head. This is
equivalent to the head mask on attention probabilities of Michel et al. (2019), because both are
linear in the head's output. It keeps the bias of the projection, and works with sdpa, which returns
no probabilities. An MLP gate scales the complete output of an MLP, bias included, before dropout
and the residual. A neuron gate scales one activation at the input of the second dense layer of the
MLP.

Under an ablation other than zero, a gate z moves a unit's output x along the line from its constant
c: z*x + (1 - z)*c, with the gradient x - c.
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
from .compact_mask import compact_mask, kept_by
from .constants import same_constants
from .replacement import Replacement, active, replacement_of, using
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
        instead: what replaces the output of a unit at gate 0; None = what the innermost context of
            `gated` or `replacing` on this model says, and outside of them zeros.

    Raises:
        MaskError: if a gate does not have the shape of the model.
    """

    def __init__(
        self,
        model: Any,
        head: torch.Tensor | None = None,
        mlp: torch.Tensor | None = None,
        neuron: torch.Tensor | None = None,
        *,
        instead: Replacement | None = None,
    ):
        self._model, self._head, self._mlp, self._neuron = model, head, mlp, neuron
        self._instead = active(model) if instead is None else instead
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
            parts = context.unflatten(-1, (own.shape[2], size))
            heads = blended(parts, own, _chosen(self._instead.head(layer), kept, -2))
            return (heads.flatten(-2), *rest)

        projection = self._anatomy.attention_projection(self._model, layer)
        hooks.before(layer, projection, scale)

    def _attach_mlp(self, hooks: LayerHooks, layer: int, gate: torch.Tensor) -> None:
        """Scale the MLP's output [B, S, D] by `gate`, a scalar or [B]."""
        shaped = gate.reshape(-1, 1, 1)

        def scale(_module: Any, _args: Any, output: torch.Tensor) -> torch.Tensor:
            return blended(output, shaped, self._instead.mlp(layer))

        down = self._anatomy.mlp_output(self._model, layer)
        hooks.after(layer, down, scale)

    def _attach_neurons(self, hooks: LayerHooks, layer: int, gate: torch.Tensor) -> None:
        """Scale the input activations [B, S, F] of the second dense layer by [F] or [B, F]."""
        shaped = gate.reshape(-1, 1, self._anatomy.num_neurons)
        present = self._kept_units.neurons[layer] if self._kept_units else None
        kept = _kept(present, self._anatomy.num_neurons)

        def scale(_module: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
            values, *rest = args
            own = shaped if kept is None else shaped.index_select(2, kept.to(shaped.device))
            constant = _chosen(self._instead.neuron(layer), kept, -1)
            return (blended(values, own, constant), *rest)

        down = self._anatomy.mlp_output(self._model, layer)
        hooks.before(layer, down, scale)


def blended(
    values: torch.Tensor, gate: torch.Tensor, constant: torch.Tensor | None = None
) -> torch.Tensor:
    """`gate * values + (1 - gate) * constant`, in place if autograd does not record it.

    Args:
        values: outputs of units [B, S, ...].
        gate: factors that broadcast to them.
        constant: what replaces them, without the axes B and S, without B, or with both (see
            `Replacement`); None = zeros.
    """
    factor = gate.to(values)
    recorded = torch.is_grad_enabled()
    scaled = values * factor if recorded else values.mul_(factor)
    if constant is None:
        return scaled
    rest = (1 - factor) * _along(constant.to(values), values)
    # working in place saves an allocation
    return scaled + rest if recorded else scaled.add_(rest)


def _along(constant: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """A constant with the axes of `values`, [1 or B, 1 or S, ...]."""
    full = constant[(None,) * (values.dim() - constant.dim())]
    length, wanted = full.shape[1], values.shape[1]
    if length > 1 and length < wanted:
        later = full[:, -1:].expand(-1, wanted - length, *full.shape[2:])
        return torch.cat([full, later], dim=1)
    return full if length == 1 else full[:, :wanted]


def _chosen(
    constant: torch.Tensor | None, kept: torch.Tensor | None, dim: int
) -> torch.Tensor | None:
    """The constants of the units that a smaller model has; `kept` None = all of them."""
    if constant is None or kept is None:
        return constant
    return constant.index_select(dim, kept.to(constant.device))


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
    """Run `model` as `subnetwork`: pruned heads, MLPs and neurons output what its ablation says.

    Under the ablation `zero` that is 0, as for pruned weights. Further gates on the model inside
    the context replace units in the same way. The mask may have been found on other weights of the
    same shape, since retraining starts from the pretrained ones. Levels at which the mask keeps all
    units are not changed.

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
    own = compact_mask(model) if present else None
    if own is not None and not _replaces_alike(own, subnetwork):
        raise MaskError(
            f"units were removed from the model with the ablation {own.ablation}, and the mask has "
            f"{subnetwork.ablation}",
            remedy="use the full model, or the mask with which the smaller one was made",
        )
    head = None if subnetwork.head_mask.all() else torch.tensor(subnetwork.head_mask)
    mlp = None if subnetwork.mlp_mask.all() else torch.tensor(subnetwork.mlp_mask)
    neurons = subnetwork.neuron_mask
    neuron = None if neurons is None or neurons.all() else torch.tensor(neurons)
    with (
        without_weights(model, subnetwork),
        replacement_of(model, subnetwork) as instead,
        Gates(model, head, mlp, neuron, instead=instead),
        using(model, instead),
    ):
        yield


def _replaces_alike(one: Subnetwork, other: Subnetwork) -> bool:
    return one.ablation == other.ablation and same_constants(one.constants, other.constants)
