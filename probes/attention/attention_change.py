"""How fine-tuning and pruning change attention (Kovaleva et al. 2019, sections 4.2 to 4.4).

Cosine similarity between the maps of a model and of its reference, such as the pretrained encoder
it was fine-tuned from, and attention to kinds of word in both.
"""

from __future__ import annotations

from typing import Literal

import torch

from ...data.errors import ConfigError
from ...data.output.tables import rows_frame
from ...data.sentences.sentence import Sentence
from ..forward.base import BatchView, Context, Probe, ProbeResult
from ..forward.needs import check_annotated, sentences_of
from ..forward.second_model import check_reference
from .change_rows import ChangeTable, change_items, change_rows
from .shuffled_maximum import shuffled_maximum
from .word_targets import target_pieces

Absent = Literal["skip", "zero"]


class AttentionChange(Probe):
    """Cosine similarity of each head's maps before and after, and attention to six kinds of word.

    `map_cosine` is the cosine between the flattened maps of one text, restricted to real tokens.
    Its baseline is the reference's cosine with a uniform map, a similarity that any two maps share.
    `attention_to_target` is the mean attention of all subwords of a text, special tokens included,
    to the subword of a target that receives most. Its baseline is the expected value when the
    targets' positions are shuffled among the words' subwords (position_null.py).
    `attention_to_target_change` is the difference from the reference. Every value is a mean over
    texts; those of a layer and of the model are means over kept heads.

    Without a reference in the context, only attention to targets is computed.

    Args:
        context: the model under its mask; its reference is not masked.
        padded_to: 0 compares maps of real tokens. Otherwise texts are padded to this many subwords,
            and padding rows enter the cosine and raise it, as in the authors' notebook (200 there).
        absent: a text without a target is skipped (`skip`) or counts as 0 (`zero`, as in the
            notebook).

    Raises:
        ConfigError: if an option or the reference is incompatible with the model.
    """

    name = "attention-change"
    needs_attention = True

    def __init__(self, context: Context, *, padded_to: int = 0, absent: Absent = "skip"):
        if absent not in ("skip", "zero"):
            raise ConfigError(f"absent is {absent!r}", remedy="choose skip or zero")
        _check_padding(context, padded_to)
        self.needs_reference = context.reference is not None
        if self.needs_reference:
            check_reference(context)
        self.padded_to, self._absent, self._context = padded_to, absent, context
        self._table = ChangeTable(context.alive, compared=self.needs_reference)
        self._first: tuple[Sentence, ...] = ()

    def begin(self, batch: BatchView) -> None:
        """Prepare what all layers share.

        Raises:
            AnnotationError: if a sentence has no relations or no tags, or is annotated differently
                from the others.
        """
        for example in batch.examples:
            self._first = self._first or (example.first,)
            check_annotated((*self._first, *sentences_of(example)), ["deprels", "upos"])
        self._query = batch.real.to(batch.source.dtype)
        self._n = self._query.sum(1)
        self._rows = torch.ones_like(self._query) if self.padded_to else self._query
        self._places, self._targets = batch.word >= 0, target_pieces(batch)
        self._table.begin(batch)

    def layer(self, layer: int, attention: torch.Tensor) -> None:
        """Note one layer's attention to targets, from maps [B, H, S, S]."""
        received = self._received(attention)
        mean, variance = shuffled_maximum(received, self._places, self._targets)
        found = {
            "attention_to_target": self._highest(received),
            "shuffled_mean": mean,
            "shuffled_variance": variance,
        }
        for name, values in found.items():
            self._note(name, layer, values)

    def pair(self, layer: int, attention: torch.Tensor, reference: torch.Tensor) -> None:
        """Note the cosine of one layer's maps, and the reference's attention to targets."""
        rows = self._rows[:, None]
        least = torch.finfo(attention.dtype).tiny
        ours, theirs = (
            (one.square().sum(-1) * rows).sum(-1).sqrt().clamp_min(least)  # [B, H]
            for one in (attention, reference)
        )
        # not by the dot product: that of maps 1e-4 apart is 1 in float32
        apart = (attention / ours[..., None, None]).sub_(reference / theirs[..., None, None])
        squared = (apart.square_().sum(-1) * rows).sum(-1).double()
        there = ((ours > least).double() + (theirs > least).double()) / 2  # 1 but for empty maps
        self._table.put("map_cosine", layer, there - squared / 2)
        uniform = self._times_uniform(reference) / theirs
        self._table.put("uniform_cosine", layer, uniform)
        highest = self._highest(self._received(reference))
        self._note("reference_attention_to_target", layer, highest)

    def end(self) -> None:
        """Drop the batch; only its numbers are kept."""
        del self._query, self._rows, self._n, self._places, self._targets

    def result(self) -> ProbeResult:
        """Rows for heads, layers and the model; an item for each text, kept head and number."""
        table = self._table.ordered()
        alive, padded = self._context.alive, self.padded_to
        maps = f"padded-{padded}" if padded else "cropped"
        rows = change_rows(table, alive).assign(
            probe=self.name, variant=f"maps={maps},absent={self._absent}"
        )
        return ProbeResult(
            probe=self.name,
            rows=rows_frame(rows),
            make_items=lambda: change_items(table, alive, self.name),
            notes={"n_texts": len(table.ids), "compared": int(self.needs_reference)},
        )

    def _received(self, maps: torch.Tensor) -> torch.Tensor:
        """What each token gets from a real token on average [B, H, S]."""
        weights = (self._query / self._n[:, None])[:, None, None]
        return (weights @ maps).squeeze(2)

    def _times_uniform(self, maps: torch.Tensor) -> torch.Tensor:
        """Product of maps [B, H, S, S] with the unit map that attends to real tokens alike [B, H].

        Rows of real tokens sum to 1; some families' rows of padding attend to padding, or to none.
        """
        rows = self._rows.sum(1)[:, None]
        total = rows
        if self.padded_to:
            total = (maps @ self._query[:, None, :, None] * self._rows[:, None, :, None]).sum(
                (2, 3)
            )
        return total / (rows * self._n[:, None]).sqrt()

    def _highest(self, received: torch.Tensor) -> torch.Tensor:
        """The highest value at a target [B, H, T]; NaN for a target that a text does not have."""
        found = [
            received.masked_fill(~of_one[:, None], -1).amax(-1)
            for of_one in self._targets.unbind(1)
        ]
        highest = torch.stack(found, dim=-1)
        return highest.masked_fill(highest < 0, torch.nan)

    def _note(self, name: str, layer: int, values: torch.Tensor) -> None:
        values = values.nan_to_num(0.0) if self._absent == "zero" else values
        self._table.put(name, layer, values)


def _check_padding(context: Context, padded_to: int) -> None:
    """Raise unless every text fits into the padded length, and that into the model."""
    if not padded_to:
        return
    if padded_to < context.max_length:
        raise ConfigError(
            f"padded_to is {padded_to}, less than the maximum text length of {context.max_length} "
            "subwords",
            remedy=f"lower `max_length` to {padded_to} or raise padded_to",
        )
    if padded_to > context.anatomy.max_tokens:
        raise ConfigError(
            f"padded_to is {padded_to}, but the model has only {context.anatomy.max_tokens} "
            "positions",
            remedy="lower padded_to",
        )
