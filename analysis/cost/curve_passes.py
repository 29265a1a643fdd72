"""The forward passes of a curve over sizes that are known before a model is loaded."""

from __future__ import annotations

from collections.abc import Sequence

from ..configuration.further_masks import CurveOptions
from ..curve.sizes import UNITS, Sizes, sizes_of
from .shape import EncoderShape

_HEAD_SHARE = 1 / 3
"""Share of a layer's operations in its heads; the others are those of its MLP."""
_WIDTH_OF_HEAD = 64


def scoring_passes(curve: CurveOptions, shape: EncoderShape, kinds: Sequence[str]) -> float:
    """Passes of the full model over the reported examples that scoring the masks takes at most.

    Args:
        curve: the options.
        shape: shape of the encoder.
        kinds: kinds of masks that are scored.
    """
    sizes, once = _sizes(shape, curve), ("good", "super")
    masks = sum(
        1 if kind in once or (kind == "bad" and curve.units == "weights") else curve.draws
        for kind in kinds
    )
    return 2 + masks * sum(_left(curve.units, share) for share in sizes.shares[:-1])


def units_of(shape: EncoderShape, curve: CurveOptions) -> int:
    """The number of units of a curve in an encoder of a shape."""
    return sum(_totals(shape)[name] for name in UNITS[curve.units])


def _sizes(shape: EncoderShape, curve: CurveOptions) -> Sizes:
    # a share below one unit is refused when the model is known; here it counts as one unit
    least = 1.01 / units_of(shape, curve)
    return sizes_of(curve.units, _totals(shape), [max(least, share) for share in curve.shares])


def _totals(shape: EncoderShape) -> dict[str, int]:
    return {
        "heads": shape.layers * max(1, shape.width // _WIDTH_OF_HEAD),
        "mlps": shape.layers,
        "neurons": shape.layers * shape.neurons,
        "weights": shape.prunable,
    }


def _left(units: str, share: float) -> float:
    """Share of the full model's operations that a mask of a size needs."""
    if units == "weights":
        return 1.0
    part = {"joint": 1.0, "heads": _HEAD_SHARE}.get(units, 1 - _HEAD_SHARE)
    return 1 - (1 - share) * part
