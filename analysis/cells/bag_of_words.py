"""The bag-of-words baseline: a linear model, trained on the same examples as the encoder."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...data.sentences.sentence import Example
from ...data.tasks.metrics import score
from ...data.tasks.task import TaskParts
from ...models.training.evaluate import Evaluation
from ..artefacts.linear import log_probabilities

NAME = "bag-of-words"


def _counts(fit: tuple[Example, ...], *others: tuple[Example, ...]) -> list[Any]:
    """Sparse word counts [N, V] of each part; the V words are those of the first part.

    In pairs, the words of each sentence and the words of both sentences are counted separately.
    """
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(token_pattern=r"(?u)\w+|[^\w\s]")
    vectorizer.fit([text for example in fit for text in example.texts()])
    found = []
    for part in (fit, *others):
        first = vectorizer.transform([example.texts()[0] for example in part])
        if not any(example.second is not None for example in fit):
            found.append(first)
            continue
        second = vectorizer.transform([example.texts()[-1] for example in part])
        found.append(hstack([first, second, first.minimum(second)]).tocsr())
    return found


def bag_of_words(parts: TaskParts) -> Evaluation:
    """Scores of a bag of words on the reported examples.

    Classes: multinomial logistic regression (scikit-learn, L2, C = 1) on counts of lower-cased
    words and punctuation marks; numbers: ridge regression. Nothing is tuned.

    Args:
        parts: the task; the model is trained on `train` and scored on `report`.

    Returns:
        Its predictions for `parts.report`; for classes, log probabilities [N, K].
    """
    from sklearn.linear_model import Ridge

    spec = parts.spec
    train, report = _counts(parts.train, parts.report)
    wanted = np.array([example.label for example in parts.train])
    labels = np.array([example.label for example in parts.report])
    logits: npt.NDArray[np.float64]
    if spec.regression:
        fitted = Ridge(alpha=1.0).fit(train.astype(float), wanted.astype(float))
        logits = np.asarray(fitted.predict(report), dtype=np.float64)[:, None]
    else:
        logits = log_probabilities(train, wanted, report, spec.num_labels)
    predictions = logits[:, 0] if spec.regression else logits.argmax(axis=1)
    return Evaluation(
        spec=spec,
        ids=tuple(example.id for example in parts.report),
        logits=logits,
        labels=labels,
        metrics=score(spec, predictions, labels),
        n_truncated=0,
        clusters=tuple(example.cluster for example in parts.report),
    )
