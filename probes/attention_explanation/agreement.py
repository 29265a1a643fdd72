"""Distances of distributions, and the agreement of two rankings."""

from __future__ import annotations

import math

import torch


def total_variation(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Half the sum of absolute differences [...] of distributions [..., K]: 0 to 1."""
    return (first - second).abs().sum(-1) / 2


def jensen_shannon(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Jensen-Shannon divergence in nats [...] of distributions [..., S]: 0 to ln 2.

    In double precision: that of equal rows is the difference of equal sums.
    """
    one, other = first.double(), second.double()
    # the logarithm of 0 has no gradient, and 0 times it none either
    least = torch.finfo(one.dtype).tiny
    middle = ((one + other) / 2).clamp_min(least).log()
    parts = (each * (each.clamp_min(least).log() - middle) for each in (one, other))
    return (sum(part.sum(-1) for part in parts) / 2).clamp(0, math.log(2))  # type: ignore[union-attr]


def kendall_tau(scores: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Kendall's tau-b [...] of scores [..., W] and others [..., W], for many rows at once.

    Pairs that are tied in both count nowhere, pairs tied in one lower the denominator (Kendall
    1945). NaN where all scores of either side are equal, or one contains NaN or infinity.
    """
    W = scores.shape[-1]
    row, column = torch.triu_indices(W, W, 1, device=scores.device).unbind(0)
    one, other = ((each[..., row] - each[..., column]).sign() for each in (scores, others))
    untied = [each.abs().sum(-1) for each in (one, other)]
    # 0 / 0 where nothing is ranked
    return (one * other).sum(-1) / (untied[0] * untied[1]).sqrt()
