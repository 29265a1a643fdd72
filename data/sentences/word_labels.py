"""Properties of words by name, with one label per word: the targets of probes and searches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from ..errors import UnknownNameError
from .sentence import ROOT, Sentence

Labels = tuple[str, ...]
"""A label for each word [W], empty for a word without one; `()` if there are no labels."""

FEATURE = "feats:"
"""Prefix of the name of a morphological feature: `feats:Number`."""

NO_ANCESTOR = "none"
"""Label for the relation of an ancestor that does not exist; Liu et al. (2019) label these too."""


def _head_sides(sentence: Sentence) -> Labels:
    """Sign of the distance to the head: whether it precedes or follows the word."""
    return tuple(
        "root" if head == ROOT else "before" if head < place else "after"
        for place, head in enumerate(sentence.heads)
    )


def _ancestor_relations(sentence: Sentence, steps: int) -> Labels:
    """Relation of the ancestor that is `steps` heads above each word."""
    if not sentence.deprels or not sentence.heads:
        return ()
    found = []
    for place in range(len(sentence.words)):
        for _ in range(steps):
            place = sentence.heads[place] if place != ROOT else ROOT
        found.append(NO_ANCESTOR if place == ROOT else sentence.deprels[place])
    return tuple(found)


PROPERTIES: Mapping[str, Callable[[Sentence], Labels]] = {
    "upos": lambda sentence: sentence.upos,
    "xpos": lambda sentence: sentence.xpos,
    "deprel": lambda sentence: sentence.deprels,
    "head-side": _head_sides,
    "parent-deprel": lambda sentence: _ancestor_relations(sentence, 1),
    "grandparent-deprel": lambda sentence: _ancestor_relations(sentence, 2),
    "entity": lambda sentence: sentence.entities,
    "chunk": lambda sentence: sentence.chunks,
}
"""Property -> the labels of a sentence; `()` if the sentence is not annotated with it.

In addition, each morphological feature is a property, named `feats:` and its name.
"""


def is_property(name: str) -> bool:
    """Whether a name is that of a property; any `feats:NAME` is, as corpora differ in features."""
    return name in PROPERTIES or (name.startswith(FEATURE) and name != FEATURE)


def check_property(name: str) -> None:
    """Raise unless a name is that of a property.

    Raises:
        UnknownNameError: listing the properties.
    """
    if not is_property(name):
        raise UnknownNameError("word label", name, [*PROPERTIES, f"{FEATURE}NAME"])


def word_labels(sentence: Sentence, name: str) -> Labels:
    """The labels of a sentence's words.

    Raises:
        UnknownNameError: listing the properties.
    """
    check_property(name)
    if name in PROPERTIES:
        return PROPERTIES[name](sentence)
    feature = name.removeprefix(FEATURE)
    found = tuple(_features(one).get(feature, "") for one in sentence.feats)
    return found if any(found) else ()


def properties_of(sentences: Iterable[Sentence]) -> list[str]:
    """The properties that at least one word of a corpus has; features come last, by name."""
    there: set[str] = set()
    features: set[str] = set()
    for sentence in sentences:
        there |= {name for name, labels in PROPERTIES.items() if any(labels(sentence))}
        features |= {name for one in sentence.feats for name in _features(one)}
    return [name for name in PROPERTIES if name in there] + [
        f"{FEATURE}{name}" for name in sorted(features)
    ]


@lru_cache(maxsize=2**14)
def _features(text: str) -> Mapping[str, str]:
    """Feature -> value of one word, parsed from `Case=Nom|Number=Sing`."""
    pairs = (pair.partition("=") for pair in text.split("|") if pair)
    return {name: value for name, _, value in pairs}
