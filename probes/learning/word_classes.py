"""A property of words as class numbers: its classes, and the class of each word with a state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...data.errors import InputError
from ...data.sentences.word_labels import word_labels
from ..states.word_states import WordStates

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class WordClasses:
    """The K labels that occur in a part of a corpus.

    Attributes:
        names: in alphabetical order [K].
        counts: words with each of them [K].
    """

    names: tuple[str, ...]
    counts: tuple[int, ...]

    @classmethod
    def of(cls, labels: Sequence[str], name: str, *, where: str) -> WordClasses:
        """The classes of some words.

        Args:
            labels: label of each word, empty = none.
            name: of the property, for errors.
            where: who asks.

        Raises:
            InputError: if no word has a label, or all have the same.
        """
        counted = Counter(label for label in labels if label)
        if len(counted) < 2:
            found = (
                f"all words have the label {next(iter(counted))!r}"
                if counted
                else "no word is labelled"
            )
            raise InputError(
                f"the training part needs at least two labels of {name}: {found}",
                where=where,
                remedy="name another property, or a treebank that is annotated with it",
            )
        names = tuple(sorted(counted))
        return cls(names, tuple(counted[one] for one in names))

    def numbers(self, labels: Sequence[str]) -> Ints:
        """Class of each word [T]; -1 where it has no label or one that is none of these."""
        place = {name: number for number, name in enumerate(self.names)}
        return np.array([place.get(label, -1) for label in labels], dtype=np.int64)

    def known_numbers(self, labels: Sequence[str], name: str, part: str, *, where: str) -> Ints:
        """Class of each word of another part [T]; -1 as in `numbers`.

        Args:
            labels: label of each word.
            name: of the property, for errors.
            part: `dev` or `test`, for errors.
            where: who asks.

        Raises:
            InputError: if no word has one of these labels.
        """
        found = self.numbers(labels)
        if not (found >= 0).any():
            raise InputError(
                f"no word of the {part} part has a label of {name} that occurs in the training "
                "part",
                where=where,
                remedy="name a larger or annotated part",
            )
        return found

    @property
    def shares(self) -> npt.NDArray[np.float64]:
        """Share of each class among the words [K]."""
        counts = np.array(self.counts, dtype=np.float64)
        return np.asarray(counts / counts.sum())


def entropy_of(counts: npt.NDArray[np.int64] | Sequence[int]) -> float:
    """Entropy in bits of classes with these counts."""
    met = np.array([count for count in counts if count], dtype=np.float64)
    shares = met / met.sum()
    return float(-(shares * np.log2(shares)).sum())


def labels_of(states: WordStates, name: str) -> list[str]:
    """The label of each of the T words that have a state; empty where there is none.

    Raises:
        UnknownNameError: if there is no such property.
    """
    found: list[str] = []
    for text in range(len(states.examples)):
        labels = word_labels(states.sentence(text), name)
        found += [
            labels[place] if labels and place >= 0 else "" for place in states.places(text).tolist()
        ]
    return found


def forms_of(states: WordStates) -> list[str]:
    """Each of the T words as it is written; empty for a word of a second sentence."""
    found: list[str] = []
    for text in range(len(states.examples)):
        words = states.sentence(text).words
        found += [words[place] if place >= 0 else "" for place in states.places(text).tolist()]
    return found
