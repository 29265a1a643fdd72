"""Scores of predictions, and of the majority baseline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError, UnknownNameError
from .task import TaskSpec

Values = Sequence[Any] | npt.NDArray[Any]
"""N class ids or N numbers."""


def _accuracy(predictions: npt.NDArray[Any], labels: npt.NDArray[Any]) -> float:
    return float((predictions == labels).mean())


def _f1(predictions: npt.NDArray[Any], labels: npt.NDArray[Any]) -> float:
    """F1 of class 1, the positive class of GLUE's pair tasks; 0 if there are no true positives."""
    both = float(((predictions == 1) & (labels == 1)).sum())
    named = float((predictions == 1).sum() + (labels == 1).sum())
    return 2 * both / named if named else 0.0


def _matthews(predictions: npt.NDArray[Any], labels: npt.NDArray[Any]) -> float:
    """Matthews correlation over K classes (Gorodkin 2004); 0 if one of the sides is constant."""
    n = len(labels)
    K = int(max(predictions.max(), labels.max())) + 1
    predicted = np.bincount(predictions, minlength=K).astype(np.float64)
    true = np.bincount(labels, minlength=K).astype(np.float64)
    agreement = float((predictions == labels).sum()) * n - predicted @ true
    spread = (n**2 - predicted @ predicted) * (n**2 - true @ true)
    return float(agreement / np.sqrt(spread)) if spread else 0.0


def _correlation(measure: str, predictions: npt.NDArray[Any], labels: npt.NDArray[Any]) -> float:
    """A correlation of predictions and labels; 0 if either are constant."""
    from scipy import stats

    if np.ptp(predictions) == 0 or np.ptp(labels) == 0:
        return 0.0
    return float(getattr(stats, measure)(predictions, labels).statistic)


def _pearson(predictions: npt.NDArray[Any], labels: npt.NDArray[Any]) -> float:
    return _correlation("pearsonr", predictions, labels)


def _spearman(predictions: npt.NDArray[Any], labels: npt.NDArray[Any]) -> float:
    return _correlation("spearmanr", predictions, labels)


def _pearson_spearman(predictions: npt.NDArray[Any], labels: npt.NDArray[Any]) -> float:
    return (_pearson(predictions, labels) + _spearman(predictions, labels)) / 2


METRICS: Mapping[str, Callable[[npt.NDArray[Any], npt.NDArray[Any]], float]] = {
    "accuracy": _accuracy,
    "f1": _f1,
    "matthews": _matthews,
    "pearson": _pearson,
    "spearman": _spearman,
    "pearson_spearman": _pearson_spearman,
}
"""Metric name -> function of predictions [N] and labels [N].

1 is perfect; constant predictions get 0 or the share of their class.
"""

BITS = "bits"
"""Loss of a masked task: mean of -log2 p of the masked pieces; lower is better."""


def score(spec: TaskSpec, predictions: Values, labels: Values) -> dict[str, float]:
    """Compute every metric of a task.

    Args:
        spec: the task, which names the metrics.
        predictions: class ids or numbers [N].
        labels: gold class ids or numbers [N].

    Returns:
        Metric -> value, the primary metric first.

    Raises:
        InputError: if there are no predictions or the lengths differ.
        UnknownNameError: if the task names a metric that does not exist.
    """
    predicted, gold = np.asarray(predictions), np.asarray(labels)
    if not len(gold) or predicted.shape != gold.shape:
        raise InputError(f"{len(predicted)} predictions for {len(gold)} labels of {spec.name}")
    for metric in spec.metrics:
        if metric not in METRICS:
            raise UnknownNameError("metric", metric, METRICS)
    return {metric: METRICS[metric](predicted, gold) for metric in spec.metrics}


def majority(spec: TaskSpec, train_labels: Values, report_labels: Values) -> dict[str, float]:
    """Scores of the majority baseline, which always predicts the most frequent class of train.

    Of multiple-choice questions, whose options have no order, it is the accuracy of guessing, 1/K.
    In regression it predicts the mean of train. Of equally frequent classes, the lowest id is used.
    """
    train = np.asarray(train_labels)
    if not len(train):
        raise InputError(f"no training labels of {spec.name} to take a majority of")
    if spec.choices:
        return {"accuracy": 1 / spec.choices}
    constant = train.mean() if spec.regression else np.bincount(train).argmax()
    return score(spec, np.full(len(report_labels), constant), report_labels)


def baseline_of(spec: TaskSpec) -> str:
    """Name of the baseline that `majority` computes: `mean`, `chance` or `majority`."""
    return "mean" if spec.regression else "chance" if spec.choices else "majority"


def predictions_of(spec: TaskSpec, logits: npt.ArrayLike, metric: str = "") -> npt.NDArray[Any]:
    """Class ids (int64), or numbers (float64) in regression, of logits [N, K].

    Of a masked task, [P, 2] says of each masked piece whether the most probable piece is right, and
    log2 of the probability of the right one: the predictions are 1 (right) or 0, the labels 1. The
    metric `bits` reads -log2 of the probability instead.
    """
    values = np.asarray(logits)
    if spec.masked:
        return -values[:, 1] if metric == BITS else np.asarray(values[:, 0], dtype=np.int64)
    if spec.regression:
        return np.asarray(values.reshape(len(values), -1)[:, 0], dtype=np.float64)
    return np.asarray(values.argmax(axis=1), dtype=np.int64)


def scores_of(spec: TaskSpec, logits: npt.ArrayLike, labels: Values) -> dict[str, float]:
    """Every metric of a task, from logits [N, K] (see `predictions_of`) and labels [N].

    Raises:
        InputError, UnknownNameError: as `score`.
    """
    found: dict[str, float] = {}
    for metric in spec.metrics:
        predictions = predictions_of(spec, logits, metric)
        if metric == BITS:
            found[metric] = float(predictions.mean())
        else:
            found |= score(replace(spec, metrics=(metric,)), predictions, labels)
    return found
