"""The structural probes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ..entry import Headline, Measure, Phenomenon, ProbeEntry, Several
from ..learning.options import LearningOptions


def _ranks(given: tuple[int, ...]) -> tuple[int, ...]:
    if any(rank < 1 for rank in given):
        raise ValueError("ranks must be >= 1")
    if len(set(given)) < len(given):
        raise ValueError("ranks contain duplicates")
    return given


class StructuralOptions(LearningOptions):
    """Options of `structural`."""

    ranks: Annotated[tuple[int, ...], Several, AfterValidator(_ranks)] = Field(
        (64,), min_length=1, description="rows of the learnt matrices; several are a sweep"
    )
    punctuation: Literal["upos", "xpos", "none"] = Field(
        "upos",
        description="words left out of trees: tagged PUNCT, with one of the Penn tags that Hewitt "
        "& Manning left out, or none",
    )
    sentences: int = Field(20, ge=1, description="sentences a training step")


_MEANINGS = {
    "uuas": "share of gold edges that the spanning tree of the distances has",
    "dspr": "rank correlation of distances, mean over sentence lengths 5 to 50",
    "root_accuracy": "share of sentences whose root is the shallowest word",
    "nspr": "rank correlation of depths, mean over sentence lengths 5 to 50",
}

BY_WORD = {"dspr": "dspr_by_word", "nspr": "nspr_by_word"}
"""Metrics that are averaged within each length, then over lengths -> the metric of their items,
whose ratio of sums is the mean over words instead."""

STRUCTURAL = ProbeEntry(
    name="structural",
    help="trees in the geometry of hidden states: distances and depths under a learnt map",
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
                f"the same {of}",
                BY_WORD.get(metric, metric),
                better="higher",
            )
            for metric, of in (
                ("uuas", "of the linear chain"),
                ("dspr", "of the linear chain"),
                ("root_accuracy", "of the first word that is no punctuation"),
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
