"""The columns of the tables about hypotheses, with their types."""

from __future__ import annotations

from ..spread.columns import framed as framed

_TEXT, _WHOLE, _REAL, _YES = "string", "Int64", "Float64", "boolean"
_WHO = dict.fromkeys(("model", "task", "method"), _TEXT)
_TESTED = {"p_value": _REAL, "p_adjusted": _REAL, "correction": _TEXT, "family_size": _WHOLE}

HYPOTHESES: dict[str, str] = {
    **_WHO, "seed": _WHOLE, "mask_id": _TEXT, "ablation": _TEXT, "hypothesis": _TEXT,
    "null_hypothesis": _TEXT, "criterion": _TEXT, "match": _TEXT, "within": _TEXT,
    "observed": _REAL, "compared": _REAL, "statistic": _TEXT, "value": _REAL, "ci_low": _REAL,
    "ci_high": _REAL, "ci_method": _TEXT, "threshold": _REAL, "wins": _REAL, "n_ties": _WHOLE,
    "n": _WHOLE, "least_n": _WHOLE, "n_items": _WHOLE, "n_clusters": _WHOLE, **_TESTED,
    "rejected": _YES, "answer": _TEXT, "flag": _TEXT,
}  # fmt: skip
UNITS: dict[str, str] = {
    **_WHO, "mask_id": _TEXT, "ablation": _TEXT, "criterion": _TEXT, "unit": _TEXT,
    "layer": _WHOLE, "head": _WHOLE, "neuron": _WHOLE, "kept": _YES, "effect": _REAL,
    "value": _REAL, "ci_low": _REAL, "ci_high": _REAL, "ci_method": _TEXT, "threshold": _REAL,
    "wins": _WHOLE, "n": _WHOLE, "least_n": _WHOLE, **_TESTED, "rejected": _YES, "flag": _TEXT,
}  # fmt: skip
SCORED: dict[str, str] = {
    **_WHO, "mask_id": _TEXT, "ablation": _TEXT, "kind": _TEXT, "match": _TEXT, "within": _TEXT,
    "draw": _WHOLE, "metric": _TEXT, "better": _TEXT, "value": _REAL, "divergence": _REAL,
    "n": _WHOLE, "n_clusters": _WHOLE, "flag": _TEXT,
}  # fmt: skip
