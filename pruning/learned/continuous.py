"""Continuous sparsification: deterministic gates that become binary while they are trained.

Savarese, Silva and Maire (2020), "Winning the Lottery with Continuous Sparsification". A gate is
sigmoid(beta * s), and beta rises geometrically from 1; the mask is [s > 0]. As in NeuroSurgeon
(Lepori, Pavlick and Serre 2023), the gate is not divided by its initial value, and beta rises after
each epoch. All functions accept tensors of any shape.
"""

from __future__ import annotations

import math

import torch


def soft_gate(location: torch.Tensor, beta: float) -> torch.Tensor:
    """Gates in (0, 1), in the shape of `location`.

    Args:
        location: s of each gate.
        beta: the inverse temperature, at least 0.
    """
    return torch.sigmoid(beta * location)


def hard_gate(location: torch.Tensor) -> torch.Tensor:
    """The limit of `soft_gate` for a large beta: bool, whether s > 0; 0 itself is closed."""
    return location > 0


def beta_at(epoch: int, epochs: int, final: float) -> float:
    """Beta in an epoch, counted from 0: 1 in the first, `final` after the last.

    Args:
        epoch: number of finished epochs.
        epochs: number of all epochs.
        final: beta after the last epoch.
    """
    return float(final ** (epoch / epochs))


def location(gate: float) -> float:
    """The value of s for which a gate at beta = 1 is `gate`, between 0 and 1."""
    return math.log(gate / (1 - gate))
