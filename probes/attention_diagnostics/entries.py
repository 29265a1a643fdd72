"""The probe of how closely attention is tied to the decisions of a model."""

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
        3,
        ge=1,
        description="number of retrained copies, and of word classifiers for each set of weights",
    )
    lambdas: Annotated[tuple[NotNegative, ...], Several] = Field(
        (0.0, 0.1, 0.3, 1.0, 3.0),
        min_length=1,
        description="weights of the divergence in the loss; one adversary each",
    )
    epochs: int = Field(5, ge=1, description="number of training epochs of the copies")
    rate: float = Field(5e-5, gt=0, description="learning rate of the copies that learn the task")
    adversary_rate: float = Field(
        1e-3, gt=0, description="learning rate of the adversaries' queries and keys"
    )
    guide_width: int = Field(64, ge=1, description="number of hidden units of the word classifiers")
    guide_epochs: int = Field(
        50, ge=1, description="maximum number of training epochs of the word classifiers"
    )
    seed: int = Field(0, ge=0, description="first seed")
    batch_size: int = Field(16, ge=1, description="texts per training step and per pass")


_OF_WHOM = "uniform attention, retrained copies and adversaries"

ATTENTION_DIAGNOSTICS = ProbeEntry(
    name="attention-diagnostics",
    help="how closely attention is tied to decisions: uniform, retrained and adversarial attention",
    code=f"{__package__}.diagnostics:run_attention_diagnostics",
    reads="task",
    further=("task-head", "classes"),
    options=AttentionDiagnosticsOptions,
    rows=(
        Measure(
            "accuracy",
            ("model",),
            f"share of correct predictions: the model, {_OF_WHOM}",
            better="higher",
        ),
        Measure("tvd", ("model",), f"total variation distance from the model's output: {_OF_WHOM}"),
        Measure(
            "jsd",
            ("model",),
            "Jensen-Shannon divergence of the first token's attention from the model's, in nats: "
            f"{_OF_WHOM}",
        ),
        Measure(
            "*_sd",
            ("model",),
            "standard deviation of the mean over texts across the retrained copies, one per seed",
            better="lower",
        ),
        Measure(
            "guide_accuracy",
            ("model",),
            "accuracy of a word classifier that uses the attention weights of `relation`",
            better="higher",
        ),
    ),
    headline=Headline("guide_accuracy", "model"),
    finish="item-intervals",
)

ENTRIES = (ATTENTION_DIAGNOSTICS,)
