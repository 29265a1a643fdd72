"""What kinds of word there are: part of speech, relation, entity, and place in the tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ...data.sentences.relations import main_relation
from ...data.sentences.sentence import ROOT, Sentence
from ...data.sentences.word_groups import word_groups

Kind = tuple[str, str]
"""Way of sorting words, such as `upos`, and a kind of that way, such as `NOUN`."""

NO_ENTITY = "none"
_DEEPEST, _NEAR, _FAR = 4, 3, 6


def depths(sentence: Sentence) -> list[int]:
    """Number of arcs from each word to the root [W]; empty without heads."""
    found = []
    for word in range(len(sentence.heads)):
        arcs = 0
        while (word := sentence.heads[word]) != ROOT:
            arcs += 1
        found.append(arcs)
    return found


def _depths(sentence: Sentence) -> list[str]:
    """Arcs from each word to the root [W]; those from 4 on are one kind."""
    return [str(n) if n < _DEEPEST else f"{_DEEPEST}+" for n in depths(sentence)]


def _root_distances(sentence: Sentence) -> list[str]:
    """Words from each word to the root, along the sentence [W]: 0 is the root itself."""
    if not sentence.heads:
        return []
    root = sentence.heads.index(ROOT)
    away = [abs(word - root) for word in range(len(sentence.heads))]
    return [
        str(one) if one < _NEAR else f"{_NEAR}-{_FAR - 1}" if one < _FAR else f"{_FAR}+"
        for one in away
    ]


WAYS: Mapping[str, Callable[[Sentence], Sequence[str]]] = {
    "upos": lambda sentence: sentence.upos,
    "deprel": lambda sentence: [main_relation(one) for one in sentence.deprels],
    "entity": lambda sentence: [tag.partition("-")[2] or NO_ENTITY for tag in sentence.entities],
    "depth": _depths,
    "root_distance": _root_distances,
}
"""Way -> the kind of each word [W]; empty where the sentence does not say."""

Marked = dict[str, list[str]]
"""Way -> the kind of each word of an example; a way that a sentence of it lacks is left out."""


def marked(sentences: Sequence[Sentence]) -> Marked:
    """The kinds of all words of one or two sentences in a row."""
    found: Marked = {}
    for way, kinds in WAYS.items():
        each = [list(kinds(sentence)) for sentence in sentences]
        if all(len(one) == len(s.words) for one, s in zip(each, sentences, strict=True)):
            found[way] = [kind for one in each for kind in one]
    return found


def kinds_among(examples: Sequence[Marked]) -> list[Kind]:
    """Every kind that a word of the examples is of, by way and name."""
    return [
        (way, kind)
        for way in WAYS
        for kind in sorted({kind for one in examples for kind in one.get(way, ())})
    ]


def members_of(
    sentences: Sequence[Sentence], words: Marked, kinds: Sequence[Kind]
) -> npt.NDArray[np.bool_]:
    """Which words are in which group and of which kind [G + len(kinds), W]."""
    W = sum(len(sentence.words) for sentence in sentences)
    columns = [
        np.array([one == kind for one in words.get(way, [""] * W)], dtype=np.bool_)
        for way, kind in kinds
    ]
    return np.concatenate([word_groups(sentences), *(one[None] for one in columns)])
