"""The columns of the tables of `subprobe same-score`, with their types."""

from __future__ import annotations

_TEXT, _WHOLE, _REAL, _YES = "string", "Int64", "Float64", "boolean"
METRIC = ("probe", "metric", "relation")
"""What names one metric."""
_METRIC = dict.fromkeys(METRIC, _TEXT)
SAMPLE = ("baseline", "baseline_value", "n", "n_clusters")
"""What a model without knowledge scores, and how many examples and independent units are behind."""
_SAMPLE = {"baseline": _TEXT, "baseline_value": _REAL, "n": _WHOLE, "n_clusters": _WHOLE}
_TESTED = {"p_value": _REAL, "p_adjusted": _REAL, "correction": _TEXT, "family_size": _WHOLE}

POINTS: dict[str, str] = {
    "size": _TEXT, "mask": _TEXT, "kind": _TEXT, "mask_id": _TEXT, "sparsity": _REAL, **_METRIC,
    "better": _TEXT, "primary": _YES, "value": _REAL, "ci_low": _REAL, "ci_high": _REAL,
    "ci_method": _TEXT, **_SAMPLE, "flag": _TEXT,
}  # fmt: skip
SPREAD: dict[str, str] = {
    "size": _TEXT, **_METRIC, "better": _TEXT, "primary": _YES, "n_masks": _WHOLE, "mean": _REAL,
    "ci_low": _REAL, "ci_high": _REAL, "ci_method": _TEXT, "sd": _REAL, "sd_low": _REAL,
    "sd_high": _REAL, "sd_method": _TEXT, "lowest": _REAL, "highest": _REAL, "range": _REAL,
    "sd_at_equal_score": _REAL, "full": _REAL, "sd_expected": _REAL, "test": _TEXT, **_TESTED,
    **_SAMPLE, "flag": _TEXT, "note": _TEXT,
}  # fmt: skip
CORRELATIONS: dict[str, str] = {
    "size": _TEXT, "score": _TEXT, **_METRIC, "correlation": _TEXT, "n_masks": _WHOLE, "r": _REAL,
    "ci_low": _REAL, "ci_high": _REAL, "ci_method": _TEXT, "resampled": _TEXT,
    "smallest_r": _REAL, "test": _TEXT, **_TESTED, "note": _TEXT,
}  # fmt: skip
AGREEMENT: dict[str, str] = {
    "mask": _TEXT, "other": _TEXT, "unit": _TEXT, "n_units": _WHOLE, "kept": _WHOLE,
    "other_kept": _WHOLE, "shared": _WHOLE, "shared_expected": _REAL, "jaccard": _REAL,
    "jaccard_expected": _REAL, "adjusted": _REAL, "kappa": _REAL, **_TESTED,
    "shared_expected_by_layer": _REAL, "p_value_by_layer": _REAL, "note": _TEXT,
}  # fmt: skip
STABILITY: dict[str, str] = {
    "unit": _TEXT, "statistic": _TEXT, "value": _REAL, "ci_low": _REAL, "ci_high": _REAL,
    "p_value": _REAL, "n_masks": _WHOLE,
}  # fmt: skip
PREDICTIONS: dict[str, str] = {
    **_METRIC, "mask": _TEXT, "other": _TEXT, "accuracy": _REAL, "other_accuracy": _REAL,
    "same_prediction": _REAL, "same_right": _REAL, "same_right_expected": _REAL,
    "error_consistency": _REAL, "ci_low": _REAL, "ci_high": _REAL, "ci_method": _TEXT,
    "n": _WHOLE, "n_clusters": _WHOLE,
}  # fmt: skip
CORE: dict[str, str] = {
    "set": _TEXT, **_METRIC, "better": _TEXT, "value": _REAL, "ci_low": _REAL,
    "ci_high": _REAL, "ci_method": _TEXT, "lowest": _REAL, "highest": _REAL, "n_sets": _WHOLE,
    "heads": _WHOLE, "mlps": _WHOLE, "neurons": _WHOLE, **_SAMPLE, "random_mean": _REAL,
    "random_lowest": _REAL, "random_highest": _REAL, "n_draws": _WHOLE, "test": _TEXT, **_TESTED,
    "flag": _TEXT, "note": _TEXT,
}  # fmt: skip
CORE_UNITS: dict[str, str] = {
    "unit": _TEXT, "layer": _WHOLE, "head": _WHOLE, "kept_in": _WHOLE, "n_masks": _WHOLE,
    "core": _YES,
}  # fmt: skip
NOTES: dict[str, str] = {"table": _TEXT, "size": _TEXT, "note": _TEXT}

TABLES: dict[str, dict[str, str]] = {
    "mask_scores": POINTS, "mask_spread": SPREAD, "mask_correlations": CORRELATIONS,
    "mask_pairs": AGREEMENT, "mask_agreement": STABILITY, "mask_predictions": PREDICTIONS,
    "core_units": CORE_UNITS, "core": CORE, "same_score_notes": NOTES,
}  # fmt: skip
"""File name without its ending -> columns, apart from the tidy `rows`."""
