"""Masks without the units of a good mask, and without those of random masks, to test necessity.

A good mask that suffices may still be replaceable: other units may do the same. What a model loses
without the good mask's units (its complement), compared with what it loses without as many random
ones, shows whether it needs them (Lepori et al. 2023; Shi et al. 2024, partial necessity).
"""

from __future__ import annotations

from ..data.errors import MaskError, UnknownNameError
from ..models.masks.algebra import complement, gated_levels
from ..models.masks.subnetwork import Subnetwork
from .controls import random_like

COMPLEMENT, RANDOM_COMPLEMENT = "complement", "random-complement"
KNOCKED_OUT = (COMPLEMENT, RANDOM_COMPLEMENT)
"""The kinds: without the units of the good mask, and without those of a random mask."""
WITHIN = ("model", "pruned")
"""The units of which random ones are removed: all, or those that the good mask prunes."""

_SEARCHED = {
    "structured": ("heads", "mlps"),
    "structured-heads": ("heads",),
    "structured-mlps": ("mlps",),
    "structured-neurons": ("neurons",),
    "magnitude": ("weights",),
    "imp": ("weights",),
}
"""Method -> the levels that its search prunes."""


def searched_levels(mask: Subnetwork) -> tuple[str, ...]:
    """The levels of a mask whose units were searched: by its method or gates, else those it prunes.

    A search of heads keeps all MLPs, but they do not belong to what it found.
    """
    counts = mask.counts()
    known = _SEARCHED.get(mask.method) or gated_levels(mask)
    if known and all(level in counts for level in known):
        return known
    if mask.weight_masks:
        return ("weights",)
    levels = ("heads", "mlps") if mask.neuron_mask is None else ("heads", "neurons")
    return tuple(level for level in levels if counts[level][0] < counts[level][1]) or levels


def check_knock_out(mask: Subnetwork, where: str | None = None) -> None:
    """Raise unless a mask keeps some of the searched units and prunes others.

    Args:
        mask: the mask.
        where: its file, for the message.

    Raises:
        MaskError: if it keeps none of them or all.
    """
    levels = searched_levels(mask)
    counted = [mask.counts()[level] for level in levels]
    kept, total = (sum(one[side] for one in counted) for side in (0, 1))
    named = " or ".join(level.removesuffix("s") for level in levels).replace("mlp", "MLP")
    if kept == 0:
        raise MaskError(
            f"the mask keeps no {named}: there is nothing to knock out",
            where=where,
            remedy="use a mask that keeps some units",
        )
    if kept == total:
        raise MaskError(
            f"the mask keeps every {named}: without them nothing is left, and every random mask of "
            "its size is the same mask",
            where=where,
            remedy="use a mask that prunes some units",
        )


def knocked_out(good: Subnetwork) -> Subnetwork:
    """The model without the units of a good mask: its complement.

    Raises:
        MaskError: if the mask keeps none of the searched units or all.
    """
    check_knock_out(good)
    return searched_complement(good)


def searched_complement(mask: Subnetwork) -> Subnetwork:
    """The complement of the searched units, also of a mask that keeps none of them or all."""
    return complement(mask, searched_levels(mask)).with_meta(seed_draw=0, draw=0)


def random_knocked_out(
    good: Subnetwork, seed: int, draw: int = 0, match: str = "model", within: str = "model"
) -> Subnetwork:
    """The model without as many random units: the complement of `random_like` of the same draw.

    Args:
        good: the mask to match.
        seed: not negative; the same seed and draw give the same bytes.
        draw: number of the draw, not negative.
        match: as in `random_like`.
        within: as in `random_like`; `pruned` = none of the good mask's units is removed.

    Raises:
        UnknownNameError: if `match` or `within` has another value.
        MaskError: as in `knocked_out` and `random_like`.
    """
    if within not in WITHIN:
        raise UnknownNameError("source of random units", within, WITHIN)
    check_knock_out(good)
    drawn = random_like(good, seed, draw, match, within)
    return complement(drawn, searched_levels(good)).with_meta(kind=RANDOM_COMPLEMENT)
