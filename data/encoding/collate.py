"""Padded batches of examples, as a task model reads them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..errors import InputError
from ..files.atomic import digest
from ..sentences.sentence import Example
from .literal import Fitted, encode_literally, makes_token_types
from .tokenizer_check import check_padding


@dataclass(frozen=True)
class Batch:
    """B examples, padded on the right to the length of the longest.

    Attributes:
        input_ids: subword ids [B, S].
        attention_mask: 1 for subwords, 0 for padding [B, S].
        token_type_ids: segment that a subword belongs to [B, S]; None where the family has none.
        labels: class ids (int64) or targets (float32) [B]; None if the examples have no labels.
        index: position of each example in the sequence that was encoded.
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    token_type_ids: torch.Tensor | None
    labels: torch.Tensor | None
    index: tuple[int, ...]


def to_inputs(batch: Batch, device: torch.device | str | None = None) -> dict[str, torch.Tensor]:
    """The tensors that the model's forward pass takes, without labels."""
    inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
    if batch.token_type_ids is not None:
        inputs["token_type_ids"] = batch.token_type_ids
    return {name: tensor.to(device) for name, tensor in inputs.items()}


class TextBatches:
    """Encoded examples that can be iterated in batches any number of times.

    Attributes:
        n_truncated: number of truncated examples.
        n_wordless: number of examples with a text that has no subword of its own; the model reads
            only its special tokens.
    """

    def __init__(
        self,
        rows: Sequence[tuple[list[int], list[int]]],
        labels: torch.Tensor | None,
        order: Sequence[int],
        *,
        batch_size: int,
        padding: int,
        token_types: bool,
        n_truncated: int,
        n_wordless: int,
    ):
        self._rows, self._labels, self._order = rows, labels, order
        self._batch_size, self._padding, self._token_types = batch_size, padding, token_types
        self.n_truncated, self.n_wordless = n_truncated, n_wordless

    @property
    def n_examples(self) -> int:
        """Number of examples in one iteration."""
        return len(self._rows)

    def __len__(self) -> int:
        return -(-len(self._order) // self._batch_size)

    def __iter__(self) -> Iterator[Batch]:
        for start in range(0, len(self._order), self._batch_size):
            yield self.batch(tuple(self._order[start : start + self._batch_size]))

    @property
    def largest(self) -> int:
        """Number of examples in the largest batch."""
        return min(self._batch_size, self.n_examples)

    def longest(self) -> int:
        """Position of the example with the most subwords."""
        return max(range(len(self._rows)), key=lambda i: len(self._rows[i][0]))

    def sized(self, batch_size: int) -> TextBatches:
        """The same examples in batches of another size, without encoding them again."""
        other = copy.copy(self)
        other._batch_size = batch_size
        return other

    def content_digest(self) -> str:
        """SHA-256, in hex, of the model input and the label of each example."""
        labels = None if self._labels is None else self._labels.tolist()
        rows = [[list(ids), list(types)] for ids, types in self._rows]
        return digest([rows, labels, self._padding, self._token_types], 64)

    def batch(self, index: tuple[int, ...]) -> Batch:
        """The examples at these positions, padded to the length of the longest."""
        S = max(len(self._rows[i][0]) for i in index)
        input_ids = torch.full((len(index), S), self._padding)
        attention_mask = torch.zeros((len(index), S), dtype=torch.int64)
        types = torch.zeros((len(index), S), dtype=torch.int64)
        for row, i in enumerate(index):
            ids, type_ids = self._rows[i]
            input_ids[row, : len(ids)] = torch.tensor(ids)
            attention_mask[row, : len(ids)] = 1
            types[row, : len(ids)] = torch.tensor(type_ids)
        return Batch(
            input_ids=input_ids,
            attention_mask=attention_mask,
            token_type_ids=types if self._token_types else None,
            labels=None if self._labels is None else self._labels[list(index)],
            index=index,
        )


def text_batches(
    tokenizer: Any,
    examples: Sequence[Example],
    *,
    batch_size: int,
    max_length: int,
    by_length: bool = True,
) -> TextBatches:
    """Encode the raw texts of examples, truncated and padded.

    Args:
        tokenizer: a fast tokenizer.
        examples: either all single sentences or all pairs.
        batch_size: B.
        max_length: maximum number of subwords per example; the longer text of a pair is truncated
            first.
        by_length: sort the examples by length, longest first, which minimises padding and puts the
            batch that needs most memory first; otherwise the given order is kept.

    Raises:
        InputError: if there is no example, an example has no subword, or single sentences are mixed
            with pairs, or examples with a label with examples without one.
        CheckpointError: if the tokenizer is slow or cannot pad.
    """
    if not examples:
        raise InputError("no examples to read", remedy="name a split with at least one example")
    check_padding(tokenizer)
    texts = [example.texts() for example in examples]
    if len({len(text) for text in texts}) > 1:
        raise InputError(
            "some examples have one sentence and some two",
            remedy="read single sentences and pairs separately",
        )
    inputs = [text if len(text) == 2 else text[0] for text in texts]
    fitted = encode_literally(tokenizer, inputs, pre_split=False, max_length=max_length)
    rows = [(one.kept.ids, one.kept.type_ids) for one in fitted]
    for one, example in zip(fitted, examples, strict=True):
        check_has_subwords(one, example)
    order = list(range(len(rows)))
    if by_length:
        order.sort(key=lambda i: -len(rows[i][0]))
    return TextBatches(
        rows,
        _labels(examples),
        order,
        batch_size=batch_size,
        padding=tokenizer.pad_token_id,
        token_types=makes_token_types(tokenizer),
        n_truncated=sum(one.truncated for one in fitted),
        n_wordless=sum(_wordless(one, len(texts[0])) for one in fitted),
    )


def check_has_subwords(fitted: Fitted, example: Example) -> None:
    """Raise unless an example has a subword, if only a special token.

    Raises:
        InputError: if the model has nothing to read.
    """
    if not fitted.kept.ids:
        # a tokenizer that adds special tokens always gives the model something to read
        raise InputError(
            "has no subword", where=f"example {example.id!r}", remedy="remove the example"
        )


def _wordless(fitted: Fitted, n_segments: int) -> bool:
    """Whether one of an example's texts has no subword."""
    return len({s for s in fitted.whole.sequence_ids if s is not None}) < n_segments


def _labels(examples: Sequence[Example]) -> torch.Tensor | None:
    labels = [example.label for example in examples if example.label is not None]
    if not labels:
        return None
    if len(labels) < len(examples):
        raise InputError("some examples have a label and some have none")
    whole = all(isinstance(label, int) for label in labels)
    return torch.tensor(labels, dtype=torch.int64 if whole else torch.float32)
