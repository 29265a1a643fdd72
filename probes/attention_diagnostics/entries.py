"""The probe of how tightly attention is tied to what a model decides."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..entry import Headline, Measure, Options, ProbeEntry, Several

NotNegative = Annotated[float, Field(ge=0)]


class AttentionDiagnosticsOptions(Options):
    """Options of `attention-diagnostics`."""

    layers: Literal["last", "all"] = Field(
        "all", description="layers whose attention is made uniform and compared"
    )
    seeds: int = Field(
        3, ge=1, description="copies that learn again, and classifiers of words for each guide"
    )
    lambdas: Annotated[tuple[NotNegative, ...], Several] = Field(
        (0.0, 0.1, 0.3, 1.0, 3.0),
        min_length=1,
        description="what the divergence weighs in the loss of an adversary, one adversary each",
    )
    epochs: int = Field(5, ge=1, description="that copies learn")
    rate: float = Field(5e-5, gt=0, description="learning rate of copies that learn the task")
    adversary_rate: float = Field(
        1e-3, gt=0, description="of adversaries, whose queries and keys alone learn"
    )
    guide_width: int = Field(64, ge=1, description="of the classifier of words")
    guide_epochs: int = Field(50, ge=1, description="that it learns, at most")
    seed: int = Field(0, ge=0, description="the first of the seeds")
    batch_size: int = Field(16, ge=1, description="texts a step and a pass")


_OF_WHOM = "of uniform attention, retrained copies and adversaries"

ATTENTION_DIAGNOSTICS = ProbeEntry(
    name="attention-diagnostics",
    help="whether attention is needed, moves with the seed, guides others, and can be swapped",
    code=f"{__package__}.diagnostics:run_attention_diagnostics",
    reads="task",
    further=("task-head",),
    options=AttentionDiagnosticsOptions,
    rows=(
        Measure(
            "accuracy",
            ("model",),
            f"share of right classes: of the model, {_OF_WHOM}",
            better="higher",
        ),
        Measure("tvd", ("model",), f"total variation of the output from the model's: {_OF_WHOM}"),
        Measure(
            "jsd",
            ("model",),
            f"divergence of the first token's rows from the model's, in nats: {_OF_WHOM}",
        ),
        Measure(
            "*_sd",
            ("model",),
            "standard deviation over the retrained copies, one a seed, of their mean over texts",
        ),
        Measure(
            "guide_accuracy",
            ("model",),
            "the same of a classifier of words that the weights of `relation` guide",
            better="higher",
        ),
    ),
    headline=Headline("guide_accuracy", "model"),
    finish="item-intervals",
)

ENTRIES = (ATTENTION_DIAGNOSTICS,)
