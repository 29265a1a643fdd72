"""The probe of what single heads contribute to hidden states."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ...data.sentences.word_labels import FEATURE, PROPERTIES, is_property
from ..entry import Measure, ProbeEntry, Several
from ..learning.options import LearningOptions

TREE = "tree"
"""The task of the structural probe: which words are joined in the tree."""

LAST = -1
"""Instead of the number of a state: the last one."""


def _tasks(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not is_property(name) and name != TREE:
            known = ", ".join([*PROPERTIES, f"{FEATURE}NAME", TREE])
            raise ValueError(f"unknown task {name!r}; known tasks: {known}")
    if len(set(names)) < len(names):
        raise ValueError("contains duplicates")
    return names


class HeadAblationCostOptions(LearningOptions):
    """Options of `head-ablation-cost`."""

    tasks: Annotated[tuple[str, ...], Several, AfterValidator(_tasks)] = Field(
        ("upos", TREE),
        min_length=1,
        description="properties of words, and `tree`, that classifiers predict",
    )
    state: int = Field(
        LAST, ge=LAST, description="hidden state that the classifiers read; -1 = the last"
    )
    rank: int = Field(64, ge=1, description="rank of the structural probe for `tree`")
    punctuation: Literal["upos", "xpos", "none"] = Field(
        "upos", description="how punctuation is recognised, as in `structural`"
    )


HEAD_ABLATION_COST = ProbeEntry(
    name="head-ablation-cost",
    help="loss of classifiers of a hidden state when a single head is ablated",
    code=f"{__package__}.head_ablation_cost:run_head_ablation_cost",
    needs=("heads",),
    uses=("upos",),
    further=("training-part",),
    # each head in turn, with the layers above it: on average half of the model
    passes=lambda _options, reading: 1 + reading.heads / 2,
    options=HeadAblationCostOptions,
    rows=(
        Measure(
            "accuracy_cost", ("head",), "accuracy with all heads minus accuracy without the head"
        ),
        Measure("uuas_cost", ("head",), "UUAS with all heads minus UUAS without the head"),
        Measure(
            "accuracy_whole", ("model",), "accuracy with all heads of the model", better="higher"
        ),
        Measure(
            "uuas_whole",
            ("model",),
            "UUAS (share of gold edges) with all heads of the model",
            better="higher",
        ),
    ),
    transfers=True,
    finish="item-intervals",
)

ENTRIES: tuple[ProbeEntry, ...] = (HEAD_ABLATION_COST,)
