"""The scores of one evaluated model by label, as tidy rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ...data.tasks.task import TaskParts
from ..statistics.clusters import Units, count_of, units_of
from ..statistics.uncertainty import Floats
from .by_label import by_label
from .classes import check_classes

if TYPE_CHECKING:
    from ...models.training.evaluate import Evaluation

PROBE = "labels"
SUPPORT = "support"


@dataclass(frozen=True)
class OneModel:
    """Predictions of one model (see `Said`), D = 1."""

    ids: tuple[str, ...]
    gold: Floats
    predictions: Floats
    units: Units


def label_rows(evaluation: Evaluation, parts: TaskParts) -> pd.DataFrame:
    """Precision, recall, F1 and support of each class of the task.

    Args:
        evaluation: predictions on `parts.report`.
        parts: the task.

    Raises:
        InputError: if the task has no classes.
    """
    spec = parts.spec
    check_classes(spec, "metrics by label")
    gold = evaluation.labels.astype(np.float64)
    units = units_of(evaluation.clusters or [None] * len(gold))
    said = OneModel(
        evaluation.ids, gold, evaluation.predictions[:, None].astype(np.float64), units
    )  # fmt: skip
    lines = pd.DataFrame(by_label({0: said}, spec.labels))
    counts = lines.drop_duplicates("target")
    support = pd.DataFrame(
        {"target": counts["target"], "metric": SUPPORT, "value": counts["support"].astype(float),
         "n": len(gold), "n_clusters": count_of(units)}
    )  # fmt: skip
    rows = pd.concat([lines.drop(columns="support"), support], ignore_index=True)
    return rows.assign(probe=PROBE, unit="model", corpus=spec.name, split=parts.report_name)
