"""Subnetworks of several seeds: what all keep, what all prune, and what they disagree on.

Super, anti and middle of Prasanna et al. (2020), section 5: `super` keeps the units that survive in
every seed; `anti` as many units that are pruned in every seed, none of them in super; `middle` as
many of the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..data.errors import MaskError, UnknownNameError
from ..models.masks.subnetwork import Subnetwork

Mask = npt.NDArray[np.bool_]

ACROSS = ("super", "anti", "middle")


def across_seeds(
    kind: str, goods: Sequence[Subnetwork], seed: int = 0, draw: int = 0
) -> Subnetwork:
    """The super, anti or middle subnetwork of the good ones of several seeds.

    Where fewer units are pruned in every seed than survive in every seed, anti is filled up with
    those that survive in the fewest seeds, and middle with what is left outside super; the share of
    units filled up is written into `borrowed_heads` and `borrowed_mlps`. The seed breaks ties.

    Args:
        kind: `super`, `anti` or `middle`.
        goods: good masks of one task, model and method, one a seed, at least two.
        seed: of the draw; super needs none.
        draw: number of the draw.

    Returns:
        A mask of no particular weights: it serves every seed.

    Raises:
        UnknownNameError: if there is no such kind.
        MaskError: if the masks are too few, or do not belong together.
    """
    if kind not in ACROSS:
        raise UnknownNameError("kind across seeds", kind, ACROSS)
    first = _alike(goods)
    generator = np.random.default_rng((4, ACROSS.index(kind), seed, draw))
    heads, borrowed_heads = _chosen(kind, [good.head_mask for good in goods], generator)
    mlps, borrowed_mlps = _chosen(kind, [good.mlp_mask for good in goods], generator)
    return first.with_meta(
        head_mask=heads,
        mlp_mask=mlps,
        kind=kind,
        seed_init=0,
        seed_order=0,
        seed_draw=0 if kind == "super" else seed,
        draw=0 if kind == "super" else draw,
        borrowed_heads=borrowed_heads,
        borrowed_mlps=borrowed_mlps,
        fingerprint="",
        history=(),
    )


def _alike(goods: Sequence[Subnetwork]) -> Subnetwork:
    """The first mask, if all belong together."""
    if len(goods) < 2:
        raise MaskError(
            f"{len(goods)} mask", remedy="give the good masks of at least two seeds of one task"
        )
    first = goods[0]
    for good in goods:
        for name in ("task", "model", "method"):
            ours, theirs = getattr(first, name), getattr(good, name)
            if ours != theirs:
                raise MaskError(f"masks of different {name}s: {ours!r} and {theirs!r}")
        if good.head_mask.shape != first.head_mask.shape:
            raise MaskError(
                f"masks of different shapes: {first.head_mask.shape} and {good.head_mask.shape}"
            )
        if good.neuron_mask is not None or good.weight_masks:
            raise MaskError(f"{good.method} masks: only heads and MLPs are compared across seeds")
    return first


def _chosen(kind: str, masks: Sequence[Mask], generator: np.random.Generator) -> tuple[Mask, float]:
    """Units of a kind, as many as survive everywhere, and the share that had to be filled up."""
    survived = np.sum(masks, axis=0)
    everywhere = survived == len(masks)
    if kind == "super":
        return everywhere, 0.0
    own = survived == 0 if kind == "anti" else (survived > 0) & ~everywhere
    # units of the kind first; then, outside super, those that survive least; ties as drawn
    order = np.lexsort((generator.random(survived.size), survived.ravel(), ~own.ravel()))
    if kind == "middle":
        order = np.lexsort((generator.random(survived.size), ~own.ravel()))
    order = order[~everywhere.ravel()[order]]
    count = int(everywhere.sum())
    chosen = np.zeros(survived.shape, dtype=np.bool_)
    chosen.ravel()[order[:count]] = True
    taken = int(chosen.sum())
    return chosen, float((chosen & ~own).sum() / taken) if taken else 0.0
