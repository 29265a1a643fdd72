"""Set operations on masks: intersection, union, difference and complement of the kept units.

A mask prunes at one or more levels: heads and MLPs, neurons, single weights. Units that it does not
list are kept: without a neuron mask, all neurons of kept MLPs are kept. The complement inverts the
finest level at which a mask prunes and keeps all units of the coarser ones, so that the complement
of a neuron mask keeps all MLPs. Heads do not contain neurons: for a mask of heads and neurons, both
are inverted. Of heads and MLPs only what the method decides on is inverted: the complement of a
mask of heads alone (`structured-heads`, gates on heads) keeps all MLPs.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...data.errors import MaskError, UnknownNameError
from .constants import same_constants

if TYPE_CHECKING:
    from .subnetwork import Subnetwork

Mask = npt.NDArray[np.bool_]

_LEVELS = ("heads", "mlps", "neurons", "weights")

GATED = ("l0", "hard-concrete", "continuous-sparsification")
"""Methods that learn a mask by gates, on the units that the options name."""

_SHARED = ("importance", "task", "seed_init", "seed_order", "selection")
"""Metadata that a combined mask keeps if both masks agree; otherwise the field is empty or 0."""


def intersection(first: Subnetwork, second: Subnetwork) -> Subnetwork:
    """`first & second`: the units that both keep, at every level.

    The result has the kind `combined`. It keeps the task, seeds, selection and importance if they
    are equal in both. It belongs to the weights on which both masks were found, or the only ones
    that are named; if these differ, it belongs to no particular weights.

    Raises:
        MaskError: if the masks have different shapes or belong to different models.
    """
    _check_alike(first, second)
    paths = sorted({*first.weight_masks, *second.weight_masks})
    return _combined(
        first,
        second,
        head_mask=first.head_mask & second.head_mask,
        mlp_mask=first.mlp_mask & second.mlp_mask,
        neuron_mask=_both(first.neuron_mask, second.neuron_mask),
        weight_masks={
            path: _both(first.weight_masks.get(path), second.weight_masks.get(path))
            for path in paths
        },
    )


def union(first: Subnetwork, second: Subnetwork) -> Subnetwork:
    """`first | second`: the units that either keeps; metadata as in `intersection`.

    A neuron is kept if one of the masks keeps both it and its MLP.

    Raises:
        MaskError: if the masks have different shapes or belong to different models, or one prunes
            single weights and the other heads, MLPs or neurons.
    """
    _check_alike(first, second)
    weights: dict[str, Mask] = {}
    if first.weight_masks or second.weight_masks:
        for mask in (first, second):
            if not (mask.head_mask.all() and mask.mlp_mask.all() and mask.neuron_mask is None):
                raise MaskError(
                    "one mask prunes single weights and the other whole units; they cannot be "
                    "joined into one mask",
                    remedy="join masks of single weights with each other",
                )
        # a mask keeps all weights of a module that it does not list
        for path in {*first.weight_masks, *second.weight_masks}:
            shape = first.weight_masks.get(path, second.weight_masks.get(path))
            whole = np.ones_like(shape, dtype=np.bool_)
            weights[path] = first.weight_masks.get(path, whole) | second.weight_masks.get(
                path, whole
            )
    neurons: Mask | None = None
    if first.neuron_mask is not None or second.neuron_mask is not None:
        neurons = _living(first) | _living(second)
        # if both prune an MLP, none of its neurons is listed as pruned
        neurons[~(first.mlp_mask | second.mlp_mask)] = True
    return _combined(
        first,
        second,
        head_mask=first.head_mask | second.head_mask,
        mlp_mask=first.mlp_mask | second.mlp_mask,
        neuron_mask=neurons,
        weight_masks=weights,
    )


def difference(first: Subnetwork, second: Subnetwork) -> Subnetwork:
    """`first - second`: the units of `first` that `second` does not keep, `first & ~second`.

    Raises:
        MaskError: as in `intersection` and `complement`.
    """
    _check_alike(first, second)
    return intersection(first, complement(second))


def complement(mask: Subnetwork, levels: Collection[str] = ()) -> Subnetwork:
    """`~mask`: the units that it prunes, with the kind `complement`.

    Its size is the number of pruned units; `bad_of` draws a mask with the size of the original one.
    The complement of a complement is the mask itself.

    Args:
        mask: the mask.
        levels: the levels to invert (`heads`, `mlps`, `neurons`, `weights`), such as those that
            were searched; the others are unchanged. Empty = as in `~`.

    Raises:
        MaskError: if the mask prunes at two levels of which one contains the other, such as MLPs
            and neurons, because the complement then cannot be stored as a mask, or if it does not
            mask a level.
        UnknownNameError: if there is no such level.
    """
    _check_levels(mask, levels)
    levels = levels or _flipped(mask)
    # what was inverted is kept, so that the complement of a complement is the mask
    inverted = "-".join(level for level in _LEVELS if level in levels)
    changes: dict[str, Any] = {
        "kind": "complement", "history": ({"units": inverted},), **_NO_SHARES,
    }  # fmt: skip
    if "heads" in levels:
        changes["head_mask"] = ~mask.head_mask
    if "mlps" in levels:
        changes["mlp_mask"] = ~mask.mlp_mask
    if "neurons" in levels and mask.neuron_mask is not None:
        changes["neuron_mask"] = ~mask.neuron_mask
    if "weights" in levels:
        changes["weight_masks"] = {path: ~one for path, one in mask.weight_masks.items()}
    return mask.with_meta(**changes)


def gated_levels(mask: Subnetwork) -> tuple[str, ...]:
    """The levels whose units had gates, of a mask learned by gates; empty for other masks.

    The history says it. A mask without history, such as a control, had gates where it prunes.
    """
    if mask.method not in GATED:
        return ()
    units = str(mask.history[0].get("units", "")) if mask.history else ""
    if units:
        return tuple(units.split("-"))
    counts = mask.counts()
    pruned = [level for level in _levels_in(mask) if counts[level][0] < counts[level][1]]
    # the gates of a penalty on a task are on heads, also where they keep all
    return tuple(pruned) or (("heads",) if mask.method == "l0" else ())


def _check_levels(mask: Subnetwork, levels: Collection[str]) -> None:
    """Raise unless a mask has the named levels."""
    for level in levels:
        if level not in _LEVELS:
            raise UnknownNameError("level", level, _LEVELS)
        if level not in mask.counts():
            raise MaskError(
                f"the mask has no {level}",
                remedy=f"name a level that it has: {', '.join(_levels_in(mask))}",
            )


def _levels_in(mask: Subnetwork) -> list[str]:
    return [level for level in _LEVELS if level in mask.counts()]


def _flipped(mask: Subnetwork) -> tuple[str, ...]:
    """The levels that `~` inverts: the finest one, and with neurons also heads if some are pruned.

    Raises:
        MaskError: as in `complement`.
    """
    if mask.kind == "complement" and mask.history and mask.history[0].get("units"):
        return tuple(str(mask.history[0]["units"]).split("-"))
    if mask.size_of == "units":
        if mask.method in ("structured-heads", "structured-mlps"):
            return (mask.method.removeprefix("structured-"),)
        return gated_levels(mask) or ("heads", "mlps")
    heads_beside = mask.size_of == "neurons" and not mask.head_mask.all()
    coarser = [mask.mlp_mask] if heads_beside else [mask.head_mask, mask.mlp_mask]
    coarser += [mask.neuron_mask] if mask.weight_masks and mask.neuron_mask is not None else []
    if not all(np.all(one) for one in coarser):
        raise MaskError(
            f"the mask prunes {mask.size_of} and larger units: its complement cannot be stored as "
            "a mask",
            remedy="take the complement of a mask that prunes at one level",
        )
    return ("heads", "neurons") if heads_beside else (mask.size_of,)


_NO_SHARES = {
    "borrowed_heads": 0.0,
    "borrowed_mlps": 0.0,
    "borrowed_neurons": 0.0,
    "borrowed_weights": 0.0,
}


def _both(first: Mask | None, second: Mask | None) -> Mask | None:
    """Combine two masks of the same units; None = all are kept."""
    if first is None or second is None:
        return second if first is None else first
    return first & second


def _living(mask: Subnetwork) -> Mask:
    """Kept neurons of kept MLPs: [L, F], or [L, 1] if there is no neuron mask."""
    living = mask.mlp_mask[:, None]
    return living if mask.neuron_mask is None else living & mask.neuron_mask


def _check_alike(first: Subnetwork, second: Subnetwork) -> None:
    """Raise unless two masks have the same shape and belong to the same model."""
    if not hasattr(second, "head_mask"):
        raise TypeError(f"a Subnetwork can be combined only with another one, got {second!r}")
    pairs = {
        "[L, H]": (first.head_mask, second.head_mask),
        "[L, F]": (first.neuron_mask, second.neuron_mask),
        **{
            f"weights of {path}": (first.weight_masks[path], second.weight_masks[path])
            for path in {*first.weight_masks} & {*second.weight_masks}
        },
    }
    for name, (one, other) in pairs.items():
        if one is not None and other is not None and one.shape != other.shape:
            raise MaskError(
                f"masks of different shapes, {name}: {list(one.shape)} and {list(other.shape)}"
            )
    if first.model and second.model and first.model != second.model:
        raise MaskError(f"masks of different models: {first.model!r} and {second.model!r}")
    if first.ablation != second.ablation:
        raise MaskError(
            f"masks of different ablations: {first.ablation} and {second.ablation}",
            remedy="give both masks the same ablation first",
        )
    if not same_constants(first.constants, second.constants):
        raise MaskError(
            f"masks with the ablation {first.ablation} and different constants",
            remedy="give both masks the constants of one of them",
        )


def _combined(first: Subnetwork, second: Subnetwork, **masks: Any) -> Subnetwork:
    """Build the combined mask with the metadata that both share."""
    meta: dict[str, Any] = {}
    for name in _SHARED:
        one, other = getattr(first, name), getattr(second, name)
        meta[name] = one if one == other else type(one)()
    # the full model has no method and belongs to no particular weights
    methods = {first.method, second.method} - {"full"} or {"full"}
    prints = {first.fingerprint, second.fingerprint} - {""}
    return first.with_meta(
        **masks,
        **meta,
        **_NO_SHARES,
        kind="combined",
        method=methods.pop() if len(methods) == 1 else "several",
        model=first.model or second.model,
        fingerprint=prints.pop() if len(prints) == 1 else "",
        seed_draw=0,
        draw=0,
        match="",
        history=(),
    )
