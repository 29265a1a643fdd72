"""The structural probes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ..entry import Headline, Measure, Phenomenon, ProbeEntry, Several
from ..learning.options import LearningOptions, StaticOptions


def _ranks(given: tuple[int, ...]) -> tuple[int, ...]:
    if any(rank < 1 for rank in given):
        raise ValueError("ranks must be >= 1")
    if len(set(given)) < len(given):
        raise ValueError("ranks contain duplicates")
    return given


class StructuralOptions(LearningOptions, StaticOptions):
    """Options of `structural`."""

    ranks: Annotated[tuple[int, ...], Several, AfterValidator(_ranks)] = Field(
        (64,),
        min_length=1,
        description="ranks of the learned matrices; one probe is trained for each",
    )
    punctuation: Literal["upos", "xpos", "none"] = Field(
        "upos",
        description="words to leave out of trees: those tagged PUNCT, those with the Penn tags "
        "that Hewitt & Manning excluded, or none",
    )
    sentences: int = Field(20, ge=1, description="sentences per training step")


_MEANINGS = {
    "uuas": "share of gold edges in the minimum spanning tree of the distances",
    "dspr": "Spearman correlation of distances, mean over sentence lengths 5 to 50",
    "root_accuracy": "share of sentences whose root has the lowest predicted depth",
    "nspr": "Spearman correlation of depths, mean over sentence lengths 5 to 50",
}

BY_WORD = {"dspr": "dspr_by_word", "nspr": "nspr_by_word"}
"""Metrics that are averaged within each length, then over lengths -> the metric of their items,
whose ratio of sums is the mean over words instead."""

STRUCTURAL = ProbeEntry(
    name="structural",
    help="syntax trees in the geometry of hidden states: distances and depths under a learned "
    "linear map",
    code=f"{__package__}.structural:run_structural",
    needs=("heads",),
    uses=("upos",),
    further=("training-part",),
    options=StructuralOptions,
    rows=(
        *(
            Measure(metric, ("layer",), meaning, BY_WORD.get(metric, ""), better="higher")
            for metric, meaning in _MEANINGS.items()
        ),
        *(
            Measure(
                f"baseline_{metric}",
                ("model",),
                f"the same for {of}",
                BY_WORD.get(metric, metric),
                better="higher",
            )
            for metric, of in (
                ("uuas", "the linear chain"),
                ("dspr", "the linear chain"),
                ("root_accuracy", "the first word that is not punctuation"),
            )
        ),
        Measure(
            "*_seed_sd", ("layer",), "standard deviation of a metric over seeds", better="lower"
        ),
    ),
    headline=Headline("uuas", "layer", by_variant=True),
    transfers=True,
    phenomena=(
        Phenomenon("syntax", "uuas", "*", "edges of trees", "own"),
        Phenomenon("syntax", "root_accuracy", "*", "roots of trees", "own"),
    ),
    finish="structural-intervals",
    curves="hidden states",
    curve_metrics=tuple(_MEANINGS),
)

ENTRIES: tuple[ProbeEntry, ...] = (STRUCTURAL,)
