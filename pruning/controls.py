"""Control subnetworks with exactly the size of a good one: random and bad ones.

A bad mask is the complement of the good one. If fewer units were pruned than kept, the missing ones
are borrowed from the kept units, and the mask states their share. In Prasanna et al. (2020) the
share was .28 of heads and .61 of MLPs, so that their bad subnetworks were far from complements.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.errors import MaskError, UnknownNameError
from ..models.masks.subnetwork import Subnetwork
from .across_seeds import ACROSS, across_seeds

Mask = npt.NDArray[np.bool_]


def random_like(good: Subnetwork, seed: int, draw: int = 0) -> Subnetwork:
    """As many heads and MLPs as in `good`, drawn uniformly without replacement from the model.

    Args:
        good: the mask to match.
        seed: not negative; the same seed and draw give the same bytes.
        draw: number of the draw, not negative.
    """
    generator = np.random.default_rng((1, seed, draw))
    return good.with_meta(
        head_mask=_random(good.head_mask, generator),
        mlp_mask=_random(good.mlp_mask, generator),
        **_finer(good, lambda mask: _random(mask, generator)),
        **_sampled("random", seed, draw),
    )


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
    )


CONTROLS: dict[str, Callable[..., Subnetwork]] = {"random": random_like, "bad": bad_of}
"""Kind -> function that draws it."""


def sample_control(kind: str, good: Subnetwork, seed: int, draw: int = 0) -> Subnetwork:
    """Draw a control of a named kind.

    Raises:
        UnknownNameError: if there is no such kind.
    """
    if kind not in CONTROLS:
        raise UnknownNameError("control kind", kind, CONTROLS)
    return CONTROLS[kind](good, seed=seed, draw=draw)


def sample(kind: str, goods: Sequence[Subnetwork], seed: int, draw: int = 0) -> Subnetwork:
    """Draw a control of one good mask, or a subnetwork across the good masks of several seeds.

    Raises:
        UnknownNameError: if there is no such kind.
        MaskError: if the number of masks does not fit the kind.
    """
    if kind in ACROSS:
        return across_seeds(kind, goods, seed, draw)
    if kind not in CONTROLS:
        raise UnknownNameError("kind", kind, (*CONTROLS, *ACROSS))
    if len(goods) != 1:
        raise MaskError(
            f"{kind} needs exactly one mask, got {len(goods)}",
            remedy=f"name one mask, or choose one of {', '.join(ACROSS)}",
        )
    if kind == "bad" and goods[0].weight_masks:
        raise MaskError(
            "the bad mask by magnitude keeps the smallest weights, which a mask does not contain",
            remedy="use subprobe run with prune.methods, or draw a random mask",
        )
    return sample_control(kind, goods[0], seed=seed, draw=draw)


def _finer(good: Subnetwork, draw: Callable[[Mask], Mask]) -> dict[str, Any]:
    """Neurons and weights of a control, drawn from all layers and modules together."""
    finer: dict[str, Any] = {}
    if good.neuron_mask is not None:
        finer["neuron_mask"] = draw(good.neuron_mask)
    if good.weight_masks:
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


def _random(good: Mask, generator: np.random.Generator) -> Mask:
    count = int(good.sum())
    return _choose(good.shape, generator.choice(good.size, size=count, replace=False))


def _bad(good: Mask, generator: np.random.Generator) -> Mask:
    removed, survivors = np.flatnonzero(~good), np.flatnonzero(good)
    count = len(survivors)
    own = generator.choice(removed, size=min(count, len(removed)), replace=False)
    borrowed = generator.choice(survivors, size=count - len(own), replace=False)
    return _choose(good.shape, np.concatenate([own, borrowed]))


def _borrowed(bad: Mask, good: Mask) -> float:
    """Share of the units of the bad mask that the good mask keeps too."""
    return float((bad & good).sum() / bad.sum()) if bad.any() else 0.0
