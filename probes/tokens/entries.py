"""The probes of words."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from ...data.holmes.published import Subfield
from ...data.sentences.word_labels import FEATURE, PROPERTIES, is_property
from ..entry import Headline, Measure, Phenomenon, ProbeEntry, Several
from ..learning.options import LearningOptions, StaticOptions

ARC, ARC_LABEL = "arc", "arc-label"
"""Tasks of pairs: whether a word is the head of another, and the relation of a word to its head."""
PAIR_TASKS = (ARC, ARC_LABEL)
ALL = "all"
"""Instead of tasks: all for which the training part is annotated."""


def _tasks(names: tuple[str, ...]) -> tuple[str, ...]:
    if names == (ALL,):
        return names
    for name in names:
        if not is_property(name) and name not in PAIR_TASKS:
            known = ", ".join([*PROPERTIES, f"{FEATURE}NAME", *PAIR_TASKS])
            raise ValueError(f"unknown task {name!r}; known tasks: {ALL} alone, {known}")
    return _unique(names)


def _controlled(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not is_property(name) and name != ARC:
            known = ", ".join([*PROPERTIES, f"{FEATURE}NAME", ARC])
            raise ValueError(f"no control task for {name!r}; control tasks exist for {known}")
    return _unique(names)


def _unique(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("contains duplicates")
    return names


def _sizes(sizes: tuple[int, ...]) -> tuple[int, ...]:
    if not sizes or min(sizes) < 0:
        raise ValueError("sizes must be >= 0")
    _unique(tuple(map(str, sizes)))
    return sizes


Sizes = Annotated[tuple[int, ...], Several, AfterValidator(_sizes)]


class ShapeOptions(LearningOptions):
    """Options of all word classifiers."""

    hidden: Sizes = Field(
        (0,), description="units of the hidden layer of an MLP; 0 = a linear classifier"
    )
    rank: Sizes = Field((0,), description="rank of a linear classifier's weights; 0 = full")

    @model_validator(mode="after")
    def _all_are_used(self) -> ShapeOptions:
        """Raise if a size is used by no classifier.

        Raises:
            ValueError: since a hidden layer and a rank exclude each other.
        """
        for name, one, others in (
            ("rank", self.rank, self.hidden), ("hidden", self.hidden, self.rank),
        ):  # fmt: skip
            if any(one) and 0 not in others:
                raise ValueError(
                    f"a hidden layer and a rank exclude each other: {name} needs a linear "
                    "classifier among the others (add 0)"
                )
        return self


_PHENOMENA: dict[Subfield, dict[str, str]] = {
    "morphology": {"upos": "parts of speech", "xpos": "fine tags", f"{FEATURE}*": ""},
    "syntax": {
        "deprel": "relations of words", "head-side": "sides of heads",
        "parent-deprel": "relations of heads", "grandparent-deprel": "relations of heads of heads",
        ARC: "arcs", ARC_LABEL: "relations of arcs", "chunk": "chunks",
    },
    "semantics": {"entity": "entities"},
}  # fmt: skip
"""Subfield -> task -> what it is called in a profile; empty = by the name of the feature."""


class TokensOptions(ShapeOptions, StaticOptions):
    """Options of `tokens`."""

    tasks: Annotated[tuple[str, ...], Several, AfterValidator(_tasks)] = Field(
        (ALL,),
        min_length=1,
        description="tasks to learn; all = all for which the training part is annotated",
    )


TOKENS = ProbeEntry(
    name="tokens",
    help="properties of words and word pairs predicted from each hidden state: tags, features, "
    "relations, arcs",
    code=f"{__package__}.tokens:run_tokens",
    needs=("upos",),
    uses=("heads", "deprels"),
    further=("training-part",),
    options=TokensOptions,
    rows=(
        Measure(
            "accuracy", ("layer",), "share of test cases with the correct label", better="higher"
        ),
        Measure(
            "macro_f1",
            ("layer",),
            "macro-F1 (mean over labels) over the pooled predictions of all seeds",
            items="accuracy",
            better="higher",
        ),
        Measure(
            "accuracy_gain",
            ("layer",),
            "accuracy minus that of state 0, which encodes only a word and its position",
            items="accuracy",
            better="higher",
        ),
        Measure(
            "accuracy_seed_sd",
            ("layer",),
            "standard deviation of accuracy over the seeds of the probe",
            items="accuracy",
            better="lower",
        ),
    ),
    headline=Headline("accuracy", "layer", by_variant=True),
    transfers=True,
    phenomena=tuple(
        Phenomenon(subfield, "accuracy", task, name, "own")
        for subfield, named in _PHENOMENA.items()
        for task, name in named.items()
    ),
    finish="class-intervals",
    curves="hidden states",
    curve_metrics=("accuracy", "macro_f1"),
)


class ControlOptions(ShapeOptions):
    """Options of `control`."""

    tasks: Annotated[tuple[str, ...], Several, AfterValidator(_controlled)] = Field(
        ("upos", ARC), min_length=1, description="tasks to learn, each with a control task"
    )


CONTROL = ProbeEntry(
    name="control",
    help="selectivity: accuracy for a property minus accuracy for random labels, one per word type",
    code=f"{__package__}.control:run_control",
    needs=("upos",),
    uses=("heads",),
    further=("training-part",),
    options=ControlOptions,
    rows=(
        Measure("linguistic_accuracy", ("layer",), "accuracy for the property", better="higher"),
        Measure(
            "control_accuracy",
            ("layer",),
            "accuracy for the control task, with its ceiling",
            better="lower",
        ),
        Measure(
            "selectivity", ("layer",), "linguistic accuracy minus control accuracy", better="higher"
        ),
        Measure(
            "control_ceiling",
            ("model",),
            "maximum control accuracy: test words seen in training, plus chance level for the "
            "others",
        ),
    ),
    headline=Headline("selectivity", "layer", by_variant=True),
    finish="item-intervals",
    curves="hidden states",
    curve_metrics=("selectivity", "linguistic_accuracy", "control_accuracy"),
)

ENTRIES = (TOKENS, CONTROL)
