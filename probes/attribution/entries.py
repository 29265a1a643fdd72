"""The probe that attributes predictions to words."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from ..entry import Headline, Measure, Options, ProbeEntry, Several
from .settings import Baseline, Method, Target, check_methods


def _known(names: Any) -> Any:
    """Names of methods, refused with the reason where there is one."""
    if isinstance(names, tuple) and all(isinstance(name, str) for name in names):
        check_methods(names)
    return names


Methods = Annotated[tuple[Method, ...], BeforeValidator(_known), Several]


class WordScoreOptions(Options):
    """How words are attributed: options of every probe that reads such attributions."""

    method: Methods = Field(("integrated-gradients",), description="methods of attribution")
    target: Target = Field("predicted", description="class whose logit is attributed")
    baseline: Baseline = Field("pad", description="what replaces the embeddings of words")
    n_steps: int = Field(
        16, ge=2, description="steps of integrated-gradients and layer-conductance"
    )
    tolerance: float = Field(
        0.0,
        ge=0,
        allow_inf_nan=False,
        description="convergence delta, in logits, above which steps are doubled; 0 = never",
    )
    n_samples: int = Field(
        25, ge=1, description="samples of gradient-shap, shapley-sampling and kernel-shap"
    )
    layer: int = Field(0, ge=0, description="block of layer-conductance, counted from 0")
    batch_size: int = Field(8, ge=1, description="examples attributed together")
    internal_batch_size: int = Field(64, ge=1, description="texts per pass")
    seed: int = Field(0, ge=0, description="seed of all random draws")


class AttributionsOptions(WordScoreOptions):
    """Options of `attributions`."""

    permutations: int = Field(
        1000, ge=1, description="shuffles of each text's attributions, the null"
    )


CONVERGENCE = (
    Measure(
        "convergence_delta_*",
        ("model",),
        "absolute error of the sum of attributions, in logits: mean and largest",
        better="lower",
    ),
    Measure(
        "unconverged_share",
        ("model",),
        "share of examples whose error exceeds the tolerance",
        better="lower",
    ),
    Measure(
        "steps_mean",
        ("model",),
        "mean number of integration steps, or samples, per example",
        items="steps",
    ),
)
"""How near attributions come to the sum that their method promises."""


ATTRIBUTIONS = ProbeEntry(
    name="attributions",
    help="attribution of a class's logit to words, and its share on each kind of word",
    code=f"{__package__}.attributions:run_attributions",
    reads="task",
    needs=("deprels", "upos"),
    uses=("heads",),
    further=("task-head", "classes"),
    options=AttributionsOptions,
    rows=(
        Measure(
            "attribution_share",
            ("model",),
            "share of |attribution| on a group of words (`relation`)",
        ),
        Measure(
            "attribution_share_by_*",
            ("model",),
            "share on words of one tag, relation, entity or place in the tree (`relation`)",
        ),
        Measure(
            "net_attribution*",
            ("model",),
            "signed attribution of such words, as a share of the sum of |attribution|",
        ),
        *CONVERGENCE,
        Measure(
            "logit_difference_mean",
            ("model",),
            "mean absolute difference between the logits of text and baseline",
        ),
    ),
    headline=Headline("attribution_share", "model"),
    finish="attribution-tests",
    figure="attributions",
)

ENTRIES = (ATTRIBUTIONS,)
