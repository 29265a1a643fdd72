"""The probe of which words carry a prediction."""

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


class AttributionsOptions(Options):
    """Options of `attributions`."""

    method: Methods = Field(("integrated-gradients",), description="how words are attributed")
    target: Target = Field("predicted", description="whose logit: the predicted or the gold class")
    baseline: Baseline = Field("pad", description="what the embeddings of words are replaced by")
    n_steps: int = Field(16, ge=2, description="integration steps")
    tolerance: float = Field(
        0.0,
        ge=0,
        allow_inf_nan=False,
        description="largest convergence delta, in logits, before steps are doubled; 0 = never",
    )
    n_samples: int = Field(25, ge=1, description="draws of gradient-shap and the Shapley methods")
    layer: int = Field(0, ge=0, description="block of layer-conductance, from 0")
    batch_size: int = Field(8, ge=1, description="examples that are attributed together")
    internal_batch_size: int = Field(64, ge=1, description="texts a forward and backward pass")
    permutations: int = Field(1000, ge=1, description="shuffles of each text's words for the null")
    seed: int = Field(0, ge=0, description="of the shuffles and the draws")


CONVERGENCE = (
    Measure(
        "convergence_delta_*",
        ("model",),
        "how far attributions miss the difference of the logits",
        better="lower",
    ),
    Measure(
        "unconverged_share",
        ("model",),
        "examples that miss it by more than the tolerance",
        better="lower",
    ),
    Measure("steps_mean", ("model",), "points of integration, or draws, an example", items="steps"),
)
"""Numbers that say how near attributions come to the sum that their method promises."""


ATTRIBUTIONS = ProbeEntry(
    name="attributions",
    help="share of a prediction's attribution on each kind of word, by eight methods of Captum",
    code=f"{__package__}.attributions:run_attributions",
    reads="task",
    needs=("deprels", "upos"),
    uses=("heads",),
    further=("task-head", "classes"),
    options=AttributionsOptions,
    rows=(
        Measure("attribution_share", ("model",), "share of |attribution| on the group `relation`"),
        Measure(
            "attribution_share_by_*",
            ("model",),
            "share of |attribution| on words of one tag, relation, entity or place in the tree",
        ),
        Measure(
            "net_attribution*",
            ("model",),
            "the same of signed attribution: what such words add to the logit or take from it",
        ),
        *CONVERGENCE,
        Measure(
            "logit_difference_mean",
            ("model",),
            "logit of the attributed class, over that of the baseline",
        ),
    ),
    headline=Headline("attribution_share", "model"),
    finish="attribution-tests",
    figure="attributions",
)

ENTRIES = (ATTRIBUTIONS,)
