"""What texts need so that attributions of their words can be judged."""

from __future__ import annotations

from ...data.errors import InputError
from ..forward.texts import Texts


def check_words(texts: Texts) -> None:
    """Raise unless every text has a word that truncation left whole.

    Raises:
        InputError: naming the first text that has none.
    """
    for example, words in zip(texts.examples, texts.words, strict=True):
        if not words.kept:
            raise InputError(
                "truncation left no whole word",
                where=f"example {example.id!r}",
                remedy="raise `max_length`, or leave the example out",
            )
