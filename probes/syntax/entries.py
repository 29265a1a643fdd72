"""The probes of syntax in attention."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..entry import Headline, Measure, Options, ProbeEntry, Several, Units

_ALL: Units = ("head", "layer", "model")
Direction = Literal["dependent->head", "head->dependent"]


class DependencyHeadsOptions(Options):
    """Options of `dependency-heads`."""

    min_count: int = Field(20, description="relations with fewer arcs in the corpus get no rows")


DEPENDENCY_HEADS = ProbeEntry(
    name="dependency-heads",
    help="which head finds which dependency relation, beside the best fixed offset",
    code=f"{__package__}.dependency_heads:DependencyHeads",
    needs=("heads",),
    uses=("deprels",),
    counts_arcs=True,
    shared=("selection",),
    options=DependencyHeadsOptions,
    rows=(
        Measure(
            "dependency_accuracy", ("head",), "share of arcs that the head finds", better="higher"
        ),
        Measure(
            "best_head_accuracy",
            ("model",),
            "the same of the best living head, chosen on other sentences",
            items="dependency_accuracy",
            better="higher",
        ),
        Measure(
            "offset_accuracy", ("model",), "the same of the best fixed offset", better="higher"
        ),
    ),
    headline=Headline("best_head_accuracy", "model", mean_over_relations=True),
    finish="dependency-tests",
    figure="dependencies",
)


class AttentionTreesOptions(Options):
    """Options of `attention-trees`."""

    decoder: Literal["max", "arborescence", "spanning-tree"] = Field(
        "max", description="how a tree is read off a map; spanning-tree is undirected, without UAS"
    )
    root: Literal["gold", "free"] = Field(
        "gold", description="whether the decoder is given the gold root"
    )
    scores: Literal["weights", "log"] = Field(
        "weights", description="sums of attention weights, or of their logarithms"
    )
    directions: Annotated[tuple[Direction, ...], Several] = Field(
        ("dependent->head", "head->dependent"),
        min_length=1,
        description="where the head of a word is looked for: where it attends, or what attends "
        "to it",
    )
    renormalise: bool = Field(
        False, description="let each word's attention to the words of its sentence sum to 1"
    )


ATTENTION_TREES = ProbeEntry(
    name="attention-trees",
    help="syntax trees decoded from each head and from means of heads, beside trees of no model",
    code=f"{__package__}.attention_trees:AttentionTrees",
    needs=("heads",),
    uses=("upos",),
    counts_arcs=True,
    shared=("selection",),
    options=AttentionTreesOptions,
    rows=(
        Measure("uas", _ALL, "share of words whose head the tree has right", better="higher"),
        Measure(
            "uuas",
            _ALL,
            "share of arcs that the tree has, whatever their direction",
            better="higher",
        ),
        Measure("uas_no_punct", _ALL, "UAS without punctuation", better="higher"),
        Measure("uuas_no_punct", _ALL, "UUAS without punctuation", better="higher"),
        *(
            Measure(
                f"best_head_{score}",
                ("model",),
                f"{score.split('_')[0].upper()} of the best living head, chosen on other sentences"
                + (", without punctuation" if "_" in score else ""),
                items=score,
                better="higher",
            )
            for score in ("uas", "uuas", "uas_no_punct", "uuas_no_punct")
        ),
        Measure(
            "baseline_*", ("model",), "the same of a tree that needs no model", better="higher"
        ),
    ),
)

ENTRIES = (DEPENDENCY_HEADS, ATTENTION_TREES)
