"""Scores of one evaluated model as tidy rows, each with its interval and named baseline."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ...data.masking.unigram import NAME as UNIGRAM
from ...data.tasks.metrics import baseline_of, majority
from ...data.tasks.task import TaskParts
from ...models.training.evaluate import Evaluation
from ..flags import DIVERGED
from ..statistics.clusters import count_of, units_of
from ..statistics.uncertainty import bootstrap_interval


def performance_rows(evaluation: Evaluation, parts: TaskParts) -> pd.DataFrame:
    """One row for each metric of the task, the primary one first.

    Args:
        evaluation: predictions on `parts.report`, whose clusters are resampled for intervals.
        parts: the task; the majority class, or the unigram model, is that of `parts.train`.

    Returns:
        Rows without the columns that name the model, seed and mask; flagged `diverged` if a
        prediction is not finite.
    """
    spec = parts.spec
    labels = evaluation.labels
    if evaluation.pieces is not None:
        baseline, chance = UNIGRAM, evaluation.pieces.unigram(parts.train)
        units = units_of(evaluation.clusters)
    else:
        baseline = baseline_of(spec)
        chance = majority(spec, [example.label for example in parts.train], labels)
        units = units_of([example.cluster for example in parts.report])
    records: list[dict[str, Any]] = []
    for metric in spec.metrics:
        interval = bootstrap_interval(
            metric, evaluation.read_by(metric), evaluation.labels, units=units
        )
        records.append(
            {
                "metric": metric,
                "value": evaluation.metrics[metric],
                "ci_low": interval.low,
                "ci_high": interval.high,
                "ci_method": interval.method,
                "n": len(labels),
                "n_clusters": count_of(units),
                "n_dropped": parts.n_unreadable,
                "baseline": baseline,
                "baseline_value": chance[metric],
            }
        )
    rows = pd.DataFrame(records).assign(
        probe="performance", unit="model", corpus=spec.name, split=parts.report_name
    )
    return rows.assign(flag=DIVERGED) if evaluation.n_undefined else rows


def lowest(value: float, ci_low: float | None) -> float:
    """The lower limit of a score, or the score itself where it has no interval."""
    return float(value if ci_low is None or pd.isna(ci_low) else ci_low)
