"""The probes that erase a property."""

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
    """Options of all probes that erase a property of words."""

    properties: Annotated[tuple[str, ...], Several, AfterValidator(_known)] = Field(
        ("upos",), min_length=1, description="properties of words to erase, one at a time"
    )
    erasers: Annotated[tuple[Literal["leace", "inlp"], ...], Several] = Field(
        ("leace",), min_length=1, description="methods of erasure"
    )
    shrinkage: bool = Field(
        False, description="use a shrinkage estimate of the covariance for whitening in LEACE"
    )
    rounds: int = Field(20, ge=1, description="maximum number of INLP rounds")
    margin: float = Field(
        0.01,
        ge=0,
        lt=1,
        description="INLP ends once accuracy is within this margin of the majority baseline",
    )
    penalty: float = Field(
        0.01, gt=0, description="L2 penalty of linear classifiers, added to the mean cross-entropy"
    )
    max_words: int = Field(
        10_000, ge=1, description="approximate number of training words that are used"
    )
    seed: int = Field(
        0, ge=0, description="seed of the sample of training texts and of the random directions"
    )
    batch_size: int = Field(32, ge=1, description="texts per forward pass")


AMNESIC = ProbeEntry(
    name="amnesic",
    help="accuracy of a linear probe for a property after INLP or LEACE has erased it",
    code=f"{__package__}.amnesic:run_amnesic",
    needs=("upos",),
    further=("training-part",),
    options=ErasureOptions,
    rows=(
        Measure(
            "accuracy",
            _STATES,
            "accuracy of a linear probe",
            better="higher",
        ),
        Measure(
            "accuracy_erased",
            _STATES,
            "accuracy after the property has been erased",
            better="lower",
        ),
        Measure(
            "accuracy_erased_fit",
            _STATES,
            "accuracy after erasure on the words that the eraser was fitted on",
            better="lower",
        ),
        Measure(
            "accuracy_erased_refitted",
            _STATES,
            "accuracy after erasure of a probe fitted on held-out words",
            better="lower",
        ),
        Measure(
            "accuracy_random",
            _STATES,
            "accuracy after the same number of random directions has been erased",
            better="higher",
        ),
        Measure(
            "accuracy_gold",
            _STATES,
            "accuracy after erasure when the gold class is added to the input",
            better="higher",
        ),
        Measure(
            "accuracy_drop_selective",
            _STATES,
            "mean over words of accuracy_random minus accuracy_erased",
        ),
        Measure("rank_removed", _STATES, "number of erased directions"),
    ),
    headline=Headline("accuracy_drop_selective", "layer", by_variant=True),
    finish="item-intervals",
    curves="hidden states",
    curve_metrics=("accuracy", "accuracy_erased", "accuracy_erased_refitted", "accuracy_random"),
)


class AmnesicTaskOptions(ErasureOptions):
    """Options of `amnesic-task`."""

    layers: Annotated[tuple[int, ...], Several] = Field(
        (), description="hidden states to erase from, one at a time; empty = each of them"
    )
    tokens: Literal["all", "words"] = Field(
        "all", description="tokens to erase from: all, or only those of words"
    )
    draws: int = Field(3, ge=1, description="number of sets of random directions")


AMNESIC_TASK = ProbeEntry(
    name="amnesic-task",
    help="loss in task performance when a property is erased from a hidden state",
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
        Measure("task_*_erased", _STATES, "the same when the property is erased from the state"),
        Measure(
            "task_*_random", _STATES, "the same when random directions are erased, mean over draws"
        ),
        Measure("task_*_drop", _STATES, "task_*_intact minus task_*_erased"),
        Measure("task_*_drop_selective", _STATES, "task_*_random minus task_*_erased"),
        Measure("rank_removed", _STATES, "number of erased directions"),
    ),
    headline=Headline("task_*_drop_selective", "layer", by_variant=True),
    finish="item-intervals",
    curves="hidden states",
    curve_metrics=("task_accuracy_erased", "task_accuracy_random"),
)

ENTRIES: tuple[ProbeEntry, ...] = (AMNESIC, AMNESIC_TASK)
