"""Spans of words with labels, and those that the annotation of a sentence gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..sentences.sentence import ROOT, Sentence

Span = tuple[int, int]
"""The words from the first number up to, without, the second, counted from 0."""


@dataclass(frozen=True, slots=True)
class LabelledSpan:
    """One span of a sentence, or two, and what is said of them.

    Attributes:
        first: the span.
        second: the other span of a pair; None where one stands alone.
        labels: their labels, none twice; there may be none or several.
    """

    first: Span
    second: Span | None
    labels: tuple[str, ...]


Spans = tuple[LabelledSpan, ...]
SpansOf = Callable[[Sentence], Spans]
"""The spans of a sentence."""


def dependency_spans(sentence: Sentence) -> Spans:
    """Each word and its head, with the relation; the root with itself, as published data have it.

    Source: `ud_to_json.py` of jiant 1 (Tenney et al. 2019).
    """
    return tuple(
        LabelledSpan(_word(place), _word(place if head == ROOT else head), (deprel,))
        for place, (head, deprel) in enumerate(zip(sentence.heads, sentence.deprels, strict=False))
    )


def upos_spans(sentence: Sentence) -> Spans:
    """Each word, with its universal part-of-speech tag."""
    return tuple(
        LabelledSpan(_word(place), None, (tag,)) for place, tag in enumerate(sentence.upos)
    )


def entity_spans(sentence: Sentence) -> Spans:
    """Each entity, with its type: a `B-` tag and the `I-` tags of its type that follow.

    An `I-` tag that continues nothing begins an entity, as conlleval has it.
    """
    found: list[LabelledSpan] = []
    start, kind = 0, ""
    for place, tag in enumerate((*sentence.entities, "O")):
        mark, _, name = tag.partition("-")
        if mark == "I" and name == kind:
            continue
        if kind:
            found.append(LabelledSpan((start, place), None, (kind,)))
        start, kind = place, name
    return tuple(found)


ANNOTATED: Mapping[str, SpansOf] = {
    "dependencies": dependency_spans,
    "upos": upos_spans,
    "entities": entity_spans,
}
"""Task -> the spans of a sentence; none where it is not annotated with them."""
PAIRS = ("dependencies",)
"""The tasks of two spans."""


def _word(place: int) -> Span:
    return place, place + 1
