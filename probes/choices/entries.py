"""The probes of multiple-choice questions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ..entry import Headline, Measure, Options, ProbeEntry, Several

CHOICES = "choices"

REDUCED = ("first-1", "first-2", "first-4", "no-question", "no-context")
"""Settings in which a part of each question is left out (`data.choices.reduced.REDUCED`)."""


def _settings(given: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [name for name in given if name not in REDUCED]
    if unknown:
        raise ValueError(f"{unknown[0]} is none of {', '.join(REDUCED)}")
    if len(set(given)) < len(given):
        raise ValueError("contains duplicates")
    return given


class ChoicesOptions(Options):
    """Options of `choices`."""

    heuristics: Annotated[tuple[str, ...], Several, AfterValidator(_settings)] = Field(
        REDUCED,
        description="what is left out: first-1, first-2 and first-4 keep so many words of the "
        "question, no-question none of them, no-context no word of the context",
    )
    batch_size: int = Field(32, ge=1, description="questions per forward pass")


ENTRY = ProbeEntry(
    name=CHOICES,
    help="accuracy on multiple-choice questions by type, and how many of them heuristics answer",
    code=f"{__package__}.choice_probe:run_choices",
    reads="task",
    further=("task-head", "choices"),
    options=ChoicesOptions,
    rows=(
        Measure("accuracy", ("model",), "share of the questions that are answered correctly; the "
                "variant says what was left out of them", better="higher", right=True),
        Measure("type_accuracy", ("model",), "the same for the questions of one type",
                better="higher", right=True),
        Measure("part_accuracy", ("model",), "accuracy on complete questions that a heuristic "
                "answers correctly (easy), or not (hard)", better="higher", right=True),
        Measure("easy_share", ("model",), "share of the questions that a heuristic answers "
                "correctly, so that they are easy"),
        Measure("overlap_accuracy", ("model",), "accuracy of choosing the option with the largest "
                "share of words that occur in the context (overlap), or in its sentence that "
                "shares most words with the question (sentence-overlap); no model",
                better="higher"),
    ),
    headline=Headline("accuracy", "model", by_variant=True),
    finish="item-intervals",
    figure="settings",
)  # fmt: skip

ATTRIBUTIONS = "choice-attributions"


class ChoiceAttributionsOptions(Options):
    """Options of `choice-attributions`."""

    target: Literal["predicted", "gold"] = Field(
        "predicted", description="whose logit is attributed: the chosen or the right option"
    )
    n_steps: int = Field(16, ge=1, description="steps of integrated gradients")
    batch_size: int = Field(8, ge=1, description="questions attributed together")
    internal_batch_size: int = Field(64, ge=1, description="inputs per forward and backward pass")


ATTRIBUTION_ENTRY = ProbeEntry(
    name=ATTRIBUTIONS,
    help="attribution of an option's logit to words of context, question and option",
    code=f"{__package__}.choice_attributions:run_choice_attributions",
    reads="task",
    further=("task-head", "choices"),
    options=ChoiceAttributionsOptions,
    rows=(
        Measure("part_attribution", ("model",), "share of |attribution| on the words of a part "
                "(`relation`); the baseline is the part's share of the subwords"),
        Measure("net_part_attribution", ("model",), "signed attribution to these words, as a share "
                "of the sum of |attribution|"),
        Measure("convergence_delta_mean", ("model",), "mean absolute error of the sum of "
                "attributions, in logits", better="lower"),
    ),
    finish="item-intervals",
)  # fmt: skip

ENTRIES = (ENTRY, ATTRIBUTION_ENTRY)
