"""Padded batches of masked texts, with the label of every masked piece."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from ..choices.choice_batches import choice_batches
from ..encoding.collate import Batch, TextBatches, check_has_subwords, text_batches
from ..encoding.encoded_once import EncodedExamples, encoded_as, encoded_once
from ..encoding.literal import Fitted, encode_literally, makes_token_types
from ..encoding.tokenizer_check import check_padding
from ..errors import CheckpointError, InputError
from ..files.atomic import digest
from ..sentences.sentence import Example
from ..tasks.task import TaskSpec
from .choice import IGNORED, Pieces, Vocabulary, masked

STATIC_SEED = 0
"""Seed of the masks that models are scored on: the same for everybody, like generated examples."""

WORDS = "words"
"""Value of `TaskSpec.masked` where whole words are chosen."""


def vocabulary_of(tokenizer: Any) -> Vocabulary:
    """The ids of the tokenizer that masking uses.

    Raises:
        CheckpointError: if the tokenizer lacks a mask token, or has only special tokens.
    """
    if tokenizer.mask_token_id is None:
        raise CheckpointError(
            "the tokenizer has no mask token, so no text can be masked",
            where=getattr(tokenizer, "name_or_path", None) or None,
            remedy='name a model of masked language modelling, or set "mask_token" in '
            "tokenizer_config.json to the one that the model knows",
        )
    specials = set(tokenizer.all_special_ids)
    known = sorted(set(tokenizer.get_vocab().values()) - specials)
    if not known:
        raise CheckpointError(
            "the tokenizer has only special tokens, which are never masked",
            where=getattr(tokenizer, "name_or_path", None) or None,
            remedy="use the tokenizer of a masked language model",
        )
    return Vocabulary(int(tokenizer.mask_token_id), np.array(known, dtype=np.int64), len(tokenizer))


class MaskedBatches(TextBatches):
    """Encoded texts that are masked, and can be iterated as batches any number of times.

    The labels of a batch are [B, S]: piece ids, `IGNORED` where nothing is asked.

    Args:
        texts: the N texts before masking.
        vocabulary: of their tokenizer.
        whole_words: choose words, not pieces.
        seed: of the masks.
        order: in which the texts are batched.
        options: of `TextBatches`.
    """

    def __init__(
        self,
        texts: Sequence[Pieces],
        vocabulary: Vocabulary,
        order: Sequence[int],
        *,
        whole_words: bool,
        seed: int,
        **options: Any,
    ):
        super().__init__([], None, order, **options)
        self._texts, self._vocabulary = texts, vocabulary
        self._whole_words, self._seed, self._targets = whole_words, seed, list[list[int]]()
        self._mask(0)

    def _mask(self, draw: int) -> None:
        rows, targets = [], []
        for text in self._texts:
            ids, labels = masked(
                text, self._vocabulary, whole_words=self._whole_words, seed=self._seed, draw=draw
            )
            rows.append((ids, list(text.types)))
            targets.append(labels)
        self._rows, self._targets = rows, targets

    def drawn(self, draw: int) -> MaskedBatches:
        """The same texts with other masks: draw 0 is the first, each number another."""
        other = copy.copy(self)
        other._mask(draw)
        return other

    @property
    def n_masked(self) -> int:
        """Number of pieces that are asked for."""
        return sum(label != IGNORED for labels in self._targets for label in labels)

    def content_digest(self) -> str:
        """SHA-256, in hex, of the model input and the labels of each text."""
        return digest([super().content_digest(), self._targets], 64)

    def batch(self, index: tuple[int, ...]) -> Batch:
        """The texts at these positions, padded to the length of the longest."""
        found = super().batch(index)
        labels = torch.full(found.input_ids.shape, IGNORED, dtype=torch.int64)
        for row, i in enumerate(index):
            labels[row, : len(self._targets[i])] = torch.tensor(self._targets[i])
        return replace(found, labels=labels)


def masked_batches(
    tokenizer: Any,
    examples: Sequence[Example],
    spec: TaskSpec,
    *,
    batch_size: int,
    max_length: int,
    by_length: bool = True,
    seed: int = STATIC_SEED,
) -> MaskedBatches:
    """Encode texts, truncated and padded, and mask them.

    Args:
        tokenizer: a fast tokenizer.
        examples: single texts.
        spec: a masked task; says whether whole words are chosen.
        batch_size: B.
        max_length: maximum number of pieces per text.
        by_length: longest first, else in the order given.
        seed: of the masks.

    Raises:
        InputError: if there is no text, a text has no piece, or no piece is masked in any.
        CheckpointError: if the tokenizer is slow, cannot pad, has no mask token or only special
            tokens.
    """
    if not examples:
        raise InputError("no texts to read", remedy="name a split with at least one text")
    check_padding(tokenizer)
    vocabulary = vocabulary_of(tokenizer)
    texts = [example.texts()[0] for example in examples]
    fitted = encode_literally(tokenizer, texts, pre_split=False, max_length=max_length)
    for one, example in zip(fitted, examples, strict=True):
        check_has_subwords(one, example)
    specials = set(tokenizer.all_special_ids)
    pieces = [
        _pieces(one, specials, f"{example.id}\n{text}")
        for one, example, text in zip(fitted, examples, texts, strict=True)
    ]
    order = list(range(len(pieces)))
    if by_length:
        order.sort(key=lambda i: -len(pieces[i].ids))
    found = MaskedBatches(
        pieces,
        vocabulary,
        order,
        whole_words=spec.masked == WORDS,
        seed=seed,
        batch_size=batch_size,
        padding=tokenizer.pad_token_id,
        token_types=makes_token_types(tokenizer),
        n_truncated=sum(one.truncated for one in fitted),
        n_wordless=sum(not any(word is not None for word in one.words) for one in pieces),
    )
    if not found.n_masked:
        raise InputError(
            f"none of {sum(len(one.ids) for one in pieces)} pieces was drawn to be masked",
            where=spec.name,
            remedy="name a longer text",
        )
    return found


def _pieces(fitted: Fitted, specials: set[int], key: str) -> Pieces:
    kept = fitted.kept
    words = tuple(
        None if id in specials else word for id, word in zip(kept.ids, kept.word_ids, strict=True)
    )
    return Pieces(tuple(kept.ids), tuple(kept.type_ids), words, key)


def task_batches(
    tokenizer: Any,
    examples: Sequence[Example],
    spec: TaskSpec,
    *,
    mask_seed: int = STATIC_SEED,
    **options: Any,
) -> TextBatches:
    """The examples of a task as its models read them: masked, by option, or as they are.

    Args:
        tokenizer: a fast tokenizer.
        examples: the examples.
        spec: the task.
        mask_seed: of the masks.
        options: of `text_batches`, `masked_batches` and `choice_batches`.

    Raises:
        InputError, CheckpointError, ConfigError: as `text_batches`, `masked_batches` and
            `choice_batches`.
    """
    if spec.choices:
        return choice_batches(tokenizer, examples, **options)
    if spec.masked:
        return masked_batches(tokenizer, examples, spec, seed=mask_seed, **options)
    return text_batches(tokenizer, examples, **options)


def task_batches_once(
    tokenizer: Any, examples: Sequence[Example], spec: TaskSpec, *, batch_size: int, max_length: int
) -> EncodedExamples:
    """The same for examples that are scored again and again: encoded once."""
    if spec.choices:
        return encoded_as("choices", choice_batches, tokenizer, examples, batch_size, max_length)
    if not spec.masked:
        return encoded_once(tokenizer, examples, batch_size=batch_size, max_length=max_length)
    make = partial(masked_batches, spec=spec)
    return encoded_as(spec.masked, make, tokenizer, examples, batch_size, max_length)
