"""The nearest words in a space of word vectors."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
_AT_ONCE = 2**24
"""Cosines in memory at a time."""


@dataclass(frozen=True)
class VectorSpace:
    """Words and their vectors.

    Attributes:
        words: V different words.
        numbers: their vectors [V, D].
    """

    words: Sequence[str]
    numbers: Floats

    def nearest(
        self, words: Collection[str], *, count: int, min_cosine: float
    ) -> Mapping[str, tuple[str, ...]]:
        """Word -> the words with the most similar vectors, the nearest first, of equal ones the
        first in the space. A word without a vector, or with the vector 0, has none and is none.

        Args:
            words: as they stand in the space.
            count: maximum number of neighbours, the word itself not counted.
            min_cosine: their minimum cosine similarity.
        """
        row = {word: place for place, word in enumerate(self.words)}
        unit = unit_vectors(self.numbers)
        without = np.asarray(~unit.any(axis=1))
        asked = [word for word in dict.fromkeys(words) if word in row and not without[row[word]]]
        found: dict[str, tuple[str, ...]] = {}
        step = max(1, _AT_ONCE // max(1, len(self.words)))
        for start in range(0, len(asked), step):
            block = asked[start : start + step]
            cosines = unit[[row[word] for word in block]] @ unit.T
            for word, own in zip(block, cosines, strict=True):
                own[row[word]] = -np.inf
                own[without] = -np.inf
                near = np.flatnonzero(own >= min_cosine)
                best = near[np.argsort(-own[near], kind="stable")][:count]
                found[word] = tuple(self.words[place] for place in best.tolist())
        return found


def unit_vectors(numbers: Floats) -> Floats:
    """Vectors of length 1 [V, D]; a vector of zeros stays."""
    length = np.linalg.norm(numbers, axis=1, keepdims=True)
    return np.asarray(numbers / np.where(length == 0, 1, length), dtype=np.float32)
