"""Questions of which a part is left out, and the option that resembles the context most.

The heuristics of Sugawara et al. (2018, EMNLP), "What Makes Reading Comprehension Questions
Easier?": a question that can still be answered after most of it was left out, or whose answer
resembles the context, does not show that a model understands the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt

from ..sentences.sentence import Example, plain_sentence

FULL = "full"
"""The question as it is."""


def _first_words(example: Example, count: int) -> Example:
    """A question of which only the first words, separated by white space, are kept."""
    assert example.second is not None
    text = example.second.raw_text()
    ends = [found.end() for found in re.finditer(r"\S+", text)][:count]
    return _with(example, question=text[: ends[-1]] if ends else "")


def _with(example: Example, *, context: str | None = None, question: str | None = None) -> Example:
    """A question with another context or another wording."""
    found = example
    if context is not None:
        found = replace(found, first=plain_sentence(example.first.id, context))
    if question is not None and example.second is not None:
        found = replace(found, second=plain_sentence(example.second.id, question))
    return found


REDUCED: Mapping[str, Callable[[Example], Example]] = {
    FULL: lambda example: example,
    "first-1": partial(_first_words, count=1),
    "first-2": partial(_first_words, count=2),
    "first-4": partial(_first_words, count=4),
    "no-question": partial(_with, question=""),
    "no-context": partial(_with, context=""),
}
"""Setting -> function that leaves a part of a question out."""


def unigrams(text: str) -> frozenset[str]:
    """The different words of a text, lower-cased, without punctuation marks."""
    return frozenset(re.findall(r"\w+", text.lower()))


def overlaps(example: Example) -> npt.NDArray[np.float64]:
    """Share of the different words of each option that occur in the context [K].

    An option without a word, such as "?!", has an overlap of 0.
    """
    context = unigrams(example.first.raw_text())
    options = [unigrams(option) for option in example.options]
    return np.array([len(one & context) / len(one) if one else 0.0 for one in options])


def nearest_sentence(example: Example) -> str:
    """The sentence of the context that shares most different words with the question.

    Of equal ones it is the first. A sentence ends with a line, or with ".", "!" or "?" before white
    space.
    """
    asked = unigrams(example.second.raw_text() if example.second else "")
    sentences = re.split(r"(?<=[.!?])\s+|\n+", example.first.raw_text())
    return max(sentences, key=lambda one: len(unigrams(one) & asked))


def sentence_overlaps(example: Example) -> npt.NDArray[np.float64]:
    """The same for the sentence of the context that is nearest to the question [K]."""
    return overlaps(_with(example, context=nearest_sentence(example)))


OVERLAPS: Mapping[str, Callable[[Example], npt.NDArray[np.float64]]] = {
    "overlap": overlaps,
    "sentence-overlap": sentence_overlaps,
}
"""Heuristic without a model -> function that gives the overlap of each option."""


def overlap_scores(
    examples: Sequence[Example], heuristic: str = "overlap"
) -> npt.NDArray[np.float64]:
    """Expected accuracy of answering with the option of the highest overlap [N].

    Of tied options one is drawn at random, so that the right one among m options scores 1 / m.

    Args:
        examples: N questions.
        heuristic: one of `OVERLAPS`.
    """
    found = []
    for example in examples:
        shares = OVERLAPS[heuristic](example)
        best = np.flatnonzero(shares == shares.max())
        found.append(1 / len(best) if example.label in best else 0.0)
    return np.array(found)
