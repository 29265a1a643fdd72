"""The hard concrete distribution: gates in [0, 1] that are exactly 0 or 1 with some probability.

Louizos, Welling and Kingma (2018), "Learning Sparse Neural Networks through L0 Regularization";
on heads Voita et al. (2019), "Analyzing Multi-Head Self-Attention". A logistic draw passes through
a sigmoid, is stretched beyond [0, 1] and clipped, so that the expected number of open gates is
differentiable. All functions accept tensors of any shape; the shapes below are those of heads [L,
H].
"""

from __future__ import annotations

import math

import torch

TEMPERATURE = 0.33
"""Of the sigmoid (Voita et al.): the lower, the fewer draws fall between 0 and 1. Louizos et al.,
and Cao et al. (2021), take 2/3."""

LOW, HIGH = -0.1, 1.1
"""The interval to which (0, 1) is stretched before clipping."""

THRESHOLD = math.log(-LOW / HIGH)
"""`mean_gate` is 0 up to this value, and 1 from its negative on."""


def sample(
    log_a: torch.Tensor, uniform: torch.Tensor, temperature: float = TEMPERATURE
) -> torch.Tensor:
    """Draw each gate, as in training; the gradient reaches `log_a` where the gate is not clipped.

    Args:
        log_a: location of each gate [L, H]; higher values mean more open gates.
        uniform: draws from [0, 1) of the same shape.
        temperature: temperature of the sigmoid.

    Returns:
        Gates in [0, 1], [L, H].
    """
    return _clipped(torch.sigmoid((torch.logit(uniform) + log_a) / temperature))


def mean_gate(log_a: torch.Tensor) -> torch.Tensor:
    """The gates without noise, as at test time [L, H], in [0, 1]."""
    return _clipped(torch.sigmoid(log_a))


def open_probability(log_a: torch.Tensor, temperature: float = TEMPERATURE) -> torch.Tensor:
    """P(gate > 0) of a draw [L, H]; its sum is the expected number of open gates."""
    return torch.sigmoid(log_a - temperature * THRESHOLD)


def location(gate: float) -> float:
    """The value of `log_a` for which a gate without noise is `gate`, between 0 and 1."""
    return math.log((gate - LOW) / (HIGH - gate))


def _clipped(within: torch.Tensor) -> torch.Tensor:
    return (within * (HIGH - LOW) + LOW).clamp(0.0, 1.0)
