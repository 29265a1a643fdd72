"""Smaller models: what a mask switches off is taken out, and nothing else changes.

The masked model and the smaller one compute the same function: a head that is switched off feeds
zeros into the output projection, so that neither its rows nor the columns that read it matter. A
layer that lost every head gives the bias of its output projection, a pruned MLP gives zero.
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
from ..masks.compact_mask import kept_by, mark_compact
from ..masks.subnetwork import Subnetwork, full_subnetwork
from .cuts import check_separable, cuts
from .shared_copy import shared_copy


def shrink(model: Any, subnetwork: Subnetwork, *, share: bool = False) -> Any:
    """A smaller copy of a model, without the heads, MLPs and neurons that a mask switches off.

    The original is untouched, and shares no weight with the copy unless asked to. The copy runs,
    trains and takes full-size gates like the whole model; `subprobe_kept_units` on it says which
    units it still has.

    Args:
        model: a transformers encoder, with or without a task head; or what `shrink` made of one.
        subnetwork: the mask, of the whole model's shape.
        share: leave embeddings, LayerNorms, the configuration and everything else that is not cut
            in common with the original, which saves time and memory where nothing is trained.

    Raises:
        MaskError: if the mask does not fit, masks single weights, or keeps what is gone already.
        InputError: if the family's units have no weights of their own.
    """
    anatomy = anatomy_of(model)
    subnetwork.check_fits(anatomy)
    smaller = shared_copy(model) if share else copy.deepcopy(model)
    cut_down(smaller, subnetwork)
    return smaller


def check_removable(model: Any) -> None:
    """Raise unless units can be taken out of a whole model.

    Raises:
        InputError: if the family's units have no weights of their own, with the reason.
    """
    anatomy = anatomy_of(model)
    full = full_subnetwork(anatomy)
    check_separable(model, anatomy, kept_by(full, anatomy.num_neurons))


def cut_down(model: Any, subnetwork: Subnetwork) -> None:
    """Take out of `model`, in place, every unit that `subnetwork` does not keep.

    Raises:
        MaskError, InputError: as `shrink`; nothing is changed then.
    """
    if subnetwork.weight_masks:
        raise MaskError(
            "the mask switches off single weights, which cannot be taken out of a matrix",
            remedy="write them as zeros: subprobe bake",
        )
    anatomy, present = anatomy_of(model), kept_units_of(model)
    kept_units = kept_by(subnetwork, anatomy.num_neurons)
    if present is None:
        check_separable(model, anatomy, kept_units)
    elif gone := present.lost(kept_units):
        raise MaskError(
            f"the mask keeps {gone} units that the model has lost", remedy="give the whole model"
        )
    for cut in list(cuts(model, anatomy, kept_units, present)):
        old = cut.parameter
        kept = cut.kept.to(old.device)
        # an empty bias is left out, so that a dense layer without rows or a pruned MLP has none
        new = (
            nn.Parameter(old.detach().index_select(cut.dim, kept), requires_grad=old.requires_grad)
            if cut.name != "bias" or len(kept)
            else None
        )
        setattr(cut.module, cut.name, new)
        if isinstance(cut.module, nn.Linear):
            cut.module.out_features, cut.module.in_features = cut.module.weight.shape
    for layer in range(anatomy.num_layers):
        _refit(model, anatomy, layer, kept_units)
    mark_compact(model, subnetwork, kept_units)


@torch.no_grad()
def write_back(smaller: Any, model: Any) -> None:
    """Copy the weights of a smaller model to where they came from; pruned units stay as they are.

    Args:
        smaller: what `shrink` made of a model of this shape.
        model: the whole model, changed in place.

    Raises:
        MaskError: if `smaller` is not a smaller model.
    """
    kept_units = kept_units_of(smaller)
    if kept_units is None:
        raise MaskError("the model to copy from is a whole one")
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
    """Tell the attention module of a layer how many heads it has, and which."""
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
    """Attention of a layer without heads: nothing but the bias of the output projection.

    Its class stays one of the family's, so that transformers still finds it when it collects maps;
    no kernel is started on tensors without elements.
    """

    projection_inside: str
    """Name of the output projection where it is part of the module, else empty."""

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
    """Attention that takes from a relative bias shared by all layers what belongs to its heads."""

    living_heads: torch.Tensor
    """Numbers of the heads that are left."""

    def forward(
        self,
        hidden_states: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        position_bias: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> Any:
        """As the family's own; `position_bias` is [B, H, S, S] over all heads."""
        if position_bias is not None:
            kwargs["position_bias"] = position_bias.index_select(1, self.living_heads)
        return super().forward(hidden_states, attention_mask=attention_mask, **kwargs)


def _mix_in(mixin: Any, attention: Any) -> None:
    """Put the forward of `mixin` before the one of the module's own class."""
    attention.__class__ = _mixed(mixin, _whole_class(attention))


def _whole_class(attention: Any) -> Any:
    """The family's own class of a module that may have been refitted."""
    return getattr(type(attention), "whole_class", type(attention))


@cache
def _mixed(mixin: Any, whole: Any) -> type[nn.Module]:
    named = f"{mixin.__name__}{whole.__name__}"
    return type(named, (mixin, whole), {"whole_class": whole, "__module__": __name__})
