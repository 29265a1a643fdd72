"""Padded batches of multiple-choice questions: K inputs for each, one per option.

An input is a pair: context and question, then the option. If it is too long, subwords of the
context are left out; the question and the option are always complete.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ..encoding.collate import Batch, TextBatches
from ..encoding.literal import encode_literally, makes_token_types
from ..encoding.tokenizer_check import check_padding
from ..errors import ConfigError, InputError
from ..sentences.sentence import Example
from .choice_texts import choice_texts

Row = tuple[list[int], list[int]]
"""Subword ids and segment ids of one input."""

_WHOLE = 2**31
"""A length that no input reaches."""


class ChoiceBatches(TextBatches):
    """Encoded questions, which can be iterated as batches any number of times.

    The tensors of a batch are [B, K, S], its labels [B] the numbers of the right options.

    Args:
        choices: for each of the N questions its K inputs.
        labels: numbers of the right options [N]; None if they are not known.
        order: in which the questions are batched.
        options: of `TextBatches`.
    """

    def __init__(
        self,
        choices: Sequence[tuple[Row, ...]],
        labels: torch.Tensor | None,
        order: Sequence[int],
        **options: Any,
    ):
        # the rows of the base class: all inputs of a question one after another, for its digest
        joined = [_joined(rows) for rows in choices]
        super().__init__(joined, labels, order, **options)
        self._choices = choices

    def longest(self) -> int:
        """Position of the question with the longest input."""
        return max(range(len(self._choices)), key=lambda i: _length(self._choices[i]))

    def batch(self, index: tuple[int, ...]) -> Batch:
        """The questions at these positions, padded to the length of the longest input."""
        chosen = [self._choices[i] for i in index]
        shape = (len(index), len(chosen[0]), max(map(_length, chosen)))
        input_ids = torch.full(shape, self._padding)
        attention_mask = torch.zeros(shape, dtype=torch.int64)
        types = torch.zeros(shape, dtype=torch.int64)
        for question, rows in enumerate(chosen):
            for option, (ids, type_ids) in enumerate(rows):
                input_ids[question, option, : len(ids)] = torch.tensor(ids)
                attention_mask[question, option, : len(ids)] = 1
                types[question, option, : len(ids)] = torch.tensor(type_ids)
        return Batch(
            input_ids=input_ids,
            attention_mask=attention_mask,
            token_type_ids=types if self._token_types else None,
            labels=None if self._labels is None else self._labels[list(index)],
            index=index,
        )


def _length(rows: tuple[Row, ...]) -> int:
    """Number of subwords of the longest input of a question."""
    return max(len(ids) for ids, _ in rows)


def _joined(rows: tuple[Row, ...]) -> Row:
    return [i for ids, _ in rows for i in ids], [t for _, types in rows for t in types]


def choice_batches(
    tokenizer: Any,
    examples: Sequence[Example],
    *,
    batch_size: int,
    max_length: int,
    by_length: bool = True,
) -> ChoiceBatches:
    """Encode questions: one input per option, truncated in the context and padded.

    Args:
        tokenizer: a fast tokenizer.
        examples: questions, all with K options.
        batch_size: number of questions B; a forward pass reads B*K inputs.
        max_length: maximum number of subwords per input.
        by_length: the questions with the longest inputs first, else in the order given.

    Raises:
        InputError: if there are no questions, or their numbers of options differ.
        ConfigError: if a question and an option alone exceed the maximum length.
        CheckpointError: if the tokenizer is slow or cannot pad.
    """
    if not examples:
        raise InputError("no examples to read", remedy="name a split with at least one example")
    counts = sorted({len(example.options) for example in examples})
    if len(counts) > 1 or not counts[0]:
        raise InputError(
            f"questions with {' and '.join(map(str, counts))} options",
            remedy="give every question the same number of options",
        )
    check_padding(tokenizer)
    K = counts[0]
    pairs = [pair for example in examples for pair in choice_texts(example)]
    whole = encode_literally(tokenizer, pairs, pre_split=False, max_length=_WHOLE)
    choices, cut, wordless = [], 0, 0
    for place, example in enumerate(examples):
        encodings = [one.whole for one in whole[place * K : place * K + K]]
        rows = tuple(_row(tokenizer, one, example, max_length) for one in encodings)
        choices.append(rows)
        cut += any(len(one) > max_length for one in encodings)
        wordless += any(1 not in one.sequence_ids for one in encodings)
    order = list(range(len(choices)))
    if by_length:
        order.sort(key=lambda i: -_length(choices[i]))
    labels = [example.label for example in examples if example.label is not None]
    if labels and len(labels) < len(examples):
        raise InputError("some examples have a label and some have none")
    return ChoiceBatches(
        choices,
        torch.tensor(labels, dtype=torch.int64) if labels else None,
        order,
        batch_size=batch_size,
        padding=tokenizer.pad_token_id,
        token_types=makes_token_types(tokenizer),
        n_truncated=cut,
        n_wordless=wordless,
    )


def _row(tokenizer: Any, encoding: Any, example: Example, max_length: int) -> Row:
    """One input, truncated in the context."""
    kept = kept_places(tokenizer, encoding, example, max_length)
    return [encoding.ids[place] for place in kept], [encoding.type_ids[place] for place in kept]


def kept_places(tokenizer: Any, encoding: Any, example: Example, max_length: int) -> list[int]:
    """The places of an encoded input without the last subwords of the context that do not fit.

    Where the tokenizer truncates on the left, the first ones are left out.

    Args:
        tokenizer: says on which side it truncates.
        encoding: of one of `choice_texts`, with special tokens.
        example: the question.
        max_length: maximum number of subwords.

    Raises:
        ConfigError: if the question and the option alone exceed it.
    """
    excess = len(encoding) - max_length
    if excess <= 0:
        return list(range(len(encoding)))
    end = len(example.texts()[0])
    context = [
        place
        for place, (segment, span) in enumerate(
            zip(encoding.sequence_ids, encoding.offsets, strict=True)
        )
        if segment == 0 and span[1] <= end
    ]
    if excess > len(context):
        raise ConfigError(
            f"the question and an option of {example.id!r} alone have "
            f"{len(encoding) - len(context)} subwords with special tokens, more than {max_length}",
            where="max_length",
            remedy="set it higher, or leave out the question",
        )
    side = tokenizer.truncation_side
    lost = set(context[:excess] if side == "left" else context[len(context) - excess :])
    return [place for place in range(len(encoding)) if place not in lost]
