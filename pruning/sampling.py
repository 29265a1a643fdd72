"""Draw one mask of a named kind from the good masks of one or several seeds."""

from __future__ import annotations

from collections.abc import Sequence

from ..data.errors import ConfigError, MaskError, UnknownNameError
from ..models.masks.subnetwork import Subnetwork
from .across_seeds import ACROSS, across_seeds
from .controls import CONTROLS, check_match, log_masks, sample_control
from .knock_out import COMPLEMENT, KNOCKED_OUT, knocked_out, random_knocked_out

KINDS = (*CONTROLS, *KNOCKED_OUT, *ACROSS)
"""Every kind that is drawn from good masks."""
MATCHED = ("random", "random-complement")
"""Kinds that are drawn at random, and match the size of the good mask or its layer profile."""


def sample(
    kind: str, goods: Sequence[Subnetwork], seed: int, draw: int = 0, match: str = "model"
) -> Subnetwork:
    """Draw a control of one good mask, or a subnetwork across the good masks of several seeds.

    Args:
        kind: one of `KINDS`.
        goods: one mask, or those of several seeds for kinds across seeds.
        seed: not negative; the same seed and draw give the same bytes.
        draw: number of the draw, not negative.
        match: `model` or `layer`, for random masks and their complements; see `random_like`.

    Raises:
        UnknownNameError: if there is no such kind or match.
        ConfigError: if `match` is `layer` for another kind.
        MaskError: if the number of masks does not fit the kind, or only one mask has the layer
            profile.
    """
    check_match(match)
    if kind not in KINDS:
        raise UnknownNameError("kind", kind, KINDS)
    if match == "layer" and kind not in MATCHED:
        raise ConfigError(
            f"{kind} masks are not drawn by layer, only random ones",
            where="`match` layer",
            remedy=f"leave out `match`, or choose one of {', '.join(MATCHED)}",
        )
    if kind in ACROSS:
        return across_seeds(kind, goods, seed, draw)
    if len(goods) != 1:
        raise MaskError(
            f"{kind} needs exactly one mask, got {len(goods)}",
            remedy=f"name one mask, or choose one of {', '.join(ACROSS)}",
        )
    (good,) = goods
    if kind == "bad" and good.weight_masks:
        raise MaskError(
            "the bad mask by magnitude keeps the smallest weights, which a mask does not contain",
            remedy="use subprobe run with prune.methods, or draw a random mask",
        )
    if kind == COMPLEMENT:
        return knocked_out(good)
    if kind in MATCHED:
        check_profile(good, match)
    if kind in CONTROLS:
        return sample_control(kind, good, seed=seed, draw=draw, match=match)
    return random_knocked_out(good, seed, draw, match)


def check_profile(good: Subnetwork, match: str) -> None:
    """Raise if a layer profile belongs to one mask alone, so that nothing is random.

    Raises:
        MaskError: if it does, such as that of a mask of only MLPs.
    """
    if match == "layer" and log_masks(good, match) < 0.5:
        raise MaskError(
            "no other mask keeps as many units of each layer: a layer has one MLP, and of its "
            "heads or neurons all or none are kept",
            remedy="draw from the whole model (`match` model)",
        )
