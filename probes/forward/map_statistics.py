"""Statistics of token-to-token maps that several probes share."""

from __future__ import annotations

import torch

from .base import BatchView
from .token_kinds import KINDS, token_kinds

MASS = (*(f"to_{kind}" for kind in KINDS), "to_previous", "to_next", "to_self", "entropy")
"""Mass on the tokens of a kind, on the neighbours and on the token itself; entropy in nats of the
row's magnitudes normalised to sum to 1."""


class MapMass:
    """Sums of `MASS` over the query rows of each text of one batch.

    Args:
        batch: the texts; every real token is a query.
    """

    def __init__(self, batch: BatchView):
        self._kinds = token_kinds(batch)
        self._query = batch.real.to(batch.source.dtype)
        n = batch.real.sum(1).double()
        rows = n.clone()
        inner = (n - 1) / n.clamp_min(1)
        by_kind = self._kinds.sum(1).double().unbind(-1)
        uniform = [*by_kind, inner, inner, torch.ones_like(n), rows * n.clamp_min(1).log()]
        self.counts = n
        self.uniform = dict(zip(MASS, uniform, strict=True))

    def sums(self, maps: torch.Tensor) -> dict[str, torch.Tensor]:
        """Sums over query rows, name of `MASS` -> [B, ...], of maps [B, ..., S, S].

        Rows and columns of padding do not count; entries may be negative.
        """
        B, S, _ = maps.shape[0], *maps.shape[-2:]
        flat = maps.reshape(B, -1, S, S)
        query = self._query[:, None]  # [B, 1, S]
        flat = flat * query[..., None] * query[..., None, :]
        kinds = (flat.sum(2) @ self._kinds).unbind(-1)
        offsets = [flat.diagonal(offset, 2, 3).sum(-1) for offset in (-1, 1, 0)]
        size = flat.abs()
        size = size / size.sum(-1, keepdim=True).clamp_min(torch.finfo(flat.dtype).tiny)
        entropy = torch.special.entr(size).sum((2, 3))
        found = [one.reshape(maps.shape[:-2]) for one in (*kinds, *offsets, entropy)]
        return dict(zip(MASS, found, strict=True))
