"""The different inputs behind many masked texts: equal ones are run once, in batches by length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...data.errors import InputError


@dataclass(frozen=True, slots=True)
class MaskedText:
    """A text with some of its pieces masked.

    Attributes:
        ids: piece ids before masking [S], special tokens included. Variants of one text may share
            the tuple.
        masked: positions that the mask token replaces.
        asked: positions whose predictions are asked for; mostly those that are masked.
        segments: segment ids [S]; empty = all 0.
    """

    ids: tuple[int, ...]
    masked: tuple[int, ...]
    asked: tuple[int, ...]
    segments: tuple[int, ...] = ()


@dataclass(frozen=True)
class MaskedInput:
    """One input of the model that one or more texts share.

    Attributes:
        ids: piece ids after masking [S].
        segments: segment ids [S], or none.
        asked: the positions asked for by any of the texts, ascending.
        wants: (text, place in its `asked`, place in `asked` here).
    """

    ids: tuple[int, ...]
    segments: tuple[int, ...]
    asked: tuple[int, ...]
    wants: tuple[tuple[int, int, int], ...]


def different_inputs(texts: Sequence[MaskedText], mask: int) -> list[MaskedInput]:
    """The different inputs, from the longest to the shortest: equal ones are run once."""
    wanted: dict[tuple[bytes, tuple[int, ...]], list[int]] = {}
    for number, text in enumerate(texts):
        _check(text)
        if text.asked:
            key = np.array(_after_masking(text, mask), dtype=np.int32).tobytes(), text.segments
            wanted.setdefault(key, []).append(number)
    found = []
    for numbers in wanted.values():
        asked = tuple(sorted({at for number in numbers for at in texts[number].asked}))
        row_of = {at: row for row, at in enumerate(asked)}
        wants = tuple(
            (number, place, row_of[at])
            for number in numbers
            for place, at in enumerate(texts[number].asked)
        )
        first = texts[numbers[0]]
        found.append(MaskedInput(_after_masking(first, mask), first.segments, asked, wants))
    return sorted(found, key=lambda one: -len(one.ids))


def _check(text: MaskedText) -> None:
    length = len(text.ids)
    if not length:
        raise InputError("a text has no pieces")
    outside = [at for at in (*text.masked, *text.asked) if not 0 <= at < length]
    if outside:
        raise InputError(f"position {outside[0]} is outside a text of {length} pieces")
    if text.segments and len(text.segments) != length:
        raise InputError(f"{len(text.segments)} segment ids for {length} pieces")


def _after_masking(text: MaskedText, mask: int) -> tuple[int, ...]:
    ids = list(text.ids)
    for at in text.masked:
        ids[at] = mask
    return tuple(ids)


def length_batches(inputs: Sequence[MaskedInput], tokens: int) -> Iterator[Sequence[MaskedInput]]:
    """Runs of inputs, longest first, of at most `tokens` pieces with padding; at least one each."""
    start = 0
    while start < len(inputs):
        count = max(1, tokens // len(inputs[start].ids))
        yield inputs[start : start + count]
        start += count


def asked_rows(batch: Sequence[MaskedInput]) -> list[tuple[int, int, int]]:
    """(text, place, row in the asked states) of all asked places of a batch."""
    found, before = [], 0
    for one in batch:
        found += [(text, place, before + row) for text, place, row in one.wants]
        before += len(one.asked)
    return found
