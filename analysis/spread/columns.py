"""The columns of the tables of `subprobe spread`, with their types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from .panel import LINE, MODEL

_TEXT, _WHOLE, _REAL, _YES = "string", "Int64", "Float64", "boolean"
_LINE = dict.fromkeys(LINE, _TEXT)
_TESTED = {"p_value": _REAL, "p_adjusted": _REAL, "correction": _TEXT, "family_size": _WHOLE}

SPREAD: dict[str, str] = {
    **_LINE, "primary": _YES, "better": _TEXT, "n_seeds": _WHOLE, "n_inits": _WHOLE,
    "n_orders": _WHOLE, "n_draws": _WHOLE, "mean": _REAL, "ci_low": _REAL, "ci_high": _REAL,
    "ci_method": _TEXT, "sd": _REAL, "sd_low": _REAL, "sd_high": _REAL, "sd_method": _TEXT,
    "lowest": _REAL, "highest": _REAL, "range": _REAL, "baseline": _TEXT, "baseline_value": _REAL,
    "n": _WHOLE, "r": _REAL, "r_low": _REAL, "r_high": _REAL, "r_method": _TEXT, "test": _TEXT,
    **_TESTED, "flag": _TEXT, "note": _TEXT,
}  # fmt: skip
RUNS: dict[str, str] = {
    **_LINE, "primary": _YES, "better": _TEXT, "seed": _WHOLE, "seed_init": _WHOLE,
    "seed_order": _WHOLE, "value": _REAL, "n_draws": _WHOLE, "n": _WHOLE, "flag": _TEXT,
}  # fmt: skip
PARTS: dict[str, str] = {
    **_LINE, "source": _TEXT, "n_inits": _WHOLE, "n_orders": _WHOLE, "n_seeds": _WHOLE,
    "df": _WHOLE, "sum_of_squares": _REAL, "share_of_squares": _REAL, "variance": _REAL,
    "sd": _REAL, "share": _REAL, "f": _REAL, **_TESTED,
}  # fmt: skip
BEST: dict[str, str] = {
    **dict.fromkeys(MODEL, _TEXT), "metric": _TEXT, "better": _TEXT, "chosen_on": _TEXT,
    "resampling": _TEXT, "best_of": _WHOLE, "value": _REAL, "ci_low": _REAL, "ci_high": _REAL,
    "ci_method": _TEXT, "sd": _REAL, "n_seeds": _WHOLE,
}  # fmt: skip
PLANS: dict[str, str] = {
    **dict.fromkeys(MODEL, _TEXT), "metric": _TEXT, "budget": _WHOLE, "started": _WHOLE,
    "stopped": _WHOLE, "continued": _WHOLE, "evaluations": _WHOLE, "share_seen": _REAL,
    "value": _REAL, "mc_se": _REAL, "without_stopping": _REAL, "gain": _REAL, "best": _YES,
    "n_resamples": _WHOLE, "n_seeds": _WHOLE, "n_evaluations": _WHOLE,
}  # fmt: skip


def framed(lines: Any, types: Mapping[str, str]) -> pd.DataFrame:
    """Records or a frame with these columns, in their order and types."""
    frame = lines if isinstance(lines, pd.DataFrame) else pd.DataFrame(list(lines))
    found = frame.reindex(columns=list(types)).astype(dict(types))
    texts = {name: found[name].mask(found[name].eq("").fillna(False), pd.NA)
             for name, kind in types.items() if kind == _TEXT}  # fmt: skip
    return found.assign(**texts)
