"""The probes that remove a property."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ...data.sentences.sentence import Sentence
from ...data.sentences.word_labels import word_labels
from ..entry import Headline, Measure, Options, ProbeEntry, Several, Units

_STATES: Units = ("layer",)


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        word_labels(Sentence("", ()), name)
    return names


class ErasureOptions(Options):
    """Options of probes that erase a property of words."""

    properties: Annotated[tuple[str, ...], Several, AfterValidator(_known)] = Field(
        ("upos",), min_length=1, description="properties of words that are erased, one at a time"
    )
    erasers: Annotated[tuple[Literal["leace", "inlp"], ...], Several] = Field(
        ("leace",), min_length=1, description="how they are erased"
    )
    shrinkage: bool = Field(False, description="shrink the covariance that LEACE whitens by")
    rounds: int = Field(20, ge=1, description="rounds of INLP, at most")
    margin: float = Field(
        0.01, ge=0, lt=1, description="above the majority, at which the rounds of INLP end"
    )
    penalty: float = Field(
        0.01, gt=0, description="of linear classifiers, beside the mean cross-entropy"
    )
    max_words: int = Field(10_000, ge=1, description="training words that are used, about")
    seed: int = Field(0, ge=0, description="of the training texts and of random directions")
    batch_size: int = Field(32, ge=1, description="texts a forward pass")


AMNESIC = ProbeEntry(
    name="amnesic",
    help="what a linear probe still reads of a property after INLP or LEACE removed it",
    code=f"{__package__}.amnesic:run_amnesic",
    needs=("upos",),
    further=("training-part",),
    options=ErasureOptions,
    rows=(
        Measure(
            "accuracy",
            _STATES,
            "share of words whose class a linear probe finds",
            better="higher",
        ),
        Measure(
            "accuracy_erased", _STATES, "the same after the property was erased", better="lower"
        ),
        Measure(
            "accuracy_erased_fit",
            _STATES,
            "the same on the words that the eraser was fitted on",
            better="lower",
        ),
        Measure(
            "accuracy_erased_refitted",
            _STATES,
            "the same of a probe fitted on held-out words",
            better="lower",
        ),
        Measure(
            "accuracy_random",
            _STATES,
            "the same after as many random directions were erased",
            better="higher",
        ),
        Measure(
            "accuracy_gold",
            _STATES,
            "the same after erasure, with the gold class given back",
            better="higher",
        ),
        Measure(
            "accuracy_drop_selective", _STATES, "accuracy_random less accuracy_erased, word by word"
        ),
        Measure("rank_removed", _STATES, "directions that were erased"),
    ),
    headline=Headline("accuracy_drop_selective", "layer", by_variant=True),
    finish="item-intervals",
    curves="hidden states",
    curve_metrics=("accuracy", "accuracy_erased", "accuracy_erased_refitted", "accuracy_random"),
)


class AmnesicTaskOptions(ErasureOptions):
    """Options of `amnesic-task`."""

    layers: Annotated[tuple[int, ...], Several] = Field(
        (), description="hidden states that are erased, one at a time; none named = each"
    )
    tokens: Literal["all", "words"] = Field(
        "all", description="what is erased: all tokens, or those of words"
    )
    draws: int = Field(3, ge=1, description="sets of as many random directions")


AMNESIC_TASK = ProbeEntry(
    name="amnesic-task",
    help="what the task loses when a property is erased from a hidden state on the way",
    code=f"{__package__}.amnesic_task:run_amnesic_task",
    reads="task",
    further=("task-head", "training-part"),
    options=AmnesicTaskOptions,
    rows=(
        Measure(
            "task_*_intact",
            ("model",),
            "accuracy on the task, or mean negative error",
            better="higher",
        ),
        Measure("task_*_erased", _STATES, "the same while the property is erased from the state"),
        Measure(
            "task_*_random", _STATES, "the same while random directions are, mean of the draws"
        ),
        Measure("task_*_drop", _STATES, "task_*_intact less task_*_erased"),
        Measure("task_*_drop_selective", _STATES, "task_*_random less task_*_erased"),
        Measure("rank_removed", _STATES, "directions that were erased"),
    ),
    headline=Headline("task_*_drop_selective", "layer", by_variant=True),
    finish="item-intervals",
    curves="hidden states",
    curve_metrics=("task_accuracy_erased", "task_accuracy_random"),
)

ENTRIES: tuple[ProbeEntry, ...] = (AMNESIC, AMNESIC_TASK)
