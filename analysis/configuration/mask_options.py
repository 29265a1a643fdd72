"""The sections of a run's options about masks: search, lottery, controls, retraining."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ...pruning.importance.methods import find_importance


class Section(BaseModel):
    """A checked table of options that does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


SearchMethod = Literal[
    "structured", "structured-heads", "structured-mlps", "structured-neurons", "magnitude", "imp"
]
Importance = Annotated[str, AfterValidator(lambda name: find_importance(name).name)]

IN_ORDER = ("gate-batch-accumulated",)
"""Importance scores that depend on the order of the examples: the given order, as in the study."""


class PruneOptions(Section):
    """The search for the good subnetwork."""

    methods: tuple[SearchMethod, ...] = Field(
        ("structured",), min_length=1, description="what is pruned; each has its own subnetworks"
    )
    importance: Importance = Field("gate-example", description="how units are ranked")
    normalise: Literal["l2", "none"] = Field(
        "l2", description="l2: by each layer's norm; none: raw scores compete across layers"
    )
    rule: Literal["gain", "study", "absolute"] = Field(
        "gain",
        description="gain: keep the share of the gain over the majority; study: of the score; "
        "absolute: keep the metric itself above the threshold",
    )
    threshold: float = Field(0.9, gt=0, le=1, description="share (or metric) that must be kept")
    keep: float = Field(
        0.0, ge=0, lt=1, description="share of the units to keep instead; 0 = search by the rule"
    )
    min_heads: int = Field(0, ge=0, description="heads that every layer keeps at least")
    selection: Literal["held-out", "cross-validation", "reported"] = Field(
        "held-out", description="examples that masks are chosen on; reported = as in the study"
    )
    folds: int = Field(5, ge=2, description="folds of the cross-validation")
    scores: Literal["default", "study"] = Field(
        "default", description="study: pruned units enter the norm, rejected scores are reused"
    )
    batch_size: int = Field(64, ge=1, description="examples per scoring batch")


class LotteryOptions(Section):
    """The lottery protocol (method imp): each round trains once more."""

    rounds: int = Field(5, ge=1, le=10, description="maximum number of prunings")
    share: float = Field(
        0.1, gt=0, lt=1, description="share of the original weights removed per round"
    )
    rewind: int = Field(0, ge=0, description="steps that every round starts after; 0 = pretrained")


class ControlOptions(Section):
    """Random and bad subnetworks of exactly the good one's size."""

    draws: int = Field(30, ge=1, description="draws per kind that are scored pruned")
    retrained_draws: int = Field(1, ge=0, description="draws per kind that are retrained")
    across_seeds: bool = Field(
        False,
        description="also super, anti and middle: units that all seeds keep, that all prune, and "
        "the others",
    )
    untrained: bool = Field(
        True, description="also train the encoder from random weights, as a baseline"
    )
    bag_of_words: bool = Field(
        True, description="also score a linear model on counted words, as a baseline"
    )
    artefacts: bool = Field(
        False, description="also score every model on easy and on hard examples"
    )
    artefacts_by: Literal["n-grams", "encoder"] = Field(
        "n-grams", description="classifier of part of the input that tells easy from hard"
    )
    untrained_search: bool = Field(
        False,
        description="also repeat each search in the encoder trained from random weights, and "
        "compare masks and complements of both; imp has its own control, reinit",
    )


class RetrainOptions(Section):
    """Training a subnetwork again from the pretrained weights."""

    route: Literal["masked", "compact"] = Field(
        "masked",
        description="masked: the whole model under the mask; compact: the units that it keeps, "
        "faster, with other draws of dropout; masks of single weights are always masked",
    )
    keep: bool = Field(
        True,
        description="keep every retrained model in models/, so that a new probe trains nothing "
        "again; false = remove it once everything that reads it is computed",
    )
