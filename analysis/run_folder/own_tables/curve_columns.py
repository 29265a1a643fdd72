"""What the columns of the tables of `subprobe curve` mean."""

from __future__ import annotations

from ....models.masks.names import ABLATIONS
from ..columns import Column

_METRIC, _SHARE = "unit of the metric", "share"
_P = "probability"

_CURVE: dict[str, Column] = {
    "model": Column("text", "the fine-tuned models, one for each seed"),
    "units": Column(
        "text",
        "units of the curve; all others are kept",
        allowed=("joint", "heads", "mlps", "neurons", "weights"),
    ),
    "order": Column("text", "how the good masks were found", allowed=("nested", "search")),
    "importance": Column("text", "how units are ranked"),
    "ablation": Column("text", "what replaces the output of a pruned unit", allowed=ABLATIONS),
    "selection": Column("text", "examples on which units are ranked"),
    "kind": Column("text", "kind of mask", allowed=("good", "random", "bad", "super")),
    "share": Column("number", "kept units of the curve's types, as a share of all", _SHARE),
    "varies": Column(
        "text",
        "what varies in the interval",
        allowed=("examples", "draws and examples", "seeds and examples"),
    ),
    "n_seeds": Column("integer", "models", "seeds"),
    "n_draws": Column("integer", "masks of each size and seed", "masks"),
    "n": Column("integer", "scored examples", "examples"),
}
_RANGE: dict[str, Column] = {
    "lowest": Column("number", "lowest value of a draw or seed", _METRIC),
    "highest": Column("number", "highest value of a draw or seed", _METRIC),
}
_FAITHFULNESS = Column(
    "number", "(score - score without the units) / (full score - score without the units)", "share"
)
POINTS: dict[str, Column] = {
    **_CURVE,
    **_RANGE,
    "share_asked": Column("number", "share that was asked for, before rounding to units", _SHARE),
    "heads": Column("integer", "kept heads; empty if all are kept", "heads"),
    "mlps": Column("integer", "kept MLPs; empty if all are kept", "MLPs"),
    "neurons": Column("integer", "kept neurons; empty if all are kept", "neurons"),
    "weights": Column("integer", "kept weights; empty if all are kept", "weights"),
    "value": Column("number", "score: mean over seeds of the mean over draws", _METRIC),
    "faithfulness": _FAITHFULNESS,
}
MASKS: dict[str, Column] = {
    **{name: c for name, c in _CURVE.items() if name not in ("varies", "n_seeds", "n_draws")},
    "model": Column("text", "the fine-tuned model"),
    "value": Column("number", "score of the mask", _METRIC),
    "faithfulness": _FAITHFULNESS,
}
AREAS: dict[str, Column] = {
    **{name: column for name, column in _CURVE.items() if name != "share"},
    **_RANGE,
    "measure": Column(
        "text",
        "`cpr`: area under faithfulness; `cmd`: area under its distance from 1; `effective_size`: "
        "share of the smallest mask within some points of the full model",
        allowed=("cpr", "cmd", "effective_size"),
    ),
    "value": Column("number", "mean over seeds of the mean over draws", _SHARE),
    "within": Column("number", "largest loss of a mask of effective size", _METRIC),
    "grid": Column("text", "the shares over which areas are taken, by the trapezoid rule"),
    "full_value": Column("number", "score of the full model, mean over seeds", _METRIC),
    "empty_value": Column("number", "score without the units of the curve", _METRIC),
}
TESTS: dict[str, Column] = {
    **{name: column for name, column in _CURVE.items() if name != "kind"},
    "measure": Column(
        "text",
        "what is compared: the score at a share, or an area",
        allowed=("score", "cpr", "cmd"),
    ),
    "share": Column("number", "share of kept units; empty for areas", _SHARE),
    "good": Column("number", "value of the good masks, mean over seeds", _METRIC),
    "random": Column("number", "value of the random masks, mean over seeds and draws", _METRIC),
    "difference": Column("number", "good minus random", _METRIC),
    "test": Column(
        "text",
        "the null: good is one of the random masks; answers of good and random masks are "
        "exchangeable; the difference of each seed has a random sign, or a mean of 0",
        allowed=(
            "rank among random masks",
            "answers exchanged",
            "sign flips over seeds",
            "t over crossed seeds",
        ),
    ),
    "p_value": Column("number", "one-sided for ranks, else two-sided", _P),
    "correction": Column(
        "text",
        "how p was corrected",
        allowed=("Holm", "Benjamini-Hochberg", "Westfall-Young max-T"),
    ),
    "draws_needed": Column(
        "integer", "least number of random masks at which a corrected p of .05 is possible", "masks"
    ),
    "note": Column("text", "why there is no p, or why it cannot be small"),
}
CURVES = {"curve": POINTS, "curve_masks": MASKS, "curve_areas": AREAS, "curve_tests": TESTS}
"""Table -> its own columns."""
