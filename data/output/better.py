"""Whether higher or lower values of a metric are better."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

HIGHER, LOWER = "higher", "lower"
_HIGHER = (
    "accuracy", "f1", "matthews", "pearson", "spearman", "pearson_spearman", "gold_probability",
    "negative_error", "accuracy_by_sentence", "precision", "recall",
)  # fmt: skip
_LOWER = (
    "bits", "seconds", "time_ratio", "parameters", "flops", "prunable_flops", "ece",
    "ece_adaptive", "ece_debiased", "mce", "brier", "nll",
)  # fmt: skip
_KNOWN = {**dict.fromkeys(_HIGHER, HIGHER), **dict.fromkeys(_LOWER, LOWER)}

_TREES = ("uas", "uuas", "uas_no_punct", "uuas_no_punct")
_OF_PROBES_HIGHER = (
    "dependency_accuracy", "offset_accuracy", "identified_naive", "identified_linear",
    "identified_mlp", "kappa_with_rules", "best_head_accuracy", *_TREES,
    *(f"{of}_{tree}" for of in ("best_head", "baseline") for tree in _TREES),
)  # fmt: skip
_OF_PROBES_LOWER = ("convergence_delta_mean", "convergence_delta_max")
OF_VERSION_2: Mapping[str, str] = {
    **_KNOWN,
    **dict.fromkeys(_OF_PROBES_HIGHER, HIGHER),
    **dict.fromkeys(_OF_PROBES_LOWER, LOWER),
}
"""Directions for rows of version 2, which do not store them; probes declare their own."""


def better_of(metric: str) -> str | None:
    """`higher` or `lower`; None for metrics without a direction and for those of probes."""
    return _KNOWN.get(metric)


def filled(
    better: pd.Series, metrics: pd.Series, known: Mapping[str, str | None] = _KNOWN
) -> pd.Series:
    """The column `better`, completed with the known directions where a row has none."""
    if better.notna().all():
        return better
    return better.fillna(metrics.map(known).astype("string"))
