"""A cache of encoded examples: scoring many masks on the same examples encodes them once.

The cache holds at most `KEPT_BYTES`: the least recently used examples are dropped first, and a set
that alone exceeds the limit is not cached.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..files.atomic import digest
from ..sentences.sentence import Example
from .collate import Batch, TextBatches, text_batches
from .literal import content_of, makes_token_types

KEPT_BYTES = 2**26
"""Maximum size of the cached batches in one process: 64 MiB, or 2.7 million subwords."""

_Key = tuple[Any, ...]

_kept: OrderedDict[_Key, EncodedExamples] = OrderedDict()


@dataclass(frozen=True)
class EncodedExamples:
    """N examples as padded batches, longest first. The tensors must not be modified.

    Attributes:
        batches: the batches.
        n_truncated: number of truncated examples.
        n_wordless: number of examples with a text that has no subword of its own.
    """

    batches: tuple[Batch, ...]
    n_truncated: int
    n_wordless: int

    @property
    def n_bytes(self) -> int:
        """Size of the tensors in bytes."""
        tensors = (
            tensor
            for batch in self.batches
            for tensor in (
                batch.input_ids, batch.attention_mask, batch.token_type_ids, batch.labels,
            )
            if tensor is not None
        )  # fmt: skip
        return sum(tensor.nbytes for tensor in tensors)


def encoded_once(
    tokenizer: Any, examples: Sequence[Example], *, batch_size: int, max_length: int
) -> EncodedExamples:
    """Batch the examples by length, reusing the encoding of an identical tokenizer.

    Args:
        tokenizer: a fast tokenizer.
        examples: either all single sentences or all pairs.
        batch_size: B.
        max_length: maximum number of subwords per example.

    Raises:
        InputError, CheckpointError, ConfigError: as in `text_batches`.
    """
    return encoded_as("", text_batches, tokenizer, examples, batch_size, max_length)


def encoded_as(
    form: str,
    make: Callable[..., TextBatches],
    tokenizer: Any,
    examples: Sequence[Example],
    batch_size: int,
    max_length: int,
) -> EncodedExamples:
    """The same for examples that `make` encodes.

    Args:
        form: name of what `make` does; another name, another encoding. Where it is not empty, the
            encoding depends on the ids of the examples.
        make: called like `text_batches`.
        tokenizer: a fast tokenizer.
        examples: the examples.
        batch_size: B.
        max_length: maximum number of subwords per example.

    Raises:
        InputError, CheckpointError, ConfigError: as `make`.
    """
    key: _Key | None = None
    if getattr(tokenizer, "is_fast", False):  # a slow one is refused below
        key = (
            form,
            digest(
                [
                    [one.id * bool(form), *one.texts(), *one.options, repr(one.label)]
                    for one in examples
                ],
                64,
            ),
            content_of(tokenizer),
            tokenizer.truncation_side,
            tokenizer.pad_token_id,
            makes_token_types(tokenizer),
            batch_size,
            max_length,
        )
    if key is not None and key in _kept:
        _kept.move_to_end(key)
        return _kept[key]
    batches = make(tokenizer, examples, batch_size=batch_size, max_length=max_length)
    found = EncodedExamples(tuple(batches), batches.n_truncated, batches.n_wordless)
    if key is not None and found.n_bytes <= KEPT_BYTES:
        _kept[key] = found
        while sum(one.n_bytes for one in _kept.values()) > KEPT_BYTES:
            _kept.popitem(last=False)
    return found
