"""A model as a function of the gates of its units, which all attribution methods call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...models.masks.gates import Gates
from .players import Players


@dataclass(frozen=True)
class Asked:
    """What is attributed of each of B texts.

    Attributes:
        ids: of the examples, which seed their draws.
        target: the class whose logit it is [B].
        gained: that logit with all units that play, less that with none [B].
    """

    ids: tuple[str, ...]
    target: torch.Tensor
    gained: npt.NDArray[np.float64]

    def rows(self, chosen: Sequence[int]) -> Asked:
        """The same of some of the texts."""
        return Asked(
            tuple(self.ids[row] for row in chosen), self.target[list(chosen)],
            self.gained[list(chosen)],
        )  # fmt: skip


@dataclass(frozen=True)
class GateGame:
    """The logits of B texts as a function of one gate per player and text.

    Attributes:
        model: the frozen model, as it runs under its mask.
        players: the U units whose gates vary.
        names: what the model calls its inputs.
        inputs: their tensors, [B, S] each.
        lengths: subwords of each text; padding follows [B].
    """

    model: Any
    players: Players
    names: tuple[str, ...]
    inputs: tuple[torch.Tensor, ...]
    lengths: tuple[int, ...]

    @classmethod
    def of(cls, model: Any, players: Players, inputs: Mapping[str, torch.Tensor]) -> GateGame:
        """The game over one batch.

        Args:
            model: the frozen model.
            players: the units.
            inputs: of the model, with the attention mask.
        """
        lengths = tuple(inputs["attention_mask"].sum(dim=1).tolist())
        return cls(model, players, tuple(inputs), tuple(inputs.values()), lengths)

    def rows(self, chosen: Sequence[int]) -> GateGame:
        """The game over some of the texts, without padding that none of them needs."""
        lengths = tuple(self.lengths[row] for row in chosen)
        inputs = tuple(one[list(chosen), : max(lengths)] for one in self.inputs)
        return replace(self, inputs=inputs, lengths=lengths)

    def __call__(self, gates: torch.Tensor, *inputs: torch.Tensor) -> torch.Tensor:
        """Logits [n, K] under gates [n, U], of inputs that were repeated to n texts.

        The gates are on the model during this call alone.
        """
        head, mlp = self.players.gates(gates)
        with Gates(self.model, head, mlp):
            found: torch.Tensor = self.model(**dict(zip(self.names, inputs, strict=True))).logits
        return found

    def ones(self) -> torch.Tensor:
        """The gates of the model as it is [B, U], in the model's precision and never half."""
        dtype = torch.promote_types(self.model.dtype, torch.float32)
        shape = (len(self.lengths), len(self.players))
        return torch.ones(shape, dtype=dtype, device=self.inputs[0].device)

    @torch.no_grad()
    def ends(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits [B, K] with every player, and with none."""
        full = self.ones()
        both = torch.cat([full, torch.zeros_like(full)])
        whole, empty = self(both, *(one.repeat(2, 1) for one in self.inputs)).chunk(2)
        return whole, empty
