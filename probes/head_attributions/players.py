"""The heads and MLPs that an attribution is about: the players of a game over gates."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ...data.errors import ConfigError, InputError
from ..forward.base import Context

MLP = -1
"""Stands for the number of the head where a unit is an MLP."""

_NAME = re.compile(r"(\d+)(?:\.(\d+))?")


@dataclass(frozen=True)
class Players:
    """U kept units whose gates vary; all other units stay as the mask has them.

    Attributes:
        layer: of each unit [U].
        head: its number in the layer, or `MLP` [U].
        num_layers: L.
        num_heads: H.
        dead: (layer, head or `MLP`) of those that would play but for the mask.
    """

    layer: npt.NDArray[np.int64]
    head: npt.NDArray[np.int64]
    num_layers: int
    num_heads: int
    dead: tuple[tuple[int, int], ...] = ()

    def __len__(self) -> int:
        return len(self.layer)

    @property
    def heads(self) -> npt.NDArray[np.int64]:
        """Which of the units are heads, by their place."""
        return np.flatnonzero(self.head != MLP)

    def gates(self, given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Gates of all units, 1 where a unit does not play.

        Args:
            given: factors of the players [B, U]; gradients flow back to them.

        Returns:
            Factors of heads [B, L, H] and of MLPs [B, L].
        """
        L, H = self.num_layers, self.num_heads
        place = np.where(self.head == MLP, L * H + self.layer, self.layer * H + self.head)
        every = given.new_ones((len(given), L * H + L))
        every = every.index_copy(1, torch.from_numpy(place).to(given.device), given)
        return every[:, : L * H].reshape(-1, L, H), every[:, L * H :]


def players_of(context: Context, units: str, among: Sequence[str] = ()) -> Players:
    """The kept units that an attribution is about, heads before MLPs.

    Args:
        context: the model and its mask.
        units: `heads`, `mlps` or `heads+mlps`.
        among: names of single units: `LAYER.HEAD`, or `LAYER` for an MLP; empty = all.

    Raises:
        ConfigError: for a name that is none, or a unit that the model does not have.
        InputError: if none of the units is kept.
    """
    L, H = context.anatomy.num_layers, context.anatomy.num_heads
    mask = context.subnetwork
    mlps = np.ones(L, dtype=np.bool_) if mask is None else np.asarray(mask.mlp_mask)
    every = [(layer, head) for layer in range(L) for head in range(H)]
    every += [(layer, MLP) for layer in range(L)]
    kinds = {"heads": (True,), "mlps": (False,)}.get(units, (True, False))
    asked = [one for one in every if (one[1] != MLP) in kinds]
    if among:
        named = {_unit(name, L, H) for name in among}
        asked = [one for one in asked if one in named]
    lives = {one: mlps[one[0]] if one[1] == MLP else context.alive[one] for one in asked}
    chosen = [one for one in asked if lives[one]]
    if not chosen:
        raise InputError(
            "the mask removes all of the selected units" if asked else "no unit is selected",
            where="head-attributions",
            remedy="select other units, or use another mask",
        )
    layer, head = np.array(chosen, dtype=np.int64).T
    dead = tuple(one for one in asked if not lives[one])
    return Players(layer, head, L, H, dead)


def _unit(name: str, L: int, H: int) -> tuple[int, int]:
    """Layer and head that a name means.

    Raises:
        ConfigError: if it means none of this model.
    """
    found = _NAME.fullmatch(name)
    head = MLP if found is None or found[2] is None else int(found[2])
    if found is None or int(found[1]) >= L or head >= H:
        raise ConfigError(
            f"unknown unit {name}",
            where="option head-attributions.among",
            remedy=f"write LAYER.HEAD, 0.0 to {L - 1}.{H - 1}, or LAYER for its MLP",
        )
    return int(found[1]), head


def unit_names(players: Players) -> Iterator[str]:
    """`LAYER.HEAD`, or `LAYER` for an MLP."""
    for layer, head in zip(players.layer, players.head, strict=True):
        yield f"{layer}" if head == MLP else f"{layer}.{head}"
