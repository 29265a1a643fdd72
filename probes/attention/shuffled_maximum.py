"""Exact mean and variance of the largest of k values at random positions.

If the places of k targets among m values are shuffled, the largest value at a target is the j-th
largest of all (j from 0) with probability C(m - 1 - j, k - 1) / C(m, k). The moments over all
shuffles follow without drawing any.
"""

from __future__ import annotations

import torch


def shuffled_maximum(
    values: torch.Tensor, places: torch.Tensor, targets: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and variance over shuffles of the largest value at a target, [B, H, T] each.

    Args:
        values: nonnegative [B, H, S].
        places: where targets may be [B, S].
        targets: where they are, all of them at such places [B, T, S].

    Returns:
        NaN for a target that a text does not have.
    """
    m, k = places.sum(-1).double()[:, None], targets.sum(-1).double()  # [B, 1], [B, T]
    weights = _rank_weights(m, k, values.shape[-1])  # [B, T, S]
    # what is no place comes last, where the weight is zero
    ranked = values.double().masked_fill(~places[:, None], -1).sort(-1, descending=True).values
    mean = torch.einsum("bhs,bts->bht", ranked, weights)
    # around the mean: of nearly equal values, E[x^2] - E[x]^2 would be nothing but rounding
    apart = (ranked[:, :, None] - mean[..., None]).square()  # [B, H, T, S]
    variance = (apart * weights[:, None]).sum(-1)
    absent = (k == 0)[:, None].expand_as(mean)
    return mean.masked_fill(absent, torch.nan), variance.masked_fill(absent, torch.nan)


def _rank_weights(m: torch.Tensor, k: torch.Tensor, S: int) -> torch.Tensor:
    """Probability that the largest of k of m values is the j-th largest of all [B, T, S]."""
    j = torch.arange(S, dtype=torch.float64, device=m.device)
    m, k = m[..., None], k[..., None]
    possible = (j <= m - k) & (k > 0)
    below = torch.where(possible, m - 1 - j, 1.0)  # values smaller than the j-th
    rest = torch.where(possible, k - 1, 0.0)  # targets that must be among them
    logs = _log_choose(below, rest) - _log_choose(m, k.clamp_min(0))
    return torch.where(possible, logs.exp(), 0.0)


def _log_choose(n: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
    return torch.lgamma(n + 1) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)
