"""Build smaller models by removing the units that a mask prunes.

The masked and the smaller model compute the same function: a pruned head feeds zeros into the
output projection, so that neither its rows nor the columns that read it have an effect. A layer
without heads outputs the bias of its output projection, and a pruned MLP outputs zero. Constants
that replace pruned units become part of biases.
"""

from __future__ import annotations

import copy
import inspect
from functools import cache
from typing import Any

import torch
from torch import nn

from ...data.errors import MaskError
from ..encoder.anatomy import Anatomy, anatomy_of
from ..encoder.kept_units import KeptUnits, kept_units_of
from ..encoder.shared_copy import shared_copy
from ..masks.compact_mask import kept_by, mark_compact
from ..masks.subnetwork import Subnetwork, full_subnetwork
from .cuts import check_separable, cuts
from .folding import check_foldable, folded_biases, set_biases


def shrink(model: Any, subnetwork: Subnetwork, *, share: bool = False) -> Any:
    """A smaller copy of a model, without the heads, MLPs and neurons that a mask prunes.

    The original is not modified and, unless `share` is set, shares no weights with the copy. The
    copy runs, trains and accepts gates of full size like the full model; its attribute
    `subprobe_kept_units` lists the units that it has.

    Args:
        model: a transformers encoder, with or without a task head, or a result of `shrink`.
        subnetwork: the mask, in the shape of the full model.
        share: share embeddings, LayerNorms, the configuration and everything else that is not cut
            with the original, which saves time and memory if nothing is trained.

    Raises:
        MaskError: if the mask does not fit, prunes single weights, keeps units that were removed
            before, or replaces pruned units by what depends on the input.
        InputError: if the family's units have no weights of their own.
    """
    anatomy = anatomy_of(model)
    subnetwork.check_fits(anatomy)
    smaller = shared_copy(model) if share else copy.deepcopy(model)
    cut_down(smaller, subnetwork)
    return smaller


def check_removable(model: Any) -> None:
    """Raise unless units can be removed from a full model.

    Raises:
        InputError: if the family's units have no weights of their own, with the reason.
    """
    anatomy = anatomy_of(model)
    full = full_subnetwork(anatomy)
    check_separable(model, anatomy, kept_by(full, anatomy.num_neurons))


def cut_down(model: Any, subnetwork: Subnetwork) -> None:
    """Remove all units that `subnetwork` does not keep from `model`, in place.

    Raises:
        MaskError, InputError: as in `shrink`; the model is then unchanged.
    """
    if subnetwork.weight_masks:
        raise MaskError(
            "the mask prunes single weights, which cannot be removed from a matrix",
            remedy="set them to zero with subprobe bake",
        )
    check_foldable(model, subnetwork)
    anatomy, present = anatomy_of(model), kept_units_of(model)
    kept_units = kept_by(subnetwork, anatomy.num_neurons)
    if present is None:
        check_separable(model, anatomy, kept_units)
    elif gone := present.lost(kept_units):
        raise MaskError(
            f"the mask keeps {gone} units that the model does not have",
            remedy="name the full model",
        )
    biases = folded_biases(model, anatomy, subnetwork, kept_units, present)
    for cut in list(cuts(model, anatomy, kept_units, present)):
        old = cut.parameter
        kept = cut.kept.to(old.device)
        # an empty bias is removed, so that a dense layer without rows and a pruned MLP have none
        new = (
            nn.Parameter(old.detach().index_select(cut.dim, kept), requires_grad=old.requires_grad)
            if cut.name != "bias" or len(kept)
            else None
        )
        setattr(cut.module, cut.name, new)
        if isinstance(cut.module, nn.Linear):
            cut.module.out_features, cut.module.in_features = cut.module.weight.shape
    set_biases(biases)
    for layer in range(anatomy.num_layers):
        _refit(model, anatomy, layer, kept_units)
    mark_compact(model, subnetwork, kept_units)


