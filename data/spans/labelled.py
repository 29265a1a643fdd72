"""Spans of words with labels, and their derivation from the annotation of a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..sentences.sentence import ROOT, Sentence

Span = tuple[int, int]
"""(start, end) in words counted from 0; the end is exclusive."""


@dataclass(frozen=True, slots=True)
class LabelledSpan:
    """One span of a sentence, or two, with labels.

    Attributes:
        first: the span.
        second: the second span of a pair; None for a single span.
        labels: their labels without duplicates; there may be none or several.
    """

    first: Span
    second: Span | None
    labels: tuple[str, ...]


Spans = tuple[LabelledSpan, ...]
SpansOf = Callable[[Sentence], Spans]
"""The spans of a sentence."""


def dependency_spans(sentence: Sentence) -> Spans:
    """Each word with its head and the relation; the root with itself, as in published data.

    Source: `ud_to_json.py` of jiant 1 (Tenney et al. 2019).
    """
    return tuple(
        LabelledSpan(_word(place), _word(place if head == ROOT else head), (deprel,))
        for place, (head, deprel) in enumerate(zip(sentence.heads, sentence.deprels, strict=False))
    )


def upos_spans(sentence: Sentence) -> Spans:
    """Each word with its universal part-of-speech tag."""
    return tuple(
        LabelledSpan(_word(place), None, (tag,)) for place, tag in enumerate(sentence.upos)
    )


def entity_spans(sentence: Sentence) -> Spans:
    """Each entity with its type: a `B-` tag and the following `I-` tags of its type.

    An `I-` tag that continues no entity begins one, as in conlleval.
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
"""Task -> function that returns the spans of a sentence; none if it has no such annotation."""
PAIRS = ("dependencies",)
"""The tasks with pairs of spans."""


def _word(place: int) -> Span:
    return place, place + 1
