"""The probe of which heads and MLPs carry a prediction."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from ..attribution.entries import CONVERGENCE
from ..entry import Headline, Measure, Options, ProbeEntry, Several, Units
from ..passes import WITH_GRADIENTS, Reading

_OF_HEADS: Units = ("head",)


def _written(given: Any) -> Any:
    """A class that is named by its number, as text."""
    return str(given) if isinstance(given, int) and not isinstance(given, bool) else given


def _known(target: str) -> str:
    if target not in ("predicted", "gold") and not re.fullmatch(r"\d{1,6}", target):
        raise ValueError("predicted, gold, or the number of a class")
    return target


def _each_once(names: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(names)) != len(names):
        raise ValueError("contains duplicates")
    return names


def _shares(given: tuple[float, ...]) -> tuple[float, ...]:
    if not all(0 < share < 1 for share in given):
        raise ValueError("each share must be > 0 and < 1")
    return given


Target = Annotated[str, BeforeValidator(_written), AfterValidator(_known)]


class HeadAttributionsOptions(Options):
    """Options of `head-attributions`."""

    methods: Annotated[
        tuple[
            Literal["integrated-gradients", "ablation", "shapley-sampling", "shapley-exact"], ...
        ],
        Several,
        AfterValidator(_each_once),
    ] = Field(
        ("integrated-gradients", "ablation"),
        min_length=1,
        description="methods of attribution; shapley-exact takes at most 10 units",
    )
    target: Target = Field(
        "predicted", description="class whose logit is attributed: predicted, gold, or its number"
    )
    units: Literal["heads+mlps", "heads", "mlps"] = Field(
        "heads+mlps", description="units that receive attributions; all others stay active"
    )
    among: Annotated[tuple[str, ...], Several, AfterValidator(_each_once)] = Field(
        (), description="only these units: LAYER.HEAD, or LAYER for its MLP; empty = all"
    )
    interactions: Literal["none", "second-order", "shapley"] = Field(
        "none",
        description="of each pair of heads: second derivative with respect to their gates, or "
        "Shapley interaction index (at most 10 units)",
    )
    n_steps: int = Field(16, ge=2, description="steps of integrated-gradients")
    tolerance: float = Field(
        0.0,
        ge=0,
        allow_inf_nan=False,
        description="convergence delta, in logits, above which the number of steps is doubled; 0 "
        "= never",
    )
    n_samples: int = Field(25, ge=1, description="number of random orders for shapley-sampling")
    sampled_examples: int = Field(
        40,
        ge=1,
        description="maximum number of examples for Shapley values; the first ones are used",
    )
    batch_size: int = Field(8, ge=1, description="examples attributed together")
    internal_batch_size: int = Field(64, ge=1, description="texts per forward and backward pass")
    seed: int = Field(0, ge=0, description="seed of random orders and random subnetworks")
    importances: Annotated[tuple[str, ...], Several, AfterValidator(_each_once)] = Field(
        ("gate-example", "ablation", "magnitude"),
        description="importance scores to compare attributions with; [] = none",
    )
    keep: Annotated[
        tuple[float, ...], Several, AfterValidator(_each_once), AfterValidator(_shares)
    ] = Field(
        (0.25, 0.5, 0.75),
        min_length=1,
        description="shares of the units to keep when rankings are compared",
    )
    draws: int = Field(
        39,
        ge=1,
        description="number of random subnetworks of each size, for the null distribution of "
        "kept_*",
    )


def _passes(options: Mapping[str, Any], reading: Reading) -> float:
    """Forward passes per text; importance and kept subnetworks read half of the texts."""
    units = reading.units
    methods = {
        "integrated-gradients": float(options["n_steps"]) * WITH_GRADIENTS,
        "ablation": 1.0 + units,
        "shapley-sampling": float(options["n_samples"]) * units,
        "shapley-exact": 2.0 ** min(units, 10),
    }
    attributed = sum(methods[name] for name in options["methods"])
    names = options["importances"]
    scored = sum(1.0 + units if name == "ablation" else WITH_GRADIENTS for name in names)
    rankings = len(names) + 2 * len(options["methods"]) + options["draws"]
    kept = sum(options["keep"]) * rankings if names else 0.0
    return float(2 + attributed + (scored + kept) / 2)


HEAD_ATTRIBUTIONS = ProbeEntry(
    name="head-attributions",
    help="attribution of a class's logit to heads and MLPs, compared with their importance",
    code=f"{__package__}.head_attributions:run_head_attributions",
    reads="task",
    further=("task-head", "classes"),
    options=HeadAttributionsOptions,
    analysed=("importances", "keep", "draws"),
    passes=_passes,
    rows=(
        Measure("head_attribution", _OF_HEADS, "mean attribution of the logit to a head"),
        Measure("head_attribution_absolute", _OF_HEADS, "mean of its absolute value"),
        Measure("mlp_attribution", ("mlp",), "mean attribution of the logit to an MLP"),
        Measure("mlp_attribution_absolute", ("mlp",), "mean of its absolute value"),
        Measure("head_interaction", _OF_HEADS, "mean interaction of a pair of heads, in logits"),
        Measure("head_interaction_absolute", _OF_HEADS, "mean of its absolute value"),
        *CONVERGENCE,
        Measure(
            "logit_difference_mean",
            ("model",),
            "mean absolute difference between the logits with all units and with no units",
        ),
        Measure(
            "head_importance", _OF_HEADS, "importance of a head by the score named in `variant`"
        ),
        Measure("mlp_importance", ("mlp",), "importance of an MLP by the score named in `variant`"),
        Measure(
            "importance_spearman", ("model",), "rank correlation of attribution with importance"
        ),
        Measure(
            "importance_overlap", ("model",), "share of the kept units that both rankings keep"
        ),
        Measure(
            "over_importance_*",
            ("model",),
            "score of the subnetwork kept by attribution minus by the importance `target`",
            better="higher",
        ),
        Measure(
            "kept_*",
            ("model",),
            "score of the subnetwork that a ranking keeps, on held-out examples",
            better="higher",
        ),
    ),
    beside="importances",
    headline=Headline("head_attribution_absolute", "head", by_variant=True),
    finish="unit-intervals",
    figure="head-attributions",
)

ENTRIES = (HEAD_ATTRIBUTIONS,)
