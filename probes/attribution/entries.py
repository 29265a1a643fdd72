"""The probe that attributes predictions to words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from ..entry import Headline, Measure, Options, ProbeEntry, Several, Told
from ..passes import WITH_GRADIENTS, Reading
from .settings import Baseline, Method, Target, check_methods


def _known(names: Any) -> Any:
    """Check the names of methods; the error gives the reason for a refusal where there is one."""
    if isinstance(names, tuple) and all(isinstance(name, str) for name in names):
        check_methods(names)
    return names


Methods = Annotated[tuple[Method, ...], BeforeValidator(_known), Several]


class WordScoreOptions(Options):
    """Options of all probes that attribute a prediction to words."""

    method: Methods = Field(("integrated-gradients",), description="methods of attribution")
    target: Target = Field("predicted", description="class whose logit is attributed")
    baseline: Baseline = Field(
        "pad", description="what replaces the word embeddings in the reference input"
    )
    n_steps: int = Field(
        16, ge=2, description="steps of integrated-gradients and layer-conductance"
    )
    tolerance: float = Field(
        0.0,
        ge=0,
        allow_inf_nan=False,
        description="convergence delta, in logits, above which the number of steps is doubled; 0 "
        "= never",
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
        1000,
        ge=1,
        description="number of shuffles of each text's attributions, for the null distribution",
    )


def _passes(options: Mapping[str, Any], reading: Reading) -> float:
    """Forward passes per text of the requested methods."""
    steps, draws = float(options.get("n_steps", 1)), float(options.get("n_samples", 1))
    passes = {
        "integrated-gradients": steps * WITH_GRADIENTS,
        "layer-conductance": (steps + 1) * WITH_GRADIENTS,
        "gradient-shap": draws * WITH_GRADIENTS,
        "feature-ablation": reading.length,
        "shapley-sampling": draws * reading.length,
        "kernel-shap": max(draws, 2 * reading.length + 2),
    }
    asked = options.get("method", ("integrated-gradients",))
    return sum(passes.get(name, WITH_GRADIENTS) for name in asked)


CONVERGENCE = (
    Measure(
        "convergence_delta_*",
        ("model",),
        "absolute error of the sum of attributions, in logits: mean and maximum",
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
"""How close the sum of attributions comes to the value that the method guarantees."""


ATTRIBUTIONS = ProbeEntry(
    name="attributions",
    help="attribution of a class's logit to words, and the share of each kind of word",
    code=f"{__package__}.attributions:run_attributions",
    reads="task",
    needs=("deprels", "upos"),
    uses=("heads",),
    further=("task-head", "classes"),
    options=AttributionsOptions,
    passes=_passes,
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
            "signed attribution to such words, as a share of the sum of |attribution|",
        ),
        *CONVERGENCE,
        Measure(
            "logit_difference_mean",
            ("model",),
            "mean absolute difference between the logits of the text and of the reference input",
        ),
    ),
    headline=Headline("attribution_share", "model"),
    told=(
        Told(
            "shares",
            "attribution_share",
            "Shares of the attribution of the good subnetwork's predictions",
            "expected by chance",
            "The predictions of the good subnetwork rest {} on the {} than expected by chance: {} "
            "of the attribution against {}",
        ),
    ),
    finish="attribution-tests",
    figure="attributions",
)

ENTRIES = (ATTRIBUTIONS,)
