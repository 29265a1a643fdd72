"""Linear classifiers of counted words and n-grams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...data.errors import DataFileError

Floats = npt.NDArray[np.float64]

WORD = r"[^\W_]+(?:['’][^\W_]+)*"
"""A word: letters and digits, with apostrophes inside."""
SMALLEST = -50.0
"""Log probability of a class that training never saw, and the lowest of any class."""


def log_probabilities(
    train: Any, labels: npt.NDArray[np.int64], others: Any, num_labels: int
) -> Floats:
    """Log probabilities [M, K] by multinomial logistic regression (scikit-learn, L2, C = 1).

    Args:
        train: counts of the N training examples [N, V].
        labels: their class ids [N].
        others: counts of the M examples to classify [M, V].
        num_labels: K.
    """
    from sklearn.linear_model import LogisticRegression

    found = np.full((others.shape[0], num_labels), SMALLEST)
    seen = np.unique(labels)
    if len(seen) == 1:
        found[:, seen] = 0.0
    else:
        model = LogisticRegression(max_iter=2000).fit(train, labels)
        found[:, model.classes_] = np.maximum(model.predict_log_proba(others), SMALLEST)
    return found


def ngram_counts(train: Sequence[tuple[str, ...]], *others: Sequence[tuple[str, ...]]) -> list[Any]:
    """Sparse counts of lower-cased uni- and bigrams; each text of a pair has columns of its own.

    Args:
        train: the texts of each example; their n-grams are the V columns.
        others: further examples with as many texts.

    Returns:
        One matrix [N, V] for `train` and each of `others`.

    Raises:
        DataFileError: if no training text has a word.
    """
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import CountVectorizer

    columns: list[list[Any]] = [[] for _ in (train, *others)]
    for place in range(len(train[0])):
        vectorizer = CountVectorizer(token_pattern=WORD, ngram_range=(1, 2))
        try:
            vectorizer.fit(texts[place] for texts in train)
        except ValueError:  # scikit-learn refuses an empty vocabulary
            continue
        for found, part in zip(columns, (train, *others), strict=True):
            found.append(vectorizer.transform(texts[place] for texts in part))
    if not columns[0]:
        raise DataFileError("no training text contains a word", remedy="check the text columns")
    return [hstack(found).tocsr() for found in columns]
