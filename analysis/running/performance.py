"""Scores of one evaluated model as tidy rows, with interval and majority beside each."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ...data.metrics import majority
from ...data.task import TaskParts
from ...pruning.evaluate import Evaluation
from ..flags import DIVERGED
from ..statistics.uncertainty import bootstrap_interval


def performance_rows(evaluation: Evaluation, parts: TaskParts) -> pd.DataFrame:
    """One row for each metric of the task, the primary one first.

    Args:
        evaluation: predictions on `parts.report`.
        parts: the task; the majority class is that of `parts.train`.

    Returns:
        Rows without the columns that name the model, seed and mask; flagged `diverged` if the
        model gave no finite number for some examples.
    """
    spec = parts.spec
    labels = [example.label for example in parts.report]
    chance = majority(spec, [example.label for example in parts.train], labels)
    records: list[dict[str, Any]] = []
    for metric in spec.metrics:
        interval = bootstrap_interval(metric, evaluation.predictions, evaluation.labels)
        records.append(
            {
                "metric": metric,
                "value": evaluation.metrics[metric],
                "ci_low": interval.low,
                "ci_high": interval.high,
                "ci_method": interval.method,
                "n": len(labels),
                "n_dropped": 0,
                "baseline": "mean" if spec.regression else "majority",
                "baseline_value": chance[metric],
            }
        )
    rows = pd.DataFrame(records).assign(
        probe="performance", unit="model", corpus=spec.name, split=parts.report_name
    )
    return rows.assign(flag=DIVERGED) if evaluation.n_undefined else rows
