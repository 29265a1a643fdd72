"""The calibration of one evaluated model as tidy rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...data.tasks.task import TaskParts
from ..statistics.clusters import count_of
from ..statistics.uncertainty import Floats
from .binned import BINS, BRIER, NLL
from .curve import reliability
from .forecasts import forecasts_of
from .summary import CALIBRATED, Measured, resampled_measures, summed

if TYPE_CHECKING:
    from ...models.training.evaluate import Evaluation

PROBE = "calibration"
SHARES = "class shares"
"""The baseline of Brier score and likelihood: the class shares of train, whatever the text."""
BIN_ACCURACY, CONFIDENCE = "bin_accuracy", "confidence"


def calibration_rows(evaluation: Evaluation, parts: TaskParts, *, bins: int = BINS) -> pd.DataFrame:
    """One row for each calibration measure, and one for each bin of the reliability curve.

    The accuracy of a bin has the mean confidence of its predictions as baseline.

    Args:
        evaluation: predictions on `parts.report`.
        parts: the task.
        bins: number of bins of confidence.

    Raises:
        InputError: if the task has no classes.
    """
    found = forecasts_of(evaluation)
    shares = class_shares([int(example.label or 0) for example in parts.train],
                          len(parts.spec.labels))  # fmt: skip
    chance = constant_forecast(shares, evaluation.labels.astype(int))
    records: list[dict[str, Any]] = [
        {
            "metric": one.metric, "value": one.value, "ci_low": one.low, "ci_high": one.high,
            "ci_method": one.method, "n": len(found.ids), "n_clusters": count_of(found.units),
            "p_value": one.p_value, **baseline_of(one, chance),
        }
        for one in summed(resampled_measures({0: found}, bins=bins))
    ]  # fmt: skip
    records += [
        {
            "metric": BIN_ACCURACY, "target": bin_name(line["bin_low"], line["bin_high"]),
            "baseline": CONFIDENCE, "baseline_value": line["confidence"],
            **{name: line[name] for name in ("value", "ci_low", "ci_high", "ci_method", "n",
                                             "n_clusters")},
        }
        for line in reliability({0: found}, bins=bins)
    ]  # fmt: skip
    return pd.DataFrame(records).assign(
        probe=PROBE, unit="model", variant=f"bins={bins}", corpus=parts.spec.name,
        split=parts.report_name,
    )  # fmt: skip


def bin_name(low: float, high: float) -> str:
    """A bin of confidence, `.933 to 1.000`; its lower limit is outside, its upper one inside."""
    return f"{low:.3f} to {high:.3f}"


def class_shares(labels: list[int], n_classes: int) -> Floats:
    """The share of each class among labels [K]."""
    return np.bincount(labels, minlength=n_classes) / len(labels)


def constant_forecast(shares: Floats, gold: Any) -> dict[str, float]:
    """Brier score and negative log-likelihood of forecasting class shares for every example.

    The likelihood is infinite, here NaN, if an example has a class without a share.
    """
    held = shares[gold]
    with np.errstate(divide="ignore"):
        nll = float(-np.log(held).mean())
    brier = float((shares**2).sum() - 2 * held.mean() + 1)
    return {BRIER: brier, NLL: nll if np.isfinite(nll) else float("nan")}


def baseline_of(one: Measured, chance: dict[str, float]) -> dict[str, Any]:
    """The columns about the baseline of a measure."""
    if np.isfinite(one.calibrated):
        return {"baseline": CALIBRATED, "baseline_value": one.calibrated}
    if one.metric in chance:
        return {"baseline": SHARES, "baseline_value": chance[one.metric]}
    return {}
