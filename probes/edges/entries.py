"""The probes of spans."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ...data.files.atomic import file_digest
from ...data.spans.parts import PARTS, read_span_parts
from ..entry import Headline, Measure, PathText, Phenomenon, ProbeEntry, Several
from ..learning.options import LearningOptions

Task = Literal["dependencies", "upos", "entities"]


def _once(given: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(given)) < len(given):
        raise ValueError("a name is given twice")
    return given


class EdgesOptions(LearningOptions):
    """Options of `edges`."""

    tasks: Annotated[tuple[Task, ...], Several, AfterValidator(_once)] = Field(
        (),
        description="what is read off the corpus: dependencies, upos, entities; empty = all that "
        "it is annotated with, or none beside files of spans",
    )
    spans: PathText = Field(
        "", description="JSON lines with texts and labelled spans of your own, cut into parts"
    )
    spans_train: PathText = Field("", description="in place of `spans`: to learn from")
    spans_dev: PathText = Field("", description="in place of `spans`: to stop by")
    spans_test: PathText = Field("", description="in place of `spans`: to be scored")
    symmetric: bool = Field(
        False, description="one projection for both spans of your pairs, as for coreference"
    )
    unscored: Annotated[tuple[str, ...], Several, AfterValidator(_once)] = Field(
        (), description="labels that F1 does not count, such as 0, R-* or no_relation"
    )
    projection: int = Field(
        256, ge=1, description="numbers that a word is projected to, and hidden units"
    )
    sentences: int = Field(8, ge=1, description="sentences a training step")
    max_train: int = Field(
        2000, ge=0, description="training sentences, drawn at random; 0 = all there are"
    )

    @model_validator(mode="after")
    def _files_go_together(self) -> Self:
        named = [part for part in PARTS if getattr(self, f"spans_{part}")]
        if self.spans and named:
            raise ValueError(f"give spans, or spans_{named[0]} and the other parts, not both")
        if named and len(named) < len(PARTS):
            missing = next(part for part in PARTS if part not in named)
            raise ValueError(f"spans_{named[0]} needs spans_{missing} beside it")
        return self

    def span_paths(self) -> dict[str, str]:
        """The files of spans by part; one that is cut is named by the empty text."""
        if self.spans:
            return {"": self.spans}
        if self.spans_test:
            return {part: getattr(self, f"spans_{part}") for part in PARTS}
        return {}

    def inputs(self) -> Mapping[str, str]:
        """The hash of each file of spans."""
        paths = self.span_paths()
        if paths:
            read_span_parts(paths)
        return {
            f"spans_{part}".rstrip("_"): file_digest(Path(path)) for part, path in paths.items()
        }


EDGES = ProbeEntry(
    name="edges",
    help="labels of spans read from mixes of hidden states, and at which layer they are found",
    code=f"{__package__}.edges:run_edges",
    needs=("words",),
    uses=("heads", "deprels", "upos"),
    further=("training-part",),
    options=EdgesOptions,
    rows=(
        Measure(
            "mix_micro_f1", ("layer",), "micro-F1 of labels, from a mix of states 0..layer",
            better="higher",
        ),
        Measure(
            "mix_gain", ("layer",), "what the state adds to the F1 of those before",
            items="mix_micro_f1",
            better="higher",
        ),
        Measure("mix_weight", ("layer",), "weight of the state in the mix of all"),
        Measure(
            "summed_gain", ("model",), "F1 of the mix of all states less that of the embeddings",
            items="mix_micro_f1",
            better="higher",
        ),
        Measure(
            "expected_layer", ("model",), "mean layer of the gains; empty where there is no gain",
            items="mix_micro_f1",
        ),
        Measure("centre_of_gravity", ("model",), "mean layer of the weights of the mix of all"),
        Measure("mix_weights_kl", ("model",), "bits by which these weights differ from equal ones"),
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
