"""What `evaluate` adds to the scores of a model: metrics by label and calibration."""

from __future__ import annotations

from functools import partial

from ...data.tasks.task import TaskSpec
from ..calibration.binned import BINS
from ..calibration.rows import calibration_rows
from ..labels.classes import check_classes
from ..labels.rows import label_rows
from .training import MoreRows


def further_rows(
    spec: TaskSpec, *, by_label: bool = False, calibration: bool = False, bins: int = BINS
) -> list[MoreRows]:
    """What makes the rows that were requested.

    Args:
        spec: the task.
        by_label: whether metrics of each class are added.
        calibration: whether calibration is.
        bins: number of bins of confidence.

    Raises:
        InputError: if the task has no classes.
    """
    found: list[MoreRows] = []
    if by_label:
        check_classes(spec, "`by_label`")
        found.append(label_rows)
    if calibration:
        check_classes(spec, "`calibration`")
        found.append(partial(calibration_rows, bins=bins))
    return found
