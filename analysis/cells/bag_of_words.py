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


def _options(fit: tuple[Example, ...], *others: tuple[Example, ...]) -> list[Any]:
    """Sparse counts [N x K, 3V] of each part, one line per option of each question.

    The words of the option, and those that it shares with the context and with the question, are
    counted separately; the V words are those of the first part.
    """
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(token_pattern=r"(?u)\w+|[^\w\s]")
    vectorizer.fit([text for one in fit for text in (*one.texts(), *one.options)])
    found = []
    for part in (fit, *others):
        options = vectorizer.transform([option for one in part for option in one.options])
        read = [[one.texts()[place] for one in part for _ in one.options] for place in (0, 1)]
        context, question = (vectorizer.transform(texts) for texts in read)
        shared = options.minimum(context), options.minimum(question)
        found.append(hstack([options, *shared]).tocsr())
    return found


def _of_options(parts: TaskParts) -> npt.NDArray[np.float64]:
    """Log odds that each option of the reported questions is the right one [N, K]."""
    K = parts.spec.choices
    train, report = _options(parts.train, parts.report)
    right = [place == one.label for one in parts.train for place in range(K)]
    found = log_probabilities(train, np.array(right, dtype=np.int64), report, 2)
    return (found[:, 1] - found[:, 0]).reshape(-1, K)


def bag_of_words(parts: TaskParts) -> Evaluation:
    """Scores of a bag of words on the reported examples.

    Classes: multinomial logistic regression (scikit-learn, L2, C = 1) on counts of lower-cased
    words and punctuation marks; numbers: ridge regression. Multiple choice: whether an option is
    right, from its words and those that it shares with context and question; the option with the
    highest probability is chosen. Nothing is tuned.

    Args:
        parts: the task; the model is trained on `train` and scored on `report`.

    Returns:
        Its predictions for `parts.report`; for classes, log probabilities [N, K]; for options, log
        odds [N, K].
    """
    from sklearn.linear_model import Ridge

    spec = parts.spec
    wanted = np.array([example.label for example in parts.train])
    labels = np.array([example.label for example in parts.report])
    logits: npt.NDArray[np.float64]
    if spec.choices:
        logits = _of_options(parts)
    elif spec.regression:
        train, report = _counts(parts.train, parts.report)
        fitted = Ridge(alpha=1.0).fit(train.astype(float), wanted.astype(float))
        logits = np.asarray(fitted.predict(report), dtype=np.float64)[:, None]
    else:
        train, report = _counts(parts.train, parts.report)
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
