"""The edge probes: labels of spans."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ...data.files.atomic import file_digest
from ...data.spans.parts import PARTS, read_span_parts
from ..entry import Headline, Measure, PathText, Phenomenon, ProbeEntry, Several
from ..learning.options import LearningOptions, StaticOptions

Task = Literal["dependencies", "upos", "entities"]


def _once(given: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(given)) < len(given):
        raise ValueError("contains duplicates")
    return given


class EdgesOptions(LearningOptions, StaticOptions):
    """Options of `edges`."""

    tasks: Annotated[tuple[Task, ...], Several, AfterValidator(_once)] = Field(
        (),
        description="tasks from the corpus: dependencies, upos, entities; empty = all annotated "
        "ones, or none if files of spans are given",
    )
    spans: PathText = Field(
        "",
        description="JSON Lines file with your own texts and labelled spans, split into train, "
        "dev and test parts",
    )
    spans_train: PathText = Field("", description="training part, instead of `spans`")
    spans_dev: PathText = Field("", description="dev part for early stopping, instead of `spans`")
    spans_test: PathText = Field("", description="test part, instead of `spans`")
    symmetric: bool = Field(
        False,
        description="share one projection between both spans of your pairs, as for coreference",
    )
    unscored: Annotated[tuple[str, ...], Several, AfterValidator(_once)] = Field(
        (), description="labels that are excluded from F1, such as 0, R-* or no_relation"
    )
    projection: int = Field(
        256, ge=1, description="dimension of the word projection, and number of hidden units"
    )
    sentences: int = Field(8, ge=1, description="sentences per training step")
    max_train: int = Field(
        2000, ge=0, description="number of training sentences, drawn at random; 0 = all"
    )

    @model_validator(mode="after")
    def _files_go_together(self) -> Self:
        named = [part for part in PARTS if getattr(self, f"spans_{part}")]
        if self.spans and named:
            raise ValueError(
                f"spans and spans_{named[0]} exclude each other: name one file, or one per part"
            )
        if named and len(named) < len(PARTS):
            missing = next(part for part in PARTS if part not in named)
            raise ValueError(f"spans_{named[0]} needs spans_{missing} as well")
        return self

    def span_paths(self) -> dict[str, str]:
        """The files of spans by part; a single file that is split has the empty key."""
        if self.spans:
            return {"": self.spans}
        if self.spans_test:
            return {part: getattr(self, f"spans_{part}") for part in PARTS}
        return {}

    def inputs(self) -> Mapping[str, str]:
        """The hash of each file of spans, and of the file of word vectors."""
        paths = self.span_paths()
        if paths:
            read_span_parts(paths)
        return {
            **super().inputs(),
            **{
                f"spans_{part}".rstrip("_"): file_digest(Path(path)) for part, path in paths.items()
            },
        }


EDGES = ProbeEntry(
    name="edges",
    help="labels of spans predicted from mixes of hidden states, and the layers that contribute "
    "to them",
    code=f"{__package__}.edges:run_edges",
    needs=("words",),
    uses=("heads", "deprels", "upos"),
    further=("training-part",),
    options=EdgesOptions,
    rows=(
        Measure(
            "mix_micro_f1",
            ("layer",),
            "micro-F1 of labels predicted from a mix of states 0..layer",
            better="higher",
        ),
        Measure(
            "mix_gain", ("layer",), "F1 that the state adds to that of the previous states",
            items="mix_micro_f1",
            better="higher",
        ),
        Measure("mix_weight", ("layer",), "weight of the state in the mix of all states"),
        Measure(
            "summed_gain", ("model",), "F1 of the mix of all states minus that of the embeddings",
            items="mix_micro_f1",
            better="higher",
        ),
        Measure(
            "expected_layer",
            ("model",),
            "mean layer weighted by the gains; empty where there is no gain",
            items="mix_micro_f1",
        ),
        Measure("centre_of_gravity", ("model",), "mean layer weighted by the mix of all states"),
        Measure("mix_weights_kl", ("model",), "bits by which these weights differ from uniform"),
        Measure(
            "*_seed_sd",
            ("layer", "model"),
            "standard deviation of a metric over seeds",
            better="lower",
        ),
    ),
    headline=Headline("mix_micro_f1", "layer"),
    phenomena=(
        Phenomenon("syntax", "mix_micro_f1", "dependencies", "relations, as spans"),
        Phenomenon("syntax", "mix_micro_f1", "upos", "parts of speech, as spans"),
        Phenomenon("semantics", "mix_micro_f1", "entities", "entities, as spans"),
    ),
    finish="edge-intervals",
    curves="hidden states",
    curve_metrics=("mix_micro_f1", "mix_weight"),
)  # fmt: skip

ENTRIES: tuple[ProbeEntry, ...] = (EDGES,)
