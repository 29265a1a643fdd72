"""What each data set of Holmes is about, as its leaderboard says.

Source: `data/leaderboards/holmes.csv` of Holmes-Benchmark/holmes-evaluation (2024-10), columns
`probing dataset`, `linguistic subfield`, `linguistic phenomena`, `probe type`, spelled as there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, cast

Subfield = Literal["morphology", "syntax", "semantics", "discourse", "reasoning"]
"""The parts of linguistics by which Holmes orders its data sets."""
SUBFIELDS: tuple[Subfield, ...] = ("morphology", "syntax", "semantics", "discourse", "reasoning")


@dataclass(frozen=True)
class About:
    """What a data set is about.

    Attributes:
        subfield: the part of linguistics.
        phenomenon: its name.
        kind: what is classified, such as `token(s) classification`.
    """

    subfield: Subfield
    phenomenon: str
    kind: str


@cache
def published_sets() -> Mapping[str, About]:
    """Data set -> what it is about, of the 208 of the leaderboard."""
    source = files("subprobe.data").joinpath("resources", "holmes", "data_sets.tsv")
    lines = source.read_text("utf-8").splitlines()[1:]
    cells = (line.split("\t") for line in lines)
    return {
        name: About(cast(Subfield, subfield), phenomenon, kind)
        for name, subfield, phenomenon, kind in cells
    }


FEATURE = "feats:"


def about_set(name: str) -> About | None:
    """What a data set is about; None for one that Holmes does not have.

    Morphological features and chunks, which a treebank may give beside data sets of Holmes, have a
    place as well.
    """
    if name.startswith(FEATURE):
        return About("morphology", name.removeprefix(FEATURE), "token(s) classification")
    if name == "chunk":
        return About("syntax", "chunking", "token(s) classification")
    return published_sets().get(name)
