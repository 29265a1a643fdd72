"""The two forms of learned gates, by the name of the method: their values, cost and soft gates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch

from ...data.errors import UnknownNameError
from . import continuous, hard_concrete

NEAR = 0.01
"""A gate closer to 0 or 1 than this counts as binary, as in Cao, Sanh & Rush (2021)."""


class GateForm(Protocol):
    """A distribution or function that maps the location of a gate to its value."""

    def location(self, gate: float) -> float:
        """Location of a gate that has the value `gate` at the start, without noise."""

    def value(self, location: torch.Tensor, epoch: int, generator: torch.Generator) -> torch.Tensor:
        """The gates of one step in [0, 1], with a gradient for their location."""

    def openness(self, location: torch.Tensor, epoch: int) -> torch.Tensor:
        """The differentiable size of each gate in [0, 1]; their mean is the expected share."""

    def soft(self, location: torch.Tensor, epoch: int) -> torch.Tensor:
        """The gates without noise after a number of epochs, in [0, 1]."""

    def opened(self, location: torch.Tensor) -> torch.Tensor:
        """The mask of the form itself, at whatever size: bool."""


@dataclass(frozen=True)
class HardConcrete:
    """Gates of Louizos et al. (2018); one draw per batch.

    Attributes:
        temperature: of the sigmoid.
    """

    temperature: float = 2 / 3

    def location(self, gate: float) -> float:
        """See `GateForm`."""
        return hard_concrete.location(gate)

    def value(self, location: torch.Tensor, epoch: int, generator: torch.Generator) -> torch.Tensor:
        """See `GateForm`; the noise is drawn on the processor."""
        uniform = torch.rand(location.shape, generator=generator).to(location.device)
        return hard_concrete.sample(location, uniform, self.temperature)

    def openness(self, location: torch.Tensor, epoch: int) -> torch.Tensor:
        """The probability that a draw is above 0."""
        return hard_concrete.open_probability(location, self.temperature)

    def soft(self, location: torch.Tensor, epoch: int) -> torch.Tensor:
        """See `GateForm`."""
        return hard_concrete.mean_gate(location)

    def opened(self, location: torch.Tensor) -> torch.Tensor:
        """Whether the gate without noise is above 1/2."""
        return hard_concrete.mean_gate(location) > 0.5


@dataclass(frozen=True)
class Continuous:
    """Gates of Savarese et al. (2020), without noise.

    Attributes:
        epochs: number of epochs of the training.
        final_beta: beta after the last epoch.
    """

    epochs: int
    final_beta: float = 200.0

    def location(self, gate: float) -> float:
        """See `GateForm`."""
        return continuous.location(gate)

    def value(self, location: torch.Tensor, epoch: int, generator: torch.Generator) -> torch.Tensor:
        """See `GateForm`; nothing is drawn."""
        return self.soft(location, epoch)

    def openness(self, location: torch.Tensor, epoch: int) -> torch.Tensor:
        """The gate itself."""
        return self.soft(location, epoch)

    def soft(self, location: torch.Tensor, epoch: int) -> torch.Tensor:
        """See `GateForm`."""
        return continuous.soft_gate(
            location, continuous.beta_at(epoch, self.epochs, self.final_beta)
        )

    def opened(self, location: torch.Tensor) -> torch.Tensor:
        """Whether s > 0."""
        return continuous.hard_gate(location)


FORMS = ("hard-concrete", "continuous-sparsification")
"""The forms by name."""


def form_of(method: str, epochs: int, final_beta: float, temperature: float) -> GateForm:
    """The form of gates by the name of the method.

    Raises:
        UnknownNameError: if there is no such form.
    """
    if method not in FORMS:
        raise UnknownNameError("form of gates", method, FORMS)
    if method == "hard-concrete":
        return HardConcrete(temperature)
    return Continuous(epochs, final_beta)


def binary_share(gates: Mapping[str, torch.Tensor]) -> float:
    """Share of all gates that are within `NEAR` of 0 or 1.

    Args:
        gates: the gates without noise, by gate tensor.
    """
    flat = torch.cat([one.detach().double().flatten() for one in gates.values()])
    return float(((flat <= NEAR) | (flat >= 1 - NEAR)).double().mean())
