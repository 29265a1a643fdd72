"""Words of a text coloured by a signed number each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..wording import decimal

_LEVELS = 5


@dataclass(frozen=True)
class Word:
    """One word: its text, its attribution in words, and how strong (-5 to 5) it is."""

    text: str
    said: str
    level: int


def shaded(words: Iterable[tuple[str, float]], largest: float) -> tuple[Word, ...]:
    """The words with their numbers and shades.

    Args:
        words: each word with its number.
        largest: the absolute number that has the deepest shade.
    """
    scale = _LEVELS / (largest or 1.0)
    return tuple(Word(text, decimal(value), round(scale * value)) for text, value in words)
