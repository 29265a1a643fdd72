"""Properties of words by name, as one label a word: what probes and searches learn to read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..errors import UnknownNameError
from .sentence import Sentence

Labels = tuple[str, ...]
"""A label for each word [W]; empty where a word has none. No label at all: `()`."""

PROPERTIES: Mapping[str, Callable[[Sentence], Labels]] = {
    "upos": lambda sentence: sentence.upos,
    "xpos": lambda sentence: sentence.xpos,
    "deprel": lambda sentence: sentence.deprels,
}
"""Property -> the labels of a sentence; `()` where the sentence is not annotated with it."""


def word_labels(sentence: Sentence, name: str) -> Labels:
    """The labels of a sentence's words.

    Raises:
        UnknownNameError: listing the properties.
    """
    if name not in PROPERTIES:
        raise UnknownNameError("property of words", name, PROPERTIES)
    return PROPERTIES[name](sentence)
