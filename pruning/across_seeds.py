"""Subnetworks across seeds: units that are kept by all, pruned by all, or neither.

They follow Prasanna et al. (2020), section 5: `super` keeps the units that are kept in every seed;
`anti` keeps the same number of units that are pruned in every seed, none of them in `super`;
`middle` keeps the same number of the remaining units.
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
    """The super, anti or middle subnetwork of the good subnetworks of several seeds.

    If fewer units are pruned in every seed than kept in every seed, `anti` is completed with the
    units kept in the fewest seeds, and `middle` with other units outside of `super`. The share of
    these units is stored in `borrowed_heads` and `borrowed_mlps`. Ties are broken with the seed.

    Args:
        kind: `super`, `anti` or `middle`.
        goods: at least two good masks of the same task, model and method, one per seed.
        seed: seed of the draw; not used for `super`.
        draw: index of the draw.

    Returns:
        A mask that belongs to no particular weights, for use with all seeds. The constants of its
        ablation, if any, are those of the first mask.

    Raises:
        UnknownNameError: if the kind is unknown.
        MaskError: if there are fewer than two masks, or they do not belong together.
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
    """Return the first mask if all belong together."""
    if len(goods) < 2:
        raise MaskError(
            f"at least two masks are needed, got {len(goods)}",
            remedy="name the masks of the good subnetworks of at least two seeds of one task",
        )
    first = goods[0]
    for good in goods:
        for name in ("task", "model", "method", "ablation"):
            ours, theirs = getattr(first, name), getattr(good, name)
            if ours != theirs:
                raise MaskError(f"the masks have different {name}s: {ours!r} and {theirs!r}")
        if good.head_mask.shape != first.head_mask.shape:
            raise MaskError(
                f"the masks have different shapes: {first.head_mask.shape} and "
                f"{good.head_mask.shape}"
            )
        if good.neuron_mask is not None or good.weight_masks:
            raise MaskError(
                f"{good.method} masks cannot be compared across seeds, only masks of heads and MLPs"
            )
    return first


def _chosen(kind: str, masks: Sequence[Mask], generator: np.random.Generator) -> tuple[Mask, float]:
    """Units of a kind, as many as are kept in all seeds, and the share of borrowed ones."""
    survived = np.sum(masks, axis=0)
    everywhere = survived == len(masks)
    if kind == "super":
        return everywhere, 0.0
    own = survived == 0 if kind == "anti" else (survived > 0) & ~everywhere
    # units of the kind first, then those outside super kept in the fewest seeds; ties as drawn
    order = np.lexsort((generator.random(survived.size), survived.ravel(), ~own.ravel()))
    if kind == "middle":
        order = np.lexsort((generator.random(survived.size), ~own.ravel()))
    order = order[~everywhere.ravel()[order]]
    count = int(everywhere.sum())
    chosen = np.zeros(survived.shape, dtype=np.bool_)
    chosen.ravel()[order[:count]] = True
    taken = int(chosen.sum())
    return chosen, float((chosen & ~own).sum() / taken) if taken else 0.0
