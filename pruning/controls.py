"""Control subnetworks with exactly the size of a good one: random and bad ones.

Random units are drawn from the whole model (`model`), or within each layer, so that the control has
the good mask's layer profile too (`layer`).

A bad mask is the complement of the good one. If fewer units were pruned than kept, the missing ones
are borrowed from the kept units, and the mask states their share. In Prasanna et al. (2020) the
share was .28 of heads and .61 of MLPs, so that their bad subnetworks were far from complements.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.errors import MaskError, UnknownNameError
from ..models.masks.subnetwork import Subnetwork

Mask = npt.NDArray[np.bool_]


MATCHES = ("model", "layer")
"""What a random mask has in common with the good one: the number of units of the whole model, or of
each layer."""


def random_like(
    good: Subnetwork, seed: int, draw: int = 0, match: str = "model", within: str = "model"
) -> Subnetwork:
    """As many heads and MLPs as in `good`, drawn uniformly without replacement from the model.

    Args:
        good: the mask to match.
        seed: not negative; the same seed and draw give the same bytes.
        draw: number of the draw, not negative.
        match: `model`, or `layer`: as many units of each layer, and weights of each module, as in
            `good`. As a layer has one MLP, the MLPs are then those of `good`.
        within: the units from which is drawn: all of the `model`, or those that `good` has
            `pruned`. Units of a type that `good` does not prune are all kept.

    Raises:
        UnknownNameError: if `match` has another value.
        MaskError: if fewer units are pruned than kept, and only pruned ones are drawn.
    """
    check_match(match)
    by_layer = match == "layer"
    place = 1 if within == "model" and not by_layer else 5 + 2 * (within != "model") + by_layer
    generator = np.random.default_rng((place, seed, draw))

    def drawn(mask: Mask) -> Mask:
        among = np.ones_like(mask) if within == "model" or mask.all() else ~mask
        if not by_layer or mask.ndim < 2:
            return mask.copy() if by_layer else _random(mask, among, generator)
        return np.stack(
            [_random(own, free, generator) for own, free in zip(mask, among, strict=True)]
        )

    return good.with_meta(
        head_mask=drawn(good.head_mask),
        mlp_mask=drawn(good.mlp_mask),
        **_finer(good, drawn, by_module=(lambda mask: drawn(mask[None])[0]) if by_layer else None),
        **_sampled("random", seed, draw),
        match="layer" if by_layer else "",
    )


def check_match(match: str) -> None:
    """Raise unless random masks can be matched in this way.

    Raises:
        UnknownNameError: if they cannot.
    """
    if match not in MATCHES:
        raise UnknownNameError("match", match, MATCHES)


def log_masks(good: Subnetwork, match: str = "model") -> float:
    """Natural logarithm of the number of masks from which `random_like` draws.

    Args:
        good: the mask to match.
        match: as in `random_like`.

    Raises:
        UnknownNameError: if `match` has another value.
    """
    check_match(match)
    if match == "layer":
        rows: Iterable[Mask] = (
            row for mask in (good.head_mask, good.neuron_mask) if mask is not None for row in mask
        )
        return sum(map(_log_choices, [*rows, *good.weight_masks.values()]))
    weights = [_flat(good.weight_masks)] if good.weight_masks else []
    levels = [good.head_mask, good.mlp_mask, good.neuron_mask, *weights]
    return sum(_log_choices(mask) for mask in levels if mask is not None)


def _log_choices(mask: Mask) -> float:
    """Logarithm of the number of ways to keep so many of these units."""
    n, kept = mask.size, int(mask.sum())
    return math.lgamma(n + 1) - math.lgamma(kept + 1) - math.lgamma(n - kept + 1)


def bad_of(good: Subnetwork, seed: int, draw: int = 0) -> Subnetwork:
    """The pruned units, completed with kept ones or reduced by sampling to the size of `good`.

    Args:
        good: the mask whose complement is taken.
        seed: not negative; the same seed and draw give the same bytes.
        draw: number of the draw, not negative.

    Returns:
        A mask whose `borrowed_heads`, `borrowed_mlps`, `borrowed_neurons` and `borrowed_weights`
        are the shares of its units that the good mask keeps too. For single weights, a bad mask by
        magnitude is built differently (see `magnitude.smallest_of`).
    """
    generator = np.random.default_rng((2, seed, draw))
    heads, mlps = _bad(good.head_mask, generator), _bad(good.mlp_mask, generator)
    finer = _finer(good, lambda mask: _bad(mask, generator))
    if "neuron_mask" in finer and good.neuron_mask is not None:
        finer["borrowed_neurons"] = _borrowed(finer["neuron_mask"], good.neuron_mask)
    if "weight_masks" in finer:
        finer["borrowed_weights"] = _borrowed(
            _flat(finer["weight_masks"]), _flat(good.weight_masks)
        )
    return good.with_meta(
        head_mask=heads,
        mlp_mask=mlps,
        borrowed_heads=_borrowed(heads, good.head_mask),
        borrowed_mlps=_borrowed(mlps, good.mlp_mask),
        **finer,
        **_sampled("bad", seed, draw),
        match="",
    )


CONTROLS: dict[str, Callable[..., Subnetwork]] = {"random": random_like, "bad": bad_of}
"""Kind -> function that draws it."""


def sample_control(
    kind: str, good: Subnetwork, seed: int, draw: int = 0, match: str = "model"
) -> Subnetwork:
    """Draw a control of a named kind; `match` concerns random ones alone, see `random_like`.

    Raises:
        UnknownNameError: if there is no such kind.
    """
    if kind not in CONTROLS:
        raise UnknownNameError("control kind", kind, CONTROLS)
    matched = {"match": match} if kind == "random" else {}
    return CONTROLS[kind](good, seed=seed, draw=draw, **matched)


def _finer(
    good: Subnetwork,
    draw: Callable[[Mask], Mask],
    by_module: Callable[[Mask], Mask] | None = None,
) -> dict[str, Any]:
    """Neurons and weights of a control; weights of all modules together, or of each by itself."""
    finer: dict[str, Any] = {}
    if good.neuron_mask is not None:
        finer["neuron_mask"] = draw(good.neuron_mask)
    if good.weight_masks and by_module is not None:
        finer["weight_masks"] = {
            path: by_module(mask.ravel()).reshape(mask.shape)
            for path, mask in good.weight_masks.items()
        }
    elif good.weight_masks:
        drawn, start = draw(_flat(good.weight_masks)), 0
        finer["weight_masks"] = {}
        for path, mask in good.weight_masks.items():
            finer["weight_masks"][path] = drawn[start : start + mask.size].reshape(mask.shape)
            start += mask.size
    return finer


def _flat(masks: Mapping[str, Mask]) -> Mask:
    """All weight masks as one vector, in the order of their paths."""
    return np.concatenate([mask.ravel() for mask in masks.values()])


def _sampled(kind: str, seed: int, draw: int) -> dict[str, object]:
    """Metadata in which a sampled mask differs from the good one."""
    return {"kind": kind, "seed_draw": seed, "draw": draw, "history": ()}


def _choose(shape: tuple[int, ...], chosen: npt.NDArray[np.int64]) -> Mask:
    """A mask that keeps the units at the flat indices `chosen`."""
    mask = np.zeros(shape, dtype=np.bool_)
    mask.ravel()[chosen] = True
    return mask


def _random(good: Mask, among: Mask, generator: np.random.Generator) -> Mask:
    count, free = int(good.sum()), np.flatnonzero(among)
    if count > len(free):
        raise MaskError(
            f"{len(free)} units are pruned, fewer than the {count} that are kept: no random mask "
            "of this size avoids the mask",
            remedy="draw from the whole model, or use a smaller mask",
        )
    return _choose(good.shape, free[generator.choice(len(free), size=count, replace=False)])


def _bad(good: Mask, generator: np.random.Generator) -> Mask:
    removed, survivors = np.flatnonzero(~good), np.flatnonzero(good)
    count = len(survivors)
    own = generator.choice(removed, size=min(count, len(removed)), replace=False)
    borrowed = generator.choice(survivors, size=count - len(own), replace=False)
    return _choose(good.shape, np.concatenate([own, borrowed]))


def _borrowed(bad: Mask, good: Mask) -> float:
    """Share of the units of the bad mask that the good mask keeps too."""
    return float((bad & good).sum() / bad.sum()) if bad.any() else 0.0
