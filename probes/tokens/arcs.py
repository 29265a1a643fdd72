"""Arcs as pairs of words: the true head or a random other word, and relations (Liu et al. 2019)."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ...data.sentences.sentence import ROOT, Sentence
from ..states.word_states import WordStates
from .questions import Labelled

NO, YES = "other", "head"
"""Labels of arc prediction."""

AttachedTo = Callable[[str, int, tuple[int, ...]], tuple[int, tuple[int, ...]]]


@dataclass(frozen=True)
class TextArcs:
    """The arcs of a text that have states at both ends.

    Attributes:
        text: its number.
        sentence: whose tree it is.
        row: place of each word with a state -> its row, rising.
        dependents: places of A words whose heads are kept.
        lost: arcs with an end that is cut off.
    """

    text: int
    sentence: Sentence
    row: Mapping[int, int]
    dependents: tuple[int, ...]
    lost: int


def text_arcs(states: WordStates) -> Iterator[TextArcs]:
    """The arcs of each text that has a tree; roots have none."""
    for text in range(len(states.examples)):
        sentence = states.sentence(text)
        if not sentence.heads:
            continue
        row = {
            place: int(states.offsets[text]) + k
            for k, place in enumerate(states.places(text).tolist())
            if place >= 0
        }
        every = [place for place, head in enumerate(sentence.heads) if head != ROOT]
        own = tuple(place for place in every if {place, sentence.heads[place]} <= row.keys())
        yield TextArcs(text, sentence, row, own, len(every) - len(own))


def arc_labels(states: WordStates) -> Labelled:
    """The relation of each word to its head, asked of the pair [dependent, head]."""
    rows: list[list[int]] = [[], [], []]
    labels, lost = list[str](), 0
    for arcs in text_arcs(states):
        lost += arcs.lost
        if not arcs.sentence.deprels:
            continue
        rows[0] += [arcs.row[place] for place in arcs.dependents]
        rows[1] += [arcs.row[arcs.sentence.heads[place]] for place in arcs.dependents]
        rows[2] += [arcs.text] * len(arcs.dependents)
        labels += [arcs.sentence.deprels[place] for place in arcs.dependents]
    first, second, text = (np.array(one, dtype=np.int64) for one in rows)
    return Labelled(first, second, np.array(labels, dtype=np.str_), text, lost)


def arc_pairs(states: WordStates, seed: int) -> Labelled:
    """Each word with its head, and with one random word that is neither: two cases per arc.

    Negatives are drawn in every part, so that chance is one half. A sentence of two words has none,
    and its arc is lost.

    Args:
        states: of a part.
        seed: of the negatives; those of a sentence depend on it and on the sentence's id alone.
    """
    pairs, lost = _Pairs(), 0
    for arcs in text_arcs(states):
        lost += arcs.lost
        if len(arcs.row) < 3:
            lost += len(arcs.dependents)
            continue
        draw = drawing(seed, arcs.sentence)
        for place in arcs.dependents:
            head = arcs.sentence.heads[place]
            pairs.add(arcs, place, head, another(arcs.row, {place, head}, draw))
    return pairs.labelled(lost)


class _Pairs:
    """Pairs of words, each true one followed by a random one."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, int]] = []

    def add(self, arcs: TextArcs, word: int, head: int, other: int) -> None:
        """A word with its head and with another word, by their places."""
        self._rows += [(arcs.row[word], arcs.row[one], arcs.text) for one in (head, other)]

    def labelled(self, lost: int) -> Labelled:
        """All of them."""
        first, second, text = np.array(self._rows, dtype=np.int64).reshape(-1, 3).T
        labels = np.tile([YES, NO], len(first) // 2)
        return Labelled(first, second, labels, text, lost)


def attached_pairs(states: WordStates, seed: int, attached_to: AttachedTo) -> Labelled:
    """The words of `arc_pairs` in the same order, with other heads.

    The other word of a pair is one of those that the word could have been attached to: a random
    word would be told from an end of the sentence by its place alone.

    Args:
        states: of a part.
        seed: as in `arc_pairs`.
        attached_to: gives the place that a word at a place is attached to, and the others that it
            could have been attached to, at least one.
    """
    pairs = _Pairs()
    for arcs in text_arcs(states):
        if len(arcs.row) < 3:
            continue
        draw = drawing(seed, arcs.sentence)
        for place in arcs.dependents:
            head, others = attached_to(arcs.sentence.words[place], place, tuple(arcs.row))
            pairs.add(arcs, place, head, another(others, {head}, draw))
    return pairs.labelled(0)


def drawing(seed: int, sentence: Sentence) -> np.random.Generator:
    """Random numbers of a sentence, whatever corpus it is in."""
    return np.random.default_rng([seed, zlib.crc32(sentence.id.encode())])


def another(kept: Iterable[int], taken: set[int], draw: np.random.Generator) -> int:
    """A random place that is not taken."""
    free = [place for place in kept if place not in taken]
    return free[int(draw.integers(len(free)))]
