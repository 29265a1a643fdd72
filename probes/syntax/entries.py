"""The probes of syntax in attention."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..entry import BestGain, Headline, Measure, Options, ProbeEntry, Several, Told, Units

_ALL: Units = ("head", "layer", "model")
Direction = Literal["dependent->head", "head->dependent"]


class DependencyHeadsOptions(Options):
    """Options of `dependency-heads`."""

    min_count: int = Field(
        20, description="minimum number of arcs in the corpus for a relation to get rows"
    )


DEPENDENCY_HEADS = ProbeEntry(
    name="dependency-heads",
    help="which attention head finds which dependency relation, compared with the best fixed "
    "offset",
    code=f"{__package__}.dependency_heads:DependencyHeads",
    needs=("heads",),
    uses=("deprels",),
    counts_arcs=True,
    shared=("selection",),
    options=DependencyHeadsOptions,
    rows=(
        Measure(
            "dependency_accuracy",
            ("head",),
            "share of arcs whose other end the attention head attends to most",
            better="higher",
        ),
        Measure(
            "best_head_accuracy",
            ("model",),
            "the same for the best kept head, chosen on other sentences",
            items="dependency_accuracy",
            better="higher",
        ),
        Measure(
            "offset_accuracy",
            ("model",),
            "the same for the best fixed offset (positional baseline)",
            better="higher",
        ),
    ),
    headline=Headline("best_head_accuracy", "model", mean_over_relations=True),
    told=(
        Told(
            "kinds",
            "best_head_accuracy",
            "Accuracy of the best single head at finding dependency heads",
            "positional baseline, the best fixed offset",
        ),
        Told("survivors", "best_head_accuracy", "finding dependency heads"),
    ),
    best_gain=BestGain(
        "dependency_accuracy",
        "best_above_offset",
        "find a dependency relation further above its positional baseline",
    ),
    survivors="heads",
    finish="dependency-tests",
    figure="dependencies",
)


class AttentionTreesOptions(Options):
    """Options of `attention-trees`."""

    decoder: Literal["max", "arborescence", "spanning-tree"] = Field(
        "max",
        description="how a tree is decoded from a map; spanning-tree is undirected and has no UAS",
    )
    root: Literal["gold", "free"] = Field(
        "gold", description="whether the decoder is given the gold root"
    )
    scores: Literal["weights", "log"] = Field(
        "weights", description="whether arcs are scored by attention weights or by their logarithms"
    )
    directions: Annotated[tuple[Direction, ...], Several] = Field(
        ("dependent->head", "head->dependent"),
        min_length=1,
        description="where the head of a word is sought: among the words it attends to, or those "
        "that attend to it",
    )
    renormalise: bool = Field(
        False,
        description="normalise each word's attention to the words of its sentence to sum to 1",
    )


ATTENTION_TREES = ProbeEntry(
    name="attention-trees",
    help="syntax trees decoded from single heads and from means over heads, compared with "
    "model-free trees",
    code=f"{__package__}.attention_trees:AttentionTrees",
    needs=("heads",),
    uses=("upos",),
    counts_arcs=True,
    shared=("selection",),
    options=AttentionTreesOptions,
    rows=(
        Measure(
            "uas",
            _ALL,
            "share of words whose syntactic head is correct in the tree",
            better="higher",
        ),
        Measure(
            "uuas",
            _ALL,
            "share of arcs that are in the tree, ignoring direction",
            better="higher",
        ),
        Measure("uas_no_punct", _ALL, "UAS without punctuation", better="higher"),
        Measure("uuas_no_punct", _ALL, "UUAS without punctuation", better="higher"),
        *(
            Measure(
                f"best_head_{score}",
                ("model",),
                f"{score.split('_')[0].upper()} of the best kept head, chosen on other sentences"
                + (", without punctuation" if "_" in score else ""),
                items=score,
                better="higher",
            )
            for score in ("uas", "uuas", "uas_no_punct", "uuas_no_punct")
        ),
        Measure("baseline_*", ("model",), "the same for a model-free tree", better="higher"),
    ),
)

ENTRIES = (DEPENDENCY_HEADS, ATTENTION_TREES)
