"""The probe of which words carry a prediction."""

from __future__ import annotations

from pydantic import Field

from ..entry import Headline, Measure, Options, ProbeEntry


class AttributionsOptions(Options):
    """Options of `attributions`."""

    n_steps: int = Field(16, ge=2, description="integration steps")
    batch_size: int = Field(8, ge=1, description="examples that are attributed together")
    internal_batch_size: int = Field(64, ge=1, description="texts a forward and backward pass")
    permutations: int = Field(1000, ge=1, description="shuffles of each text's words for the null")
    seed: int = Field(0, ge=0, description="of the shuffles")


ATTRIBUTIONS = ProbeEntry(
    name="attributions",
    help="share of integrated gradients on subject, verb, object and negation",
    code=f"{__package__}.attributions:run_attributions",
    reads="task",
    needs=("deprels", "upos"),
    further=("task-head",),
    options=AttributionsOptions,
    rows=(
        Measure("attribution_share", ("model",), "share of |attribution| on the group `relation`"),
        Measure(
            "convergence_delta_*",
            ("model",),
            "how far attributions miss the difference of the logits",
            better="lower",
        ),
        Measure(
            "logit_difference_mean",
            ("model",),
            "logit of the predicted class, over that of the text of padding",
        ),
    ),
    headline=Headline("attribution_share", "model"),
    figure="attributions",
)

ENTRIES = (ATTRIBUTIONS,)
