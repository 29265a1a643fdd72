"""The base class of probes: accumulators over batches that do not keep attention maps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from ...data.errors import CheckpointError
from ...data.output.item_parts import ItemParts, Made
from ...data.output.tables import rows_frame
from ...data.sentences.sentence import Example
from ...data.tasks.task import TaskSpec
from ...models.encoder.anatomy import Anatomy
from ...models.language.head import has_head
from ...models.language.loading import TRAIN_ONE
from ...models.masks.subnetwork import Subnetwork

if TYPE_CHECKING:
    from .attention_block import LayerValues


@dataclass(frozen=True)
class Context:
    """A full or masked model, as probes see it.

    Attributes:
        model: a transformers encoder, with or without a task head.
        tokenizer: its fast tokenizer.
        anatomy: where its heads are.
        subnetwork: the mask that is applied while probing; None = the full model.
        spec: the task that the model was fine-tuned on, where one is known.
        max_length: subwords a sentence (or pair) keeps.
        reference: another full model of the same anatomy and vocabulary, for comparison, such as
            the pretrained encoder; the mask is not applied to it.
        pre_split: tokenise each word separately, as published studies of attention did; otherwise
            texts are tokenised as the task model does it.
    """

    model: Any
    tokenizer: Any
    anatomy: Anatomy
    subnetwork: Subnetwork | None = None
    spec: TaskSpec | None = None
    max_length: int = 128
    reference: Any | None = None
    pre_split: bool = False

    @property
    def alive(self) -> npt.NDArray[np.bool_]:
        """Which heads are kept [L, H]."""
        if self.subnetwork is None:
            return np.ones((self.anatomy.num_layers, self.anatomy.num_heads), dtype=np.bool_)
        return np.asarray(self.subnetwork.head_mask, dtype=np.bool_)

    def language_model(self) -> Any:
        """The full model, if it has a masked-LM head; its forward pass gives logits [B, S, V].

        Raises:
            CheckpointError: if it has none.
        """
        if not has_head(self.model):
            raise CheckpointError(
                f"{type(self.model).__name__} has no masked-LM head", remedy=TRAIN_ONE
            )
        return self.model


@dataclass(frozen=True)
class BatchView:
    """One batch of the corpus, with everything that is common to all layers.

    Attributes:
        position: where the B examples stand in the corpus [B].
        examples: the B examples.
        inputs: model inputs, padded to the longest text of the batch.
        real: True where there is a token, not padding [B, S].
        special: True at special tokens that are not padding [B, S].
        word: index of each piece's word among the kept words of its example [B, S], those of the
            second sentence after those of the first; -1 at specials, padding and cut words.
        kept: for each example its W kept words as (segment, index in the sentence).
        source: for each kept word the mean over its pieces [B, W, S].
        target: for each kept word the sum over its pieces [B, S, W].
    """

    position: npt.NDArray[np.int64]
    examples: tuple[Example, ...]
    inputs: Mapping[str, torch.Tensor]
    real: torch.Tensor
    special: torch.Tensor
    word: torch.Tensor
    kept: tuple[tuple[tuple[int, int], ...], ...]
    source: torch.Tensor
    target: torch.Tensor
    _last: list[torch.Tensor] = field(default_factory=list, repr=False, compare=False)

    def word_attention(self, attention: torch.Tensor) -> torch.Tensor:
        """Attention between words [B, H, W, W] from attention between subwords [B, H, S, S].

        Summed over the pieces of the target and averaged over those of the source (Clark et al.
        2019); special tokens are left out, so rows sum to at most 1. Rows and columns beyond an
        example's own words are zero. The latest answer is kept for the next probe that asks for the
        same map: do not write into it.
        """
        if self._last and self._last[0] is attention:
            return self._last[1]
        B, H, S, _ = attention.shape
        # One wide product on the target side: broadcasting `target` over heads would copy it.
        summed = (attention.reshape(B, H * S, S) @ self.target).view(B, H, S, -1)
        self._last[:] = attention, self.source[:, None] @ summed
        return self._last[1]


@dataclass(frozen=True)
class ProbeResult:
    """The result of a probe on one model.

    Attributes:
        probe: the probe's name.
        rows: tidy rows (data/output/tables.py) without the columns that name model, task and mask.
        make_items: builds the scored items, in one frame or in frames one after the other, each
            time that they are asked for: one line per sentence, head and metric is many times
            larger than the sums behind it.
        arrays: small counts that later tests need, such as correct arcs [2, R, 2, L, H].
        notes: plain facts, such as counts of sentences and dropped words, and names of array axes.
    """

    probe: str
    rows: pd.DataFrame
    make_items: Callable[[], Made]
    arrays: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    notes: Mapping[str, int | float | str] = field(default_factory=dict)

    @property
    def items(self) -> pd.DataFrame:
        """One line per scored item; the rows are a pure function of these."""
        made = self.make_items()
        return made if isinstance(made, pd.DataFrame) else self.item_parts.frame()

    @property
    def item_parts(self) -> ItemParts:
        """The items in frames of bounded size, where the probe makes them so."""
        return ItemParts(self.make_items)

    def to_frame(self) -> pd.DataFrame:
        """The rows with every column of the schema, in order and typed; a copy."""
        return rows_frame(self.rows)


class Probe:
    """An accumulator that `run_probes` feeds: one `begin`, L deliveries and one `end` a batch.

    A probe declares which deliveries it needs, and overrides the corresponding methods and
    `result`. Tensors are dropped after each call: a probe keeps sums, never maps.

    Attributes:
        name: goes into every row.
        needs_attention: whether `layer` is called.
        needs_hidden: whether `hidden` is called. Where no probe of a pass wants states or values,
            the last layer is computed for the first token alone once its maps are there.
        needs_values: whether `values` is called.
        needs_reference: whether `pair` is called; the context must have a reference then.
        padded_to: subwords that every text is padded to; 0 = the longest of its batch.
    """

    name: str = ""
    needs_attention: bool = False
    needs_hidden: bool = False
    needs_values: bool = False
    needs_reference: bool = False
    padded_to: int = 0

    def begin(self, batch: BatchView) -> None:
        """Start a new batch; its layers follow."""

    def layer(self, layer: int, attention: torch.Tensor) -> None:
        """Attention weights [B, H, S, S] of one layer, counted from 0; padding rows included."""

    def hidden(self, layer: int, states: torch.Tensor) -> None:
        """Hidden states [B, S, D] of one layer: 0 = embeddings, l = output of block l - 1."""

    def values(self, layer: int, block: LayerValues) -> None:
        """The attention block of one layer, counted from 0, once it has been computed."""

    def pair(self, layer: int, attention: torch.Tensor, reference: torch.Tensor) -> None:
        """Maps [B, H, S, S] of one layer of the model and of the reference."""

    def end(self) -> None:
        """End the batch: every layer has been delivered."""

    def result(self) -> ProbeResult:
        """The result over all batches, in the order of the corpus."""
        raise NotImplementedError(f"{type(self).__name__} has no result")


def kept_as(model: torch.dtype) -> npt.DTypeLike:
    """How one text's numbers are kept: as fine as the model computes them, and never coarser.

    They are what grows with the corpus; sums over texts are always double.
    """
    return np.float64 if model == torch.float64 else np.float32


def in_corpus_order(
    parts: list[npt.NDArray[np.float64]], positions: list[npt.NDArray[np.int64]]
) -> npt.NDArray[np.float64]:
    """Per-example values of all batches [N, ...], sorted by place in the corpus."""
    place = np.argsort(np.argsort(np.concatenate(positions), kind="stable"))
    # into place at once: the largest thing that probes hold is never there three times
    ordered = np.empty((len(place), *parts[0].shape[1:]), dtype=parts[0].dtype)
    start = 0
    for part in parts:
        ordered[place[start : start + len(part)]] = part
        start += len(part)
    return ordered
