"""The annotation layers that a probe needs, and the examples that have them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ...data.errors import AnnotationError
from ...data.sentences.sentence import Example, Sentence

Layer = Literal["words", "heads", "deprels", "upos", "rationale"]

NAMES: Mapping[Layer, str] = {
    "words": "words",
    "heads": "dependency tree",
    "deprels": "relations",
    "upos": "universal tags",
    "rationale": "human rationale",
}
"""Layer -> its name in messages. Words are what every probe needs. The rationale is one of an
`Example`, the others are of a `Sentence`."""

_REMEDY = "name an annotated treebank, or parse this one with spaCy (`reparse`)"
_NO_RATIONALE = "name the column of your files that holds them (`columns` rationale=...)"


def parsed(needs: Iterable[Layer]) -> bool:
    """Whether some of the layers come from a parser."""
    return any(layer != "rationale" for layer in needs)


@dataclass(frozen=True)
class LeftOut:
    """Examples that a probe cannot read.

    Attributes:
        n_examples: how many.
        n_arcs: arcs that trees over their words have, one fewer than words in each sentence.
        by_layer: layer -> sentences of the corpus that lack it, of the layers that some lack.
    """

    n_examples: int
    n_arcs: int
    by_layer: Mapping[Layer, int]


def sentences_of(example: Example) -> tuple[Sentence, ...]:
    """The one or two sentences of an example."""
    return (example.first,) if example.second is None else (example.first, example.second)


def lacking(sentence: Sentence, needs: Iterable[Layer]) -> list[Layer]:
    """Which of the layers a sentence does not have; `words` alone if it is empty."""
    if not sentence.words:
        return ["words"]
    return [layer for layer in needs if parsed([layer]) and not getattr(sentence, layer)]


def split_readable(
    examples: Sequence[Example], needs: Sequence[Layer]
) -> tuple[list[Example], LeftOut]:
    """Examples whose sentences have every needed layer, in order, and a count of the others.

    Args:
        examples: a corpus.
        needs: layers.
    """
    kept: list[Example] = []
    dropped: list[Example] = []
    by_layer: dict[Layer, int] = {}
    for example in examples:
        lacks = [layer for sentence in sentences_of(example) for layer in lacking(sentence, needs)]
        if "rationale" in needs and example.rationale is None:
            lacks.append("rationale")
        (dropped if lacks else kept).append(example)
        for layer in lacks:
            by_layer[layer] = by_layer.get(layer, 0) + 1
    words = [len(sentence.words) for example in dropped for sentence in sentences_of(example)]
    return kept, LeftOut(len(dropped), sum(max(n - 1, 0) for n in words), by_layer)


def check_annotated(sentences: Iterable[Sentence], needs: Sequence[Layer]) -> None:
    """Raise unless every sentence has the layers, all in one scheme and all gold or all silver.

    Raises:
        AnnotationError: naming the first sentence that differs from the others.
    """
    first: Sentence | None = None
    for sentence in sentences:
        for layer in lacking(sentence, needs):
            raise AnnotationError(
                f"no {NAMES[layer]}", where=f"sentence {sentence.id!r}", remedy=_REMEDY
            )
        first = first or sentence
        if kind_of(sentence) != kind_of(first):
            raise AnnotationError(
                f"{kind_of(sentence)} tree among {kind_of(first)} trees",
                where=f"sentence {sentence.id!r}",
                remedy="annotation schemes differ in their trees: probe one kind at a time",
            )


def kind_of(sentence: Sentence) -> str:
    """Who annotated it and in which scheme, such as `gold ud`."""
    return f"{sentence.annotation} {sentence.scheme}".strip() or "unannotated"


def check_some_readable(probe: str, examples: Sequence[Example], needs: Sequence[Layer]) -> None:
    """Raise unless a probe can read at least one example.

    Raises:
        AnnotationError: naming the probe and the layers that are missing.
    """
    kept, left = split_readable(examples, needs)
    if examples and not kept:
        missing = " and no ".join(NAMES[layer] for layer in left.by_layer)
        one = len(examples) == 1
        raise AnnotationError(
            f"the only text has no {missing}" if one
            else f"none of the {len(examples)} texts can be read: they have no {missing}",
            where=probe,
            remedy=_NO_RATIONALE if "rationale" in left.by_layer else _REMEDY,
        )  # fmt: skip
