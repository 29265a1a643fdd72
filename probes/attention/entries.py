"""The probes of where heads attend."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..entry import Headline, Measure, Options, ProbeEntry, Told, Units

_HEADS: Units = ("head", "layer")
_ALL: Units = ("head", "layer", "model")


class AttentionStatsOptions(Options):
    """Options of `attention-stats`."""

    queries: Literal["all", "words"] = Field(
        "all", description="which tokens attend; words: all except special tokens"
    )
    averaging: Literal["rows", "documents"] = Field(
        "rows",
        description="rows: every query row has the same weight; documents: every document has, "
        "as published",
    )


ATTENTION_STATS = ProbeEntry(
    name="attention-stats",
    help="attention of each head to special, previous, next and self tokens, and its entropy",
    code=f"{__package__}.attention_stats:AttentionStats",
    options=AttentionStatsOptions,
    rows=(
        Measure(
            "attention_to_first",
            _HEADS,
            "share of attention to the first special token",
            words="attention to the first token",
            more="attend more to the first token",
            column="to_first",
            largest="attends_to",
        ),
        Measure(
            "attention_to_separator",
            _HEADS,
            "share of attention to other special tokens",
            words="attention to separator tokens",
            more="attend more to separator tokens",
            column="to_separator",
            largest="attends_to",
        ),
        Measure(
            "attention_to_special",
            _HEADS,
            "share of attention to any special token",
            words="attention to special tokens",
            more="attend more to special tokens",
            column="to_special",
        ),
        Measure(
            "attention_to_punctuation",
            _HEADS,
            "share of attention to punctuation",
            more="attend more to punctuation",
            column="to_punctuation",
            largest="attends_to",
        ),
        Measure(
            "attention_to_previous",
            _HEADS,
            "share of attention to the previous token",
            words="attention to the previous token",
            more="attend more to the previous token",
            column="to_previous",
            largest="attends_to",
        ),
        Measure(
            "attention_to_next",
            _HEADS,
            "share of attention to the next token",
            words="attention to the next token",
            more="attend more to the next token",
            column="to_next",
            largest="attends_to",
        ),
        Measure(
            "attention_to_self",
            _HEADS,
            "share of attention to the token itself",
            words="attention to the token itself",
            more="attend more to the token itself",
            column="to_self",
            largest="attends_to",
        ),
        Measure(
            "attention_distance",
            _HEADS,
            "mean distance to the attended tokens, in tokens",
            more="attend over longer distances",
            column="attention_distance",
        ),
        Measure(
            "attention_entropy",
            _HEADS,
            "mean entropy of a row, in nats",
            more="spread their attention over more tokens",
            column="attention_entropy",
        ),
        Measure(
            "attention_entropy_first",
            _HEADS,
            "entropy of the first token's row, in nats",
            words="entropy of the attention of the first token",
            more="spread the attention of the first token over more tokens",
        ),
    ),
    headline=Headline("*", "head"),
    told=(
        Told(
            "heads",
            "attention_to_special",
            "put {} of their attention on special tokens",
            "uniform attention",
        ),
    ),
    figure="attention",
)


class HeadDistancesOptions(Options):
    """Options of `head-distances`."""

    smoothing: Literal["none", "clark"] = Field(
        "none", description="none: mean over rows; clark: summed over smoothed rows, as published"
    )


HEAD_DISTANCES = ProbeEntry(
    name="head-distances",
    help="Jensen-Shannon divergence between all pairs of heads, with a map and clusters of the "
    "heads",
    code=f"{__package__}.head_distances:HeadDistances",
    options=HeadDistancesOptions,
    rows=(
        Measure("js_divergence", ("head",), "divergence between two heads' rows, in nats"),
        Measure("map_x", ("head",), "position on the map of heads, along the longer axis"),
        Measure("map_y", ("head",), "position on the map of heads, along the shorter axis"),
        Measure(
            "cluster",
            ("head",),
            "number of the head's cluster; `target` gives the number of clusters",
        ),
    ),
    finish="head-map",
)


class AttentionChangeOptions(Options):
    """Options of `attention-change`."""

    padded_to: int = Field(
        0, description="length in subwords to which texts are padded, as published; 0 = no padding"
    )
    absent: Literal["skip", "zero"] = Field(
        "skip",
        description="whether a text without a target is skipped, or counts as 0, as published",
    )


ATTENTION_CHANGE = ProbeEntry(
    name="attention-change",
    help="similarity of each head's maps to those of a reference model, and attention to kinds "
    "of word in both",
    code=f"{__package__}.attention_change:AttentionChange",
    needs=("deprels", "upos"),
    further=("second-model",),
    options=AttentionChangeOptions,
    passes=lambda _options, _reading: 2.0,
    rows=(
        Measure(
            "map_cosine",
            _ALL,
            "cosine similarity between a text's maps in the model and in the reference",
        ),
        Measure("attention_to_target", _ALL, "maximum attention to a word of the kind `relation`"),
        Measure("attention_to_target_change", _ALL, "the difference from the reference"),
    ),
    finish="change-statistics",
)

ENTRIES = (ATTENTION_STATS, HEAD_DISTANCES, ATTENTION_CHANGE)
