"""What the columns of metrics by label, calibration and the reliability curve mean."""

from __future__ import annotations

from ..summary.kinds import KINDS, STATES
from .columns import Column

_METRIC, _SHARE = "unit of the metric", "share"
_MEAN = "mean over seeds of the mean over draws"
_WHO = {
    "kind": Column("text", "which subnetwork", allowed=KINDS),
    "state": Column("text", "which weights it has", allowed=STATES),
    "value": Column("number", _MEAN, _METRIC),
    "n": Column("integer", "examples that the line rests on", "examples"),
    "n_clusters": Column("integer", "independent units of these examples", "units"),
    "n_seeds": Column("integer", "seeds that the line rests on", "seeds"),
    "n_draws": Column("integer", "draws of the seed with the fewest", "draws"),
}
LABELS: dict[str, Column] = {
    **_WHO,
    "target": Column("text", "the class"),
    "metric": Column("text", "name of the score", allowed=("precision", "recall", "f1")),
    "support": Column("integer", "examples of the class", "examples"),
    "baseline": Column(
        "text", "`independent predictions`: each class as often as predicted, whatever the text"
    ),
}
CALIBRATION: dict[str, Column] = {
    **_WHO,
    "metric": Column(
        "text",
        "`ece`: expected calibration error in bins of equal width; `ece_debiased`: without its "
        "estimated bias; `ece_adaptive`: in bins of equal mass; `mce`: largest error of a bin; "
        "`brier`: squared error of the probabilities, summed over classes; `nll`: negative "
        "log-likelihood in nats; `overconfidence`: mean confidence minus accuracy",
    ),
    "baseline": Column(
        "text",
        "`calibrated model`: errors of a calibrated model with the same confidences, mean; `class "
        "shares`: the shares of train forecast for every example",
    ),
    "p_value": Column("number", "test of the null that the model is calibrated", "probability"),
    "family_size": Column("integer", "tests of the task", "tests"),
}
RELIABILITY: dict[str, Column] = {
    **_WHO,
    "bin": Column("integer", "number of the bin of confidence", "counted from 0"),
    "bin_low": Column("number", "lower limit of the bin, outside it", "probability"),
    "bin_high": Column("number", "upper limit of the bin, inside it", "probability"),
    "value": Column("number", "accuracy of the predictions in the bin", _SHARE),
    "confidence": Column("number", "mean confidence of the predictions in the bin", "probability"),
    "n": Column("integer", "predictions in the bin, of all seeds and draws", "predictions"),
    "n_clusters": Column("integer", "examples, or clusters, that they are about", "units"),
}
ANSWERED = {"labels": LABELS, "calibration": CALIBRATION, "reliability": RELIABILITY}
"""Table -> its columns."""
