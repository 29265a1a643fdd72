"""The probes of a classifier on a second test set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from ...data.tasks.task import TaskSpec
from ..entry import Headline, Measure, Options, PathText, ProbeEntry, Several

HEURISTICS = "heuristics"
ACCURACY, ENTAILED, NOT_ENTAILED = "accuracy", "accuracy_entailed", "accuracy_non_entailed"
SUBCASE, TEMPLATE = "subcase_accuracy", "template_accuracy"
SHARE, RELIANCE = "share_entailed", "reliance"
CHALLENGE = "challenge"
REPORTED, DIFFERENCE = "report_accuracy", "accuracy_difference"


class HeuristicsOptions(Options):
    """Options of `heuristics`."""

    file: PathText = Field(
        "", description="HANS as published (.txt or .jsonl); empty = generated pairs"
    )
    merging: Literal["argmax", "sum"] = Field(
        "argmax",
        description="non-entailment is any other class with the highest logit, as published, or "
        "has the sum of the probabilities of all other classes",
    )
    limit: int = Field(
        0, ge=0, description="maximum number of pairs per subcase, evenly spaced; 0 = all"
    )
    generated: int = Field(608, ge=1, description="number of generated pairs")
    seed: int = Field(1, ge=0, description="seed of the generated pairs; 0 = that of the task")
    batch_size: int = Field(64, ge=1, description="pairs per forward pass")

    def inputs(self) -> Mapping[str, str]:
        """The hash of the file."""
        if not self.file:
            return {}
        from pathlib import Path

        from ...data.challenge.hans import read_hans
        from ...data.files.atomic import file_digest

        read_hans(self.file)
        return {"file": file_digest(Path(self.file))}

    def unfit(self, spec: TaskSpec) -> str:
        """A task of pairs with a class that is named entailment is needed."""
        from ...data.challenge.classes import entailment_class
        from ...data.errors import InputError

        if not spec.pair:
            return "its examples are single sentences, not pairs"
        try:
            entailment_class(spec.labels)
        except InputError as error:
            return f"{error.problem}; {error.remedy}"
        return ""


_PAIRS = "of the pairs of a heuristic (`relation`), or of all"

HEURISTIC = ProbeEntry(
    name=HEURISTICS,
    help="whether a model of entailment relies on syntactic heuristics (HANS)",
    code=f"{__package__}.heuristics:run_heuristics",
    reads="suite",
    further=("task-head", "classes", "named-classes"),
    options=HeuristicsOptions,
    rows=(
        Measure(ACCURACY, ("model",), f"share {_PAIRS} that are classified correctly",
                better="higher", right=True),
        Measure(ENTAILED, ("model",), "the same for entailed pairs, where the heuristic is right",
                better="higher", right=True),
        Measure(NOT_ENTAILED, ("model",),
                "the same for pairs that are not entailed, where the heuristic is wrong",
                better="higher", right=True),
        Measure(SUBCASE, ("model",), "accuracy on a construction (`relation`)", better="higher",
                right=True),
        Measure(TEMPLATE, ("model",), "accuracy on the pairs of a template (`relation`)",
                items=SUBCASE, better="higher"),
        Measure(SHARE, ("model",), f"share {_PAIRS} that are classified as entailment"),
        Measure(RELIANCE, ("model",),
                f"{ENTAILED} minus {NOT_ENTAILED}: 0 = both labels are recognised equally well, "
                "1 = the model predicts what the heuristic predicts", better="lower"),
    ),
    headline=Headline("[ar]*", "model"),
    finish="heuristic-intervals",
    figure="language",
)  # fmt: skip


class ChallengeOptions(Options):
    """Options of `challenge`."""

    file: PathText = Field("", description="the test set: .tsv, .csv, .jsonl or .parquet; required")
    columns: Annotated[tuple[str, ...], Several] = Field(
        (),
        description="columns of the file as ROLE=COLUMN: first, label, and optionally second, "
        "group (accuracy is also reported by group) and cluster (the source that examples share)",
    )
    labels: Annotated[tuple[str, ...], Several] = Field(
        (),
        description="labels of the file as LABEL=CLASS where they are not named like the classes",
    )
    limit: int = Field(
        0, ge=0, description="maximum number of examples of the file, evenly spaced; 0 = all"
    )
    batch_size: int = Field(64, ge=1, description="examples per forward pass")

    def inputs(self) -> Mapping[str, str]:
        """The hash of the file, whose columns must exist."""
        from pathlib import Path

        from ...data.challenge.own_set import challenge_columns, label_pairs
        from ...data.challenge.tables import read_columns
        from ...data.errors import ConfigError
        from ...data.files.atomic import file_digest

        columns = challenge_columns(self.columns)
        label_pairs(self.labels)
        if not self.file:
            raise ConfigError(
                "no test set is named", where=f"option {CHALLENGE}.file", remedy="name a file"
            )
        read_columns(Path(self.file), list(columns.values()), quotes="auto")
        return {"file": file_digest(Path(self.file))}

    def unfit(self, spec: TaskSpec) -> str:
        """The texts and labels of the file are needed to be those of the task."""
        from ...data.challenge.own_set import challenge_columns, label_pairs, read_challenge
        from ...data.errors import InputError

        try:
            columns, labels = challenge_columns(self.columns), label_pairs(self.labels)
            read_challenge(self.file, columns, spec.labels, labels, pair=spec.pair)
        except InputError as error:
            return str(error)
        return ""


TEST_SET = ProbeEntry(
    name=CHALLENGE,
    help="accuracy on a second test set of the task, by group, and compared with the report split",
    code=f"{__package__}.challenge:run_challenge",
    reads="task",
    further=("task-head", "classes", "named-classes"),
    options=ChallengeOptions,
    rows=(
        Measure(ACCURACY, ("model",), "share of the examples of the test set, or of one of its "
                "groups (`relation`), that are classified correctly", better="higher", right=True),
        Measure(REPORTED, ("model",), "accuracy on the task's own report split", better="higher",
                right=True),
        Measure(DIFFERENCE, ("model",), f"{ACCURACY} on the whole test set minus {REPORTED}",
                better="higher"),
    ),
    headline=Headline("accuracy*", "model"),
    finish="challenge-intervals",
    figure="language",
)  # fmt: skip

ENTRIES = (HEURISTIC, TEST_SET)
