"""The probes that evaluate attributions: faithfulness and plausibility."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..attribution.entries import WordScoreOptions
from ..entry import Headline, Measure, ProbeEntry, Units

_MODEL: Units = ("model",)


class FaithfulnessOptions(WordScoreOptions):
    """Options of `faithfulness`."""

    removal: Literal["delete", "pad", "mask"] = Field(
        "delete",
        description="whether removed words are deleted, or replaced by this token",
    )
    random_draws: int = Field(
        3,
        ge=1,
        description="number of random attributions, and of word sets of equal length, per text",
    )
    infidelity_draws: int = Field(
        10, ge=0, description="number of random perturbations of the words; 0 = skip infidelity"
    )
    infidelity_radius: float = Field(
        1.0,
        gt=0,
        le=1,
        description="maximum size of a perturbation, as a fraction of the distance to the "
        "reference input",
    )
    sensitivity_draws: int = Field(
        4, ge=0, description="number of noise samples per text; 0 = skip max-sensitivity"
    )
    sensitivity_radius: float = Field(
        0.02,
        gt=0,
        allow_inf_nan=False,
        description="maximum noise, in units of the word embeddings",
    )
    sensitivity_examples: int = Field(
        40, ge=1, description="maximum number of texts for max-sensitivity"
    )


FAITHFULNESS = ProbeEntry(
    name="faithfulness",
    help="whether a prediction rests on the words that an attribution ranks highest",
    code=f"{__package__}.faithfulness:run_faithfulness",
    reads="task",
    further=("task-head", "classes"),
    options=FaithfulnessOptions,
    rows=(
        Measure(
            "comprehensiveness",
            _MODEL,
            "loss in probability when the highest-ranked share `relation` of the words is removed",
            better="higher",
        ),
        Measure("comprehensiveness_aopc", _MODEL, "mean over the shares of words", better="higher"),
        Measure(
            "comprehensiveness_length_controlled",
            _MODEL,
            "that mean minus the mean for random words with the same number of subwords",
            better="higher",
        ),
        Measure(
            "sufficiency",
            _MODEL,
            "loss in probability when only that share of the words is kept",
            better="lower",
        ),
        Measure("sufficiency_aopc", _MODEL, "mean over the shares of words", better="lower"),
        Measure(
            "sufficiency_length_controlled",
            _MODEL,
            "that mean minus the mean for random words with the same number of subwords",
            better="lower",
        ),
        Measure(
            "loo_tau",
            _MODEL,
            "Kendall's tau-b with the loss in the logit when each word is left out",
            better="higher",
        ),
        Measure("loo_tau_absolute", _MODEL, "the same for absolute values", better="higher"),
        Measure(
            "infidelity",
            _MODEL,
            "mean squared error of the predicted change of the logit under perturbation",
            better="lower",
        ),
        Measure(
            "max_sensitivity",
            _MODEL,
            "maximum relative change of the attribution under noise",
            better="lower",
        ),
    ),
    headline=Headline("comprehensiveness_aopc", "model", by_variant=True),
    finish="null-tests",
)


class PlausibilityOptions(WordScoreOptions):
    """Options of `plausibility`."""

    scores: Literal["signed", "absolute"] = Field(
        "signed", description="whether words are ranked by signed or by absolute attribution"
    )
    random_draws: int = Field(
        20, ge=1, description="number of random attributions, for the null distribution of auprc"
    )


PLAUSIBILITY = ProbeEntry(
    name="plausibility",
    help="whether attributions agree with human rationales",
    code=f"{__package__}.plausibility:run_plausibility",
    reads="task",
    needs=("rationale",),
    further=("task-head", "classes"),
    options=PlausibilityOptions,
    rows=(
        Measure(
            "token_f1",
            _MODEL,
            "F1 of the highest-ranked words; their share is the mean share of words that "
            "annotators marked",
            better="higher",
        ),
        Measure(
            "auprc",
            _MODEL,
            "area under the precision-recall curve for the marked words",
            better="higher",
        ),
    ),
    headline=Headline("*", "model", by_variant=True),
    finish="null-tests",
)

ENTRIES: tuple[ProbeEntry, ...] = (FAITHFULNESS, PLAUSIBILITY)
