"""The subject of each data set of Holmes, according to its leaderboard.

Source: `data/leaderboards/holmes.csv` of Holmes-Benchmark/holmes-evaluation (2024-10), columns
`probing dataset`, `linguistic subfield`, `linguistic phenomena`, `probe type`, with its spelling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, cast

Subfield = Literal["morphology", "syntax", "semantics", "discourse", "reasoning"]
"""The linguistic subfields by which Holmes groups its data sets."""
SUBFIELDS: tuple[Subfield, ...] = ("morphology", "syntax", "semantics", "discourse", "reasoning")


@dataclass(frozen=True)
class About:
    """The subject of a data set.

    Attributes:
        subfield: the linguistic subfield.
        phenomenon: its name.
        kind: what is classified, such as `token(s) classification`.
    """

    subfield: Subfield
    phenomenon: str
    kind: str


@cache
def published_sets() -> Mapping[str, About]:
    """Data set -> subject, for the 208 data sets of the leaderboard."""
    source = files("subprobe.data").joinpath("resources", "holmes", "data_sets.tsv")
    lines = source.read_text("utf-8").splitlines()[1:]
    cells = (line.split("\t") for line in lines)
    return {
        name: About(cast(Subfield, subfield), phenomenon, kind)
        for name, subfield, phenomenon, kind in cells
    }


FEATURE = "feats:"


def about_set(name: str) -> About | None:
    """The subject of a data set; None if Holmes does not have it.

    Morphological features and chunks, which a treebank may add to the data sets of Holmes, are
    assigned to a subfield too.
    """
    if name.startswith(FEATURE):
        return About("morphology", name.removeprefix(FEATURE), "token(s) classification")
    if name == "chunk":
        return About("syntax", "chunking", "token(s) classification")
    return published_sets().get(name)
