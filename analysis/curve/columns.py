"""The columns of the tables of `subprobe curve`, with their types."""

from __future__ import annotations

from ..spread.columns import framed as framed

_TEXT, _WHOLE, _REAL = "string", "Int64", "Float64"

_CURVE = {
    "model": _TEXT, "task": _TEXT, "split": _TEXT, "selection": _TEXT, "units": _TEXT,
    "order": _TEXT, "importance": _TEXT, "ablation": _TEXT,
}  # fmt: skip
"""What identifies a curve."""
_INTERVAL = {"ci_low": _REAL, "ci_high": _REAL, "ci_method": _TEXT, "varies": _TEXT}
_COUNTS = {"n_seeds": _WHOLE, "n_draws": _WHOLE, "n": _WHOLE, "n_clusters": _WHOLE}
_TESTED = {
    "test": _TEXT, "p_value": _REAL, "p_adjusted": _REAL, "correction": _TEXT,
    "family_size": _WHOLE,
}  # fmt: skip

POINTS: dict[str, str] = {
    **_CURVE, "kind": _TEXT, "share_asked": _REAL, "share": _REAL, "heads": _WHOLE, "mlps": _WHOLE,
    "neurons": _WHOLE, "weights": _WHOLE, "metric": _TEXT, "better": _TEXT, "value": _REAL,
    **_INTERVAL, "lowest": _REAL, "highest": _REAL, "faithfulness": _REAL, "baseline": _TEXT,
    "baseline_value": _REAL, **_COUNTS, "flag": _TEXT,
}  # fmt: skip
MASKS: dict[str, str] = {
    **_CURVE, "seed": _WHOLE, "seed_order": _WHOLE, "kind": _TEXT, "draw": _WHOLE,
    "share": _REAL, "mask_id": _TEXT, "metric": _TEXT, "better": _TEXT, "value": _REAL,
    "faithfulness": _REAL, "n": _WHOLE, "flag": _TEXT,
}  # fmt: skip
AREAS: dict[str, str] = {
    **_CURVE, "kind": _TEXT, "measure": _TEXT, "metric": _TEXT, "better": _TEXT, "value": _REAL,
    **_INTERVAL, "lowest": _REAL, "highest": _REAL, "within": _REAL, "grid": _TEXT,
    "full_value": _REAL, "empty_value": _REAL, **_COUNTS, "flag": _TEXT,
}  # fmt: skip
TESTS: dict[str, str] = {
    **_CURVE, "measure": _TEXT, "share": _REAL, "metric": _TEXT, "better": _TEXT, "good": _REAL,
    "random": _REAL, "difference": _REAL, **_INTERVAL, **_TESTED, "draws_needed": _WHOLE,
    **_COUNTS, "flag": _TEXT, "note": _TEXT,
}  # fmt: skip
