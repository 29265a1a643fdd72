"""The part of attention that reaches the output (Brunner et al. 2020, section 3).

A head gives A T, with A its map [n, n] and T = V its value vectors [n, d]. Where n > d, or T has
linear dependencies, the component of A's rows in the left null space of T has no effect: different
maps give the same output. Effective attention is A without that component. T is taken before the
output projection, whose columns of one head are of full rank in every trained model that we know
of.
"""

from __future__ import annotations

from typing import Literal

import torch

from ...data.errors import ConfigError
from ..forward.attention_block import LayerValues
from ..forward.base import BatchView, Context, Probe, ProbeResult
from ..forward.map_statistics import MASS, MapMass
from ..forward.text_ratios import TextSums, sums_result
from ..forward.token_kinds import KINDS, token_kinds

RowSums = Literal["free", "kept"]

_MASS = tuple(f"effective_{name}" for name in MASS)
_NORMS = tuple(f"effective_norm_share_to_{kind}" for kind in KINDS)
_TEXT = ("rank", "null_dimension", "full_row_rank", "change")
METRICS = (*_MASS, *_NORMS, "effective_row_sum", *_TEXT)
"""Attention statistics of effective maps, each beside that of the map itself; shares of
|alpha| ||f(x)|| by kind of token; mean sum of a row; and of each text the numerical rank of T, its
missing ranks, whether it has as many ranks as tokens, and ||A - effective|| / ||A||."""


class EffectiveAttention(Probe):
    """Statistics of effective attention for every head, and its distance from attention.

    Rows of effective maps can be negative and need not sum to one; with `row_sums="kept"` only the
    part of the null space whose entries sum to zero is removed. The decomposition is in double
    precision; a singular value counts as zero below max(n, d) times the model's own rounding of
    the largest one.

    Args:
        context: the model that will be read.
        row_sums: `free` as in the paper's definition, or `kept`.

    Raises:
        ConfigError: if `row_sums` is neither.
        UnknownNameError: if the family has no LayerNorm after the attention's residual.
    """

    name = "effective-attention"
    needs_values = True

    def __init__(self, context: Context, *, row_sums: RowSums = "free"):
        if row_sums not in ("free", "kept"):
            raise ConfigError(f"row_sums is {row_sums!r}", remedy="choose free or kept")
        context.anatomy.check_post_norm()
        self._kept = row_sums == "kept"
        held = dict.fromkeys((*_MASS, *_NORMS), "attention")
        self._sums = TextSums("head", METRICS, ~context.alive, held)

    def begin(self, batch: BatchView) -> None:
        """Prepare what all layers share."""
        self._real = batch.real.to(batch.source.dtype)
        self._kinds = token_kinds(batch)
        self._mass = MapMass(batch)
        counts = dict.fromkeys(METRICS, self._mass.counts)
        counts |= dict.fromkeys(_TEXT, torch.ones_like(self._mass.counts))
        self._sums.begin(batch, counts)

    def values(self, layer: int, block: LayerValues) -> None:
        """Add up one layer."""
        real = self._real[:, None, :, None]
        plain = block.attention * real
        effective, rank, removed = effective_attention(
            plain, block.value.transpose(1, 2) * real, self._real, row_sums_kept=self._kept
        )
        n = self._real.sum(1)[:, None]
        found, raw = (
            {f"effective_{name}": one for name, one in self._mass.sums(maps).items()}
            | self._norm_shares(maps, block.transformed_norms())
            for maps in (effective, plain)
        )
        found["effective_row_sum"] = effective.sum((2, 3))
        found["rank"] = rank
        found["null_dimension"] = n - rank
        found["full_row_rank"] = rank == n
        found["change"] = removed / plain.norm(dim=(2, 3))
        self._sums.put(layer, found, raw)

    def _norm_shares(self, maps: torch.Tensor, norms: torch.Tensor) -> dict[str, torch.Tensor]:
        """Sums of row shares of |alpha| ||f(x)|| by kind, from ||f(x)|| [B, H, S]."""
        by_kind = maps.abs() @ (norms[..., None] * self._kinds[:, None])  # [B, H, S, 4]
        total = by_kind.sum(-1, keepdim=True).clamp_min(torch.finfo(by_kind.dtype).tiny)
        return dict(zip(_NORMS, (by_kind / total).sum(2).unbind(-1), strict=True))

    def end(self) -> None:
        """Drop the batch; only its sums are kept."""
        del self._real, self._kinds, self._mass

    def result(self) -> ProbeResult:
        """A row for each head and metric; an item for each text, kept head and metric."""
        variant = f"row_sums={'kept' if self._kept else 'free'}"
        return sums_result(self.name, variant, [self._sums], {})


def effective_attention(
    attention: torch.Tensor,
    value: torch.Tensor,
    real: torch.Tensor,
    *,
    row_sums_kept: bool = False,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Attention [B, H, S, S] without the component that cannot affect the output.

    Args:
        attention: maps; rows of padding are zero.
        value: value vectors [B, H, S, d]; those of padding are zero.
        real: ones at tokens that are not padding [B, S].
        row_sums_kept: remove only what sums to zero.

    Returns:
        Effective attention [B, H, S, S], rank of T [B, H], and norm of what was removed [B, H],
        both taken in double precision: it can be far smaller than the rounding of the maps.
    """
    tolerance = torch.finfo(value.dtype).eps
    T = value.double()
    n = real.sum(1)[:, None, None]
    basis, size, _ = torch.linalg.svd(T, full_matrices=False)
    least = tolerance * n.clamp_min(T.shape[-1]) * size[..., :1]
    rank = (size > least).sum(-1)
    if row_sums_kept:
        ones = real[:, None, :, None].expand(*T.shape[:-1], 1).double()
        scaled = T / size[..., :1, None].clamp_min(torch.finfo(T.dtype).tiny)
        basis, size, _ = torch.linalg.svd(torch.cat([scaled, ones], dim=-1), full_matrices=False)
        least = tolerance * n.clamp_min(T.shape[-1]) * size[..., :1]
    kept = basis * (size > least)[..., None, :]
    double = attention.double()
    effective = (double @ kept) @ kept.transpose(-1, -2)
    removed = (double - effective).norm(dim=(2, 3))
    return effective.to(attention.dtype), rank, removed
