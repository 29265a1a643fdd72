"""The probes of whether attention explains a prediction."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..entry import Headline, Measure, Options, ProbeEntry, Units

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


ENTRIES = (ATTENTION_EXPLANATION,)
