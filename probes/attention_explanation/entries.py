"""The probes of whether attention explains a prediction."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..entry import Headline, Measure, Options, ProbeEntry, Units

_EVERY: Units = ("head", "layer", "model")


class AttentionExplanationOptions(Options):
    """Options of `attention-explanation`."""

    gradient: Literal["fixed-attention", "through-attention"] = Field(
        "fixed-attention",
        description="whether gradients flow through attention; fixed-attention as published",
    )
    perturbed_texts: int = Field(
        40, ge=0, description="texts for permutations and the adversary; 0 = all"
    )
    permutations: int = Field(
        50, ge=1, description="permutations of the first token's row per text"
    )
    adversary_layers: Literal["last", "all"] = Field(
        "last", description="layers in which the adversary changes the first token's row"
    )
    copies: int = Field(3, ge=1, description="rows that the adversary optimises at once")
    steps: int = Field(100, ge=1, description="optimisation steps of the adversary")
    rate: float = Field(0.1, gt=0, description="learning rate of the adversary")
    epsilon: float = Field(
        0.01, ge=0, le=1, description="total variation by which the adversary may change the output"
    )
    penalty: float = Field(
        500.0, gt=0, description="weight of changes of the output beyond epsilon"
    )
    seed: int = Field(0, ge=0, description="seed of texts, permutations and starting rows")
    batch_size: int = Field(8, ge=1, description="texts per pass with attention maps")
    internal_batch_size: int = Field(
        64, ge=1, description="texts per pass when words are left out or rows permuted"
    )


ATTENTION_EXPLANATION = ProbeEntry(
    name="attention-explanation",
    help="whether attention explains decisions: agreement with importance, permutation, adversary",
    code=f"{__package__}.explanation:run_attention_explanation",
    reads="task",
    further=("task-head", "classes"),
    options=AttentionExplanationOptions,
    rows=(
        Measure(
            "importance_tau",
            ("model",),
            "mean Kendall's tau-b between gradient and leave-one-out importance",
        ),
        Measure(
            "tau_*",
            _EVERY,
            "mean Kendall's tau-b between the first token's row (`relation`) and word importance",
            better="higher",
        ),
        Measure("significant_*", ("model",), "share of texts whose tau has p < 0.05"),
        Measure("importance_significant", ("model",), "the same for importance_tau"),
        Measure(
            "permuted_tvd",
            ("layer", "model"),
            "median total variation of the output when the row's weights are permuted",
            better="higher",
        ),
        Measure(
            "adversarial_jsd",
            ("model",),
            "maximum divergence from attention that gives the same output, in nats, 0 to ln 2",
            better="lower",
        ),
    ),
    headline=Headline("tau_gradient", "model", mean_over_relations=False),
    finish="item-intervals",
)


ENTRIES = (ATTENTION_EXPLANATION,)
