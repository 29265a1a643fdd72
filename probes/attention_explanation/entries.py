"""The probes of whether attention explains a prediction."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..entry import Headline, Measure, Options, ProbeEntry, Several, Units

NotNegative = Annotated[float, Field(ge=0)]
_EVERY: Units = ("head", "layer", "model")


class AttentionExplanationOptions(Options):
    """Options of `attention-explanation`."""

    gradient: Literal["fixed-attention", "through-attention"] = Field(
        "fixed-attention", description="whether gradients pass through attention; published: fixed"
    )
    perturbed_texts: int = Field(
        40, ge=0, description="texts whose attention is permuted and attacked; 0 = all"
    )
    permutations: int = Field(50, ge=1, description="of the first token's row, a text")
    adversary_layers: Literal["last", "all"] = Field(
        "last", description="layers in which the adversary changes the first token's row"
    )
    copies: int = Field(3, ge=1, description="rows that the adversary looks for at once")
    steps: int = Field(100, ge=1, description="of the adversary")
    rate: float = Field(0.1, gt=0, description="learning rate of the adversary")
    epsilon: float = Field(
        0.01, ge=0, le=1, description="total variation by which it may move the output"
    )
    penalty: float = Field(500.0, gt=0, description="of what moves the output further")
    seed: int = Field(0, ge=0, description="of the texts, permutations and starts")
    batch_size: int = Field(8, ge=1, description="texts whose attention is in memory at once")
    internal_batch_size: int = Field(
        64, ge=1, description="texts a pass while words are left out or rows permuted"
    )


ATTENTION_EXPLANATION = ProbeEntry(
    name="attention-explanation",
    help="whether attention ranks words as gradients and leaving out do, and what other rows do",
    code=f"{__package__}.explanation:run_attention_explanation",
    reads="task",
    further=("task-head",),
    options=AttentionExplanationOptions,
    rows=(
        Measure(
            "importance_tau",
            ("model",),
            "mean tau-b between gradients and leaving out",
        ),
        Measure(
            "tau_*",
            _EVERY,
            "mean tau-b between the first token's row `relation` and the importance of words",
            better="higher",
        ),
        Measure("significant_*", ("model",), "share of texts whose tau has p < 0.05"),
        Measure("importance_significant", ("model",), "the same of importance_tau"),
        Measure(
            "permuted_tvd",
            ("layer", "model"),
            "median total variation of the output when the row's weights change places",
            better="higher",
        ),
        Measure(
            "adversarial_jsd",
            ("model",),
            "largest divergence of other attention with the same output, in nats, 0 to ln 2",
            better="lower",
        ),
    ),
    headline=Headline("tau_gradient", "model", mean_over_relations=False),
    finish="item-intervals",
)


class AttentionDiagnosticsOptions(Options):
    """Options of `attention-diagnostics`."""

    layers: Literal["last", "all"] = Field(
        "all", description="layers whose attention is made uniform and compared"
    )
    seeds: int = Field(
        3, ge=1, description="copies that learn again, and classifiers of words for each guide"
    )
    lambdas: Annotated[tuple[NotNegative, ...], Several] = Field(
        (0.0, 0.01, 0.03, 0.1, 0.3, 1.0),
        min_length=1,
        description="what the divergence weighs in the loss of an adversary, one adversary each",
    )
    noise: float = Field(
        0.1, gt=0, description="on an adversary's first query and key weights, in their spread"
    )
    epochs: int = Field(5, ge=1, description="that copies learn")
    rate: float = Field(5e-5, gt=0, description="learning rate of the copies")
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
            "guide_accuracy",
            ("model",),
            "the same of a classifier of words that the weights of `relation` guide",
            better="higher",
        ),
    ),
    headline=Headline("guide_accuracy", "model"),
    finish="item-intervals",
)

ENTRIES = (ATTENTION_EXPLANATION, ATTENTION_DIAGNOSTICS)
