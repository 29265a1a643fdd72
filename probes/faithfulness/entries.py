"""The probes of what attributions are worth."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..attribution.entries import Methods
from ..attribution.settings import Baseline, Target
from ..entry import Headline, Measure, Options, ProbeEntry, Units

_MODEL: Units = ("model",)


class WordScoreOptions(Options):
    """Options of probes that judge attributions of words."""

    method: Methods = Field(("integrated-gradients",), description="how words are attributed")
    target: Target = Field("predicted", description="class whose logit is attributed")
    baseline: Baseline = Field("pad", description="what attributions start from")
    n_steps: int = Field(16, ge=2, description="steps of methods that integrate")
    tolerance: float = Field(
        0.0,
        ge=0,
        allow_inf_nan=False,
        description="largest convergence delta, in logits, before steps are doubled; 0 = never",
    )
    n_samples: int = Field(25, ge=1, description="draws of methods that sample")
    layer: int = Field(0, ge=0, description="block of layer-conductance")
    batch_size: int = Field(8, ge=1, description="examples that are attributed together")
    internal_batch_size: int = Field(64, ge=1, description="texts a forward pass")
    seed: int = Field(0, ge=0, description="of all draws")


class FaithfulnessOptions(WordScoreOptions):
    """Options of `faithfulness`."""

    removal: Literal["delete", "pad", "mask"] = Field(
        "delete", description="words that are left out are deleted, or replaced by that token"
    )
    random_draws: int = Field(
        3, ge=1, description="random attributions of each text, and sets of words of equal length"
    )
    infidelity_draws: int = Field(10, ge=0, description="random moves of the words; 0 = none")
    infidelity_radius: float = Field(
        1.0, gt=0, le=1, description="how far they go, as a share of the way to the baseline"
    )
    sensitivity_draws: int = Field(4, ge=0, description="noises of each text; 0 = none")
    sensitivity_radius: float = Field(
        0.02, gt=0, allow_inf_nan=False, description="of the noise, in units of the word embeddings"
    )
    sensitivity_examples: int = Field(
        40, ge=1, description="at most so many texts for max-sensitivity"
    )


FAITHFULNESS = ProbeEntry(
    name="faithfulness",
    help="whether attributions name the words that the prediction rests on",
    code=f"{__package__}.faithfulness:run_faithfulness",
    reads="task",
    further=("task-head", "classes"),
    options=FaithfulnessOptions,
    rows=(
        Measure(
            "comprehensiveness",
            _MODEL,
            "what the class loses in probability without the share `relation` of the words",
            better="higher",
        ),
        Measure("comprehensiveness_aopc", _MODEL, "its mean over the shares", better="higher"),
        Measure(
            "comprehensiveness_length_controlled",
            _MODEL,
            "that mean less the one of random words of as many pieces",
            better="higher",
        ),
        Measure(
            "sufficiency",
            _MODEL,
            "what the class loses in probability with that share of the words alone",
            better="lower",
        ),
        Measure("sufficiency_aopc", _MODEL, "its mean over the shares", better="lower"),
        Measure(
            "sufficiency_length_controlled",
            _MODEL,
            "that mean less the one of random words of as many pieces",
            better="lower",
        ),
        Measure(
            "loo_tau",
            _MODEL,
            "Kendall's tau-b with what the logit loses without each word",
            better="higher",
        ),
        Measure("loo_tau_absolute", _MODEL, "the same of absolute values", better="higher"),
        Measure(
            "infidelity",
            _MODEL,
            "mean square of what scaled attributions miss under random moves, in squared logits",
            better="lower",
        ),
        Measure(
            "max_sensitivity",
            _MODEL,
            "largest relative change of attributions under noise",
            better="lower",
        ),
    ),
    headline=Headline("comprehensiveness_aopc", "model", by_variant=True),
    finish="null-tests",
)


class PlausibilityOptions(WordScoreOptions):
    """Options of `plausibility`."""

    scores: Literal["signed", "absolute"] = Field(
        "signed", description="words are ranked by their scores, or by absolute values"
    )
    random_draws: int = Field(20, ge=1, description="random attributions for the null of auprc")


PLAUSIBILITY = ProbeEntry(
    name="plausibility",
    help="whether attributions name the words that people found decisive",
    code=f"{__package__}.plausibility:run_plausibility",
    reads="task",
    needs=("rationale",),
    further=("task-head", "classes"),
    options=PlausibilityOptions,
    rows=(
        Measure(
            "token_f1",
            _MODEL,
            "F1 of the highest words, as many as people mark on average",
            better="higher",
        ),
        Measure(
            "auprc", _MODEL, "area under precision and recall of the marked words", better="higher"
        ),
    ),
    headline=Headline("*", "model", by_variant=True),
    finish="null-tests",
)

ENTRIES: tuple[ProbeEntry, ...] = (FAITHFULNESS, PLAUSIBILITY)
