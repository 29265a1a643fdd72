"""How much of its attention each head gives to the one token that gets most."""

from __future__ import annotations

import torch
from pydantic import Field
from subprobe.probes.entry import Headline, Measure, Options, ProbeEntry
from subprobe.probes.forward.base import BatchView, Context, Probe, ProbeResult
from subprobe.probes.forward.text_ratios import TextSums, sums_result


class BusiestToken(Probe):
    """Share of attention on the token of a text that gets most of it, by head.

    Args:
        context: the model that is read.
        specials: whether special tokens can be that token.
    """

    name = "busiest-token"
    needs_attention = True

    def __init__(self, context: Context, *, specials: bool = True):
        self._specials = specials
        self._sums = TextSums("head", ["busiest_share"], ~context.alive)

    def begin(self, batch: BatchView) -> None:
        """A new batch of B texts: count its query rows."""
        self._query = batch.real.to(batch.source.dtype)
        self._keys = batch.real if self._specials else batch.real & ~batch.special
        self._sums.begin(batch, {"busiest_share": self._query.sum(1)})

    def layer(self, layer: int, attention: torch.Tensor) -> None:
        """Add up one layer's maps [B, H, S, S]."""
        received = (self._query[:, None, None] @ attention).squeeze(2)
        received = received.masked_fill(~self._keys[:, None], 0)
        self._sums.put(layer, {"busiest_share": received.amax(-1)})

    def result(self) -> ProbeResult:
        """A row for each head; an item for each text and kept head."""
        return sums_result(self.name, f"specials={self._specials}", [self._sums], {})


class BusiestTokenOptions(Options):
    """Options of `busiest-token`."""

    specials: bool = Field(True, description="whether special tokens count")


ENTRY = ProbeEntry(
    name="busiest-token",
    help="share of each head's attention on the token that gets most of it",
    code=BusiestToken,
    options=BusiestTokenOptions,
    rows=(
        Measure(
            "busiest_share",
            ("head",),
            "share of attention on the busiest token",
            more="put more of their attention on one token",
        ),
    ),
    headline=Headline("busiest_share", "head"),
)