@torch.no_grad()
def write_back(smaller: Any, model: Any) -> None:
    """Copy the weights of a smaller model back to the full model; pruned units are unchanged.

    Args:
        smaller: a result of `shrink` for a model of this shape.
        model: the full model, modified in place.

    Raises:
        MaskError: if `smaller` is not a smaller model.
    """
    kept_units = kept_units_of(smaller)
    if kept_units is None:
        raise MaskError("the model to copy from is not a smaller model")
    anatomy = anatomy_of(model)
    own = dict(model.named_parameters())
    names = {id(parameter): name for name, parameter in own.items()}
    cut_at = {
        names[id(cut.parameter)]: (cut.dim, cut.kept) for cut in cuts(model, anatomy, kept_units)
    }
    for name, parameter in smaller.named_parameters():
        if name in cut_at:
            dim, kept = cut_at[name]
            own[name].index_copy_(dim, kept.to(parameter.device), parameter)
        else:
            own[name].copy_(parameter)


# -- attention modules ----------------------------------------------------------------------------


def _refit(model: Any, anatomy: Anatomy, layer: int, kept_units: KeptUnits) -> None:
    """Set the number of heads, and their indices, on the attention module of a layer."""
    attention: Any = anatomy.attention_module(model, layer)
    heads = kept_units.heads[layer]
    sizes = {"num_attention_heads": len(heads), "n_heads": len(heads)}
    sizes["all_head_size"] = len(heads) * anatomy.head_size
    for name, size in sizes.items():
        if hasattr(attention, name):
            setattr(attention, name, size)
    if not len(heads):
        inside = anatomy.row.attention_output.removeprefix(f"{anatomy.row.attention}.")
        attention.projection_inside = "" if inside == anatomy.row.attention_output else inside
        _mix_in(Headless, attention)
    elif "position_bias" in inspect.signature(_whole_class(attention).forward).parameters:
        chosen = torch.from_numpy(heads).to(next(attention.parameters()).device)
        attention.register_buffer("living_heads", chosen, persistent=False)
        _mix_in(ChosenHeads, attention)


class Headless(nn.Module):
    """Attention of a layer without heads: only the bias of the output projection.

    Its class stays a subclass of the family's, so that transformers finds it when it collects maps.
    No kernel is run on tensors without elements.
    """

    projection_inside: str
    """Name of the output projection if it is part of the module, else empty."""

    def forward(
        self, hidden_states: torch.Tensor, *_args: Any, **_kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Output [B, S, D], or an empty context [B, S, 0]; and maps [B, 0, S, S]."""
        output = hidden_states[..., :0]
        if self.projection_inside:
            output = self.get_submodule(self.projection_inside)(output)
        examples, length = hidden_states.shape[:2]
        return output, hidden_states.new_zeros(examples, 0, length, length)


class ChosenHeads(nn.Module):
    """Attention that selects its heads from a relative bias that all layers share."""

    living_heads: torch.Tensor
    """Indices of the kept heads."""

    def forward(
        self,
        hidden_states: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        position_bias: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> Any:
        """Run the forward of the family, where `position_bias` is [B, H, S, S] over all heads."""
        if position_bias is not None:
            kwargs["position_bias"] = position_bias.index_select(1, self.living_heads)
        return super().forward(hidden_states, attention_mask=attention_mask, **kwargs)


def _mix_in(mixin: Any, attention: Any) -> None:
    """Let the forward of `mixin` precede that of the module's class."""
    attention.__class__ = _mixed(mixin, _whole_class(attention))


def _whole_class(attention: Any) -> Any:
    """The original class of a module, even if its class was replaced."""
    return getattr(type(attention), "whole_class", type(attention))


@cache
def _mixed(mixin: Any, whole: Any) -> type[nn.Module]:
    named = f"{mixin.__name__}{whole.__name__}"
    return type(named, (mixin, whole), {"whole_class": whole, "__module__": __name__})
