"""Random labels that do not even depend on the word, so that they cannot be compressed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .layer_probes import Ints


def labels_by_word(words: int, classes: int, seed: Sequence[int]) -> Ints:
    """A random class for each of the words, each of the K classes with equal chance."""
    return np.random.default_rng(seed).integers(classes, size=words)
