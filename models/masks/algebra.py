"""Masks as sets of units: what both keep, what either keeps, what one keeps and another does not.

A mask prunes at one level or more: heads and MLPs, neurons, single weights. What it does not list
is kept: without a neuron mask all neurons of kept MLPs live. The complement flips the finest
level that a mask prunes and leaves the coarser ones whole, so that the complement of a neuron mask
is a mask that still has all MLPs. Heads hold no neurons: of a mask of heads and neurons both are
flipped.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...data.errors import MaskError

if TYPE_CHECKING:
    from .subnetwork import Subnetwork

Mask = npt.NDArray[np.bool_]

_SHARED = ("importance", "task", "seed_init", "seed_order", "selection")
"""What a combined mask takes over where both have it; else it is empty, or 0."""


def intersection(first: Subnetwork, second: Subnetwork) -> Subnetwork:
    """`first & second`: the units that both keep, at every level.

    The result is of the kind `combined`. It takes over the task, seeds, selection and importance
    that both share; it belongs to the weights that both were found on, or the one that names any,
    and to none in particular where they were found on different ones.

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

    A neuron is kept if it lives in either: its MLP does, and it is not masked itself.

    Raises:
        MaskError: if the masks have different shapes or belong to different models, or single
            weights are joined with masks that prune heads, MLPs or neurons.
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
        # a module that one of the two does not mask is kept whole by it
        for path in {*first.weight_masks, *second.weight_masks}:
            shape = first.weight_masks.get(path, second.weight_masks.get(path))
            whole = np.ones_like(shape, dtype=np.bool_)
            weights[path] = first.weight_masks.get(path, whole) | second.weight_masks.get(
                path, whole
            )
    neurons: Mask | None = None
    if first.neuron_mask is not None or second.neuron_mask is not None:
        neurons = _living(first) | _living(second)
        # of an MLP that both lack no neuron is listed as pruned: it is gone whole
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
        MaskError: as `intersection` and `complement` do.
    """
    _check_alike(first, second)
    return intersection(first, complement(second))


def complement(mask: Subnetwork, levels: Collection[str] = ()) -> Subnetwork:
    """`~mask`: the units that it does not keep, of the kind `complement`.

    Its size is what was pruned; `bad_of` draws one of the mask's own size instead.

    Args:
        mask: the mask.
        levels: what is flipped, of `heads`, `mlps`, `neurons` and `weights`, such as the levels
            that a search chose from; the others stay as they are. Empty = as `~` does.

    Raises:
        MaskError: if the mask prunes at two levels one of which holds the other, such as MLPs and
            neurons: what is left of those has no complement that is a mask.
    """
    levels = levels or _flipped(mask)
    changes: dict[str, Any] = {"kind": "complement", "history": (), **_NO_SHARES}
    if "heads" in levels:
        changes["head_mask"] = ~mask.head_mask
    if "mlps" in levels:
        changes["mlp_mask"] = ~mask.mlp_mask
    if "neurons" in levels and mask.neuron_mask is not None:
        changes["neuron_mask"] = ~mask.neuron_mask
    if "weights" in levels:
        changes["weight_masks"] = {path: ~one for path, one in mask.weight_masks.items()}
    return mask.with_meta(**changes)


def _flipped(mask: Subnetwork) -> tuple[str, ...]:
    """The levels that `~` flips: the finest, and heads beside neurons where some are pruned.

    Raises:
        MaskError: as `complement` does.
    """
    if mask.size_of == "units":
        return "heads", "mlps"
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
    """What two masks of one thing keep; None keeps all of it."""
    if first is None or second is None:
        return second if first is None else first
    return first & second


def _living(mask: Subnetwork) -> Mask:
    """Neurons that live, of kept MLPs: [L, F], or [L, 1] where no neuron is masked."""
    living = mask.mlp_mask[:, None]
    return living if mask.neuron_mask is None else living & mask.neuron_mask


def _check_alike(first: Subnetwork, second: Subnetwork) -> None:
    """Raise unless two masks are of one shape and one model."""
    if not hasattr(second, "head_mask"):
        raise TypeError(f"a Subnetwork is combined with another one, not with {second!r}")
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


def _combined(first: Subnetwork, second: Subnetwork, **masks: Any) -> Subnetwork:
    """The masks with the metadata that both share."""
    meta: dict[str, Any] = {}
    for name in _SHARED:
        one, other = getattr(first, name), getattr(second, name)
        meta[name] = one if one == other else type(one)()
    # the whole model is found by no method, and on no weights in particular
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
        history=(),
    )
