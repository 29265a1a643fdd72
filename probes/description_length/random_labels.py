"""Labels that say nothing of the language: what a code of them costs is what memory costs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..learning.word_classes import WordClasses
from .layer_probes import Ints


def labels_by_type(forms: Sequence[str], classes: WordClasses, seed: int) -> dict[str, int]:
    """One random class for each word form, everywhere the same (Hewitt & Liang 2019).

    It is drawn from the shares of the classes in the training part.

    Args:
        forms: words of all parts.
        classes: K classes.
        seed: of the draw.
    """
    types = sorted(set(forms))
    drawn = np.random.default_rng(seed).choice(len(classes.names), len(types), p=classes.shares)
    return dict(zip(types, drawn.tolist(), strict=True))


def labels_by_word(words: int, classes: int, seed: Sequence[int]) -> Ints:
    """A random class for each of the words, each of the K classes with equal chance."""
    return np.random.default_rng(seed).integers(classes, size=words)
