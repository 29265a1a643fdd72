"""Which way a metric is better, for those that have a direction."""

from __future__ import annotations

import pandas as pd

HIGHER, LOWER = "higher", "lower"
_HIGHER = (
    "accuracy", "f1", "matthews", "pearson", "spearman", "pearson_spearman", "gold_probability",
    "negative_error", "dependency_accuracy", "offset_accuracy", "uas", "uuas", "uas_no_punct",
    "uuas_no_punct", "identified_naive", "identified_linear", "identified_mlp", "kappa_with_rules",
    "accuracy_by_sentence",
)  # fmt: skip
_LOWER = (
    "convergence_delta_mean", "convergence_delta_max", "seconds", "time_ratio", "parameters",
    "flops", "prunable_flops",
)  # fmt: skip
_KNOWN = {**dict.fromkeys(_HIGHER, HIGHER), **dict.fromkeys(_LOWER, LOWER)}
_OF_THE_SAME = ("best_head_", "baseline_")
"""What stands before the name of a metric without changing its direction."""


def better_of(metric: str) -> str | None:
    """`higher` or `lower`; None for a metric without a direction, such as where a head looks."""
    for start in _OF_THE_SAME:
        metric = metric.removeprefix(start)
    return _KNOWN.get(metric)


def filled(better: pd.Series, metrics: pd.Series) -> pd.Series:
    """The column `better` with what is known of each metric, where a row does not say it itself."""
    known = {name: better_of(str(name)) for name in metrics.dropna().unique()}
    return better.fillna(metrics.map(known).astype("string"))
