"""The sizes of a curve: numbers of kept units, from shares of all units of one type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ...data.errors import ConfigError, UnknownNameError
from ..configuration.further_masks import METHODS as METHODS
from ..configuration.further_masks import check_shares as check_shares

SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Shares of kept units unless others are named."""

UNITS: Mapping[str, tuple[str, ...]] = {
    "joint": ("heads", "mlps"),
    "heads": ("heads",),
    "mlps": ("mlps",),
    "neurons": ("neurons",),
    "weights": ("weights",),
}
"""Name of the units of a curve -> their types; all other units of the model are kept."""


@dataclass(frozen=True)
class Sizes:
    """The sizes of a curve, the smallest first; the last is the full model.

    Attributes:
        units: one of `UNITS`.
        totals: type of unit -> how many the model has.
        counts: for each size, type of unit -> how many are kept.
        asked: for each size, the share that was asked for.
    """

    units: str
    totals: Mapping[str, int]
    counts: tuple[Mapping[str, int], ...]
    asked: tuple[float, ...]

    @property
    def shares(self) -> tuple[float, ...]:
        """For each size, the share of kept units: the grid of the areas."""
        total = sum(self.totals.values())
        return tuple(sum(kept.values()) / total for kept in self.counts)

    def __len__(self) -> int:
        return len(self.counts)


def totals_of(anatomy: Any, weights: int = 0) -> dict[str, int]:
    """Type of unit -> how many a model has.

    Args:
        anatomy: its anatomy.
        weights: number of its prunable weights.
    """
    return {
        "heads": anatomy.num_layers * anatomy.num_heads,
        "mlps": anatomy.num_layers,
        "neurons": anatomy.num_layers * anatomy.num_neurons,
        "weights": weights,
    }


def check_units(units: str) -> str:
    """The name of the units of a curve.

    Raises:
        UnknownNameError: if there is no such type of unit.
    """
    if units not in UNITS:
        raise UnknownNameError("type of unit", units, UNITS)
    return units


def sizes_of(units: str, totals: Mapping[str, int], shares: Sequence[float] = ()) -> Sizes:
    """The sizes of a curve.

    A share of heads and MLPs is taken of both types, rounded to whole units. Shares that give the
    same numbers are one size. The full model is always the last size.

    Args:
        units: one of `UNITS`.
        totals: type of unit -> how many the model has.
        shares: shares to keep, see `check_shares`; none = those of `SHARES` that keep at least one
            unit.

    Raises:
        UnknownNameError: if there is no such type of unit.
        ConfigError: if a share is out of range, or below one unit.
    """
    own = {name: totals[name] for name in UNITS[check_units(units)]}
    total = sum(own.values())
    found: dict[tuple[int, ...], float] = {}
    for share in check_shares(shares) or SHARES:
        kept = tuple(round(share * count) for count in own.values())
        if share * total < 1 - 1e-9 or not any(kept):
            if not shares:
                continue
            raise ConfigError(
                f"a share of {share:g} is less than one unit: the model has {total} "
                f"{' and '.join(own)}",
                where="`keep`",
                remedy=f"name shares of at least {1 / total:.2g}",
            )
        found.setdefault(kept, share)
    full = tuple(own.values())
    found[full] = 1.0
    ordered = sorted(found.items(), key=lambda one: one[0])
    for (one, _), (more, _) in pairwise(ordered):
        assert all(a <= b for a, b in zip(one, more, strict=True))
    return Sizes(
        units=units,
        totals=own,
        counts=tuple(dict(zip(own, kept, strict=True)) for kept, _ in ordered),
        asked=tuple(share for _, share in ordered),
    )
