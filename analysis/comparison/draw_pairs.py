"""Which draw of one model is compared with which draw of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class DrawPair(NamedTuple):
    """One draw of each side.

    Attributes:
        draw: its number; that of the side with several draws.
        first: its place among the draws of the first model.
        second: the same of the second.
    """

    draw: int
    first: int
    second: int


def draw_pairs(
    first: Sequence[int], second: Sequence[int], *, same_kind: bool = False
) -> list[DrawPair]:
    """Pairs of draws of two models of one seed.

    A model with one draw, such as good, is compared with each draw of the other. Of two models with
    several draws, and of two states of one kind, draws of the same number are compared.

    Args:
        first: numbers of the draws of the first model.
        second: the same of the second.
        same_kind: whether both are of one kind, so that draws of one number belong together.
    """
    if len(first) == 1 and not same_kind:
        return [DrawPair(draw, 0, place) for place, draw in enumerate(second)]
    if len(second) == 1 and not same_kind:
        return [DrawPair(draw, place, 0) for place, draw in enumerate(first)]
    places = {draw: place for place, draw in enumerate(second)}
    return [
        DrawPair(draw, place, places[draw]) for place, draw in enumerate(first) if draw in places
    ]
