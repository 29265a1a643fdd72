"""The hard concrete distribution: gates in [0, 1] that are exactly 0 or 1 with some probability.

Louizos, Welling and Kingma (2018), "Learning Sparse Neural Networks through L0 Regularization";
on heads Voita et al. (2019), "Analyzing Multi-Head Self-Attention". A logistic draw goes through a
sigmoid, is stretched past [0, 1] and clipped, so that the number of open gates has an expectation
with a gradient. Every function works on tensors of any one shape, heads [L, H] here.
"""

from __future__ import annotations

import math

import torch

TEMPERATURE = 0.33
"""Of the sigmoid (Voita et al.): the lower, the fewer draws fall between 0 and 1. Louizos et al.,
and Cao et al. (2021), take 2/3."""

LOW, HIGH = -0.1, 1.1
"""What (0, 1) is stretched to before it is clipped."""

THRESHOLD = math.log(-LOW / HIGH)
"""`mean_gate` is 0 up to here, and 1 from minus this on."""


def sample(
    log_a: torch.Tensor, uniform: torch.Tensor, temperature: float = TEMPERATURE
) -> torch.Tensor:
    """A draw of each gate, as in training; its gradient reaches `log_a` where it is not clipped.

    Args:
        log_a: location of each gate [L, H]; the higher, the more open.
        uniform: draws from [0, 1) of the same shape.
        temperature: of the sigmoid.

    Returns:
        Gates in [0, 1], [L, H].
    """
    return _clipped(torch.sigmoid((torch.logit(uniform) + log_a) / temperature))


def mean_gate(log_a: torch.Tensor) -> torch.Tensor:
    """The gates without noise, as at test time: in [0, 1], [L, H]."""
    return _clipped(torch.sigmoid(log_a))


def open_probability(log_a: torch.Tensor, temperature: float = TEMPERATURE) -> torch.Tensor:
    """P(gate > 0) of a draw, [L, H]; the sum is the expected number of open gates."""
    return torch.sigmoid(log_a - temperature * THRESHOLD)


def location(gate: float) -> float:
    """Where `log_a` is for a gate that is `gate` without noise, between 0 and 1."""
    return math.log((gate - LOW) / (HIGH - gate))


def _clipped(within: torch.Tensor) -> torch.Tensor:
    return (within * (HIGH - LOW) + LOW).clamp(0.0, 1.0)
