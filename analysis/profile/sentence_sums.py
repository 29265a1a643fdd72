"""The items of one cell as sums by sentence, for each phenomenon that they are about."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.files.parquet_files import DAMAGED_CELL, read_frame
from ...probes.entry import STATIC, ProbeEntry
from ..cell_output import check_as_written, check_own_items
from ..statistics.row_units import item_ratios

_COLUMNS = [
    "variant", "metric", "relation", "layer", "sentence_id", "cluster_id", "numerator",
    "denominator", "score", "prediction", "gold",
]  # fmt: skip
_TEXTS = ["variant", "metric", "relation", "sentence_id", "cluster_id"]


@dataclass(frozen=True)
class SentenceSums:
    """The sums of one model for one phenomenon.

    Attributes:
        sentences: the N sentences, sorted.
        clusters: the sampling cluster of each sentence; empty = none [N].
        sums: numerators and denominators, means over states 1..L [2, N].
        static: the same of state 0, the embeddings; None where items name no state.
        vectors: the same of static vectors from a file; None where none were probed.
    """

    sentences: tuple[str, ...]
    clusters: tuple[str, ...]
    sums: npt.NDArray[np.float64]
    static: npt.NDArray[np.float64] | None
    vectors: npt.NDArray[np.float64] | None = None

    @property
    def value(self) -> float:
        """Ratio of the sums."""
        return ratio(self.sums)


def ratio(sums: npt.NDArray[np.float64]) -> float:
    """Numerators over denominators of sums [2, N]; NaN where there is nothing."""
    top, bottom = sums.sum(axis=1)
    return float(top / bottom) if bottom else float("nan")


@dataclass(frozen=True, order=True)
class About:
    """One line of the profile.

    Attributes:
        subfield: the part of linguistics.
        phenomenon: its name.
        probe: the probe that measured it.
        metric: the number.
        variant: how it was measured.
    """

    subfield: str
    phenomenon: str
    probe: str
    metric: str
    variant: str


def sentence_sums(path: Path, entry: ProbeEntry) -> dict[About, SentenceSums]:
    """The sums of each phenomenon that the items of a cell are about.

    Args:
        path: the cell's file.
        entry: its probe.

    Raises:
        DataFileError: if the file is damaged.
    """
    check_as_written(path)
    frame = read_frame(
        path, ["cell_id", *_COLUMNS], remedy=DAMAGED_CELL, as_categories=["cell_id", *_TEXTS],
        seal=True,
    )  # fmt: skip
    check_own_items(frame.pop("cell_id").unique(), path)
    return summed(frame, entry)


def summed(items: pd.DataFrame, entry: ProbeEntry) -> dict[About, SentenceSums]:
    """The same of items in memory."""
    items = items[_COLUMNS].astype(dict.fromkeys(_TEXTS, "string"))
    items[_TEXTS] = items[_TEXTS].fillna("")
    found: dict[About, SentenceSums] = {}
    vectors: dict[About, npt.NDArray[np.float64] | None] = {}
    for (variant, metric, relation), mine in items.groupby(
        ["variant", "metric", "relation"], sort=True
    ):
        of_vectors = str(variant).startswith(STATIC)
        variant = str(variant).replace(STATIC, "own", 1) if of_vectors else str(variant)
        for one in entry.phenomena:
            if one.covers(str(metric), str(relation), variant):
                name = one.name or str(relation).rpartition(":")[2]
                about = About(one.subfield, name, entry.name, str(metric), variant)
                if of_vectors:
                    vectors[about] = _of_sentences(mine).static
                else:
                    found[about] = _of_sentences(mine)
    return {about: replace(sums, vectors=vectors.get(about)) for about, sums in found.items()}


def _of_sentences(items: pd.DataFrame) -> SentenceSums:
    """Sums by sentence; of several states their mean."""
    layer = items["layer"].fillna(1).astype(int)
    numbers = ["numerator", "denominator"]
    items = items.assign(**dict(zip(numbers, item_ratios(items), strict=True)))
    above, below = items[layer > 0], items[layer == 0]
    states = max(1, int(layer[layer > 0].nunique()))
    sums = above.groupby("sentence_id", sort=True)[numbers].sum() / states
    clusters = items.drop_duplicates("sentence_id").set_index("sentence_id")["cluster_id"]
    static = None
    if len(below):
        of_static = below.groupby("sentence_id", sort=True)[numbers].sum()
        static = of_static.to_numpy(dtype=np.float64).T
    return SentenceSums(
        tuple(map(str, sums.index)),
        tuple(map(str, clusters.reindex(sums.index))),
        sums.to_numpy(dtype=np.float64).T,
        static,
    )
