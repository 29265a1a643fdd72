"""Agreement of the good masks of a run, from its rows: the tables of `subprobe stability`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from ..stability.agreement import Masks
from ..stability.mask_sets import MaskSet
from ..stability.measure import COLUMNS, P_OF_CROSSED, measure_stability
from ..stability.overlap import OVERLAP_COLUMNS, overlap_table
from ..statistics.variation import grid_in, pairs_in
from .kinds import joined_flags

_BY = ["model", "method"]


def mask_sets(rows: pd.DataFrame, kind: str = "good") -> Iterator[tuple[dict[str, str], MaskSet]]:
    """The masks of each model, method and task, tasks in the order of the rows.

    Args:
        rows: tidy rows of a run.
        kind: whose masks; the first draw counts.
    """
    units = rows[(rows["probe"] == "mask") & (rows["metric"] == "kept") & (rows["kind"] == kind)]
    units = units[units["draw"] == 0]
    for (model, method, task), mine in units.groupby([*_BY, "task"], sort=False):
        seeds = tuple(sorted(int(seed) for seed in mine["seed"].unique()))
        masks: dict[str, Masks] = {}
        shapes: dict[str, tuple[int, ...]] = {}
        for unit, part in mine.groupby("unit", sort=True):
            part = part.sort_values(["seed", "layer", "head"])
            kept: Masks = part["value"].to_numpy(dtype=float).reshape(len(seeds), -1) > 0
            masks[str(unit)] = kept
            layers = int(part["layer"].nunique())
            shapes[str(unit)] = (layers,) if unit == "mlp" else (layers, kept.shape[1] // layers)
        crossed = bool(grid_in(seeds, pairs_in(mine)))
        yield {"model": model, "method": method}, MaskSet(str(task), seeds, masks, shapes, crossed)


def stability_summary(rows: pd.DataFrame) -> pd.DataFrame:
    """How far seeds keep the same units: the table of `subprobe stability` for each method.

    Tasks with one seed have no line: agreement needs two.
    """
    parts = [
        measure_stability([masks]).stability.assign(
            **about,
            flag=", ".join(
                filter(None, [_flag(rows, about, masks.task), P_OF_CROSSED * masks.crossed])
            ),
        )
        for about, masks in mask_sets(rows)
        if len(masks.seeds) > 1
    ]
    return _joined(parts, COLUMNS)


def overlap_summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Units that the masks of each two tasks share: the overlap table for each method."""
    methods: dict[tuple[str, ...], list[MaskSet]] = {}
    for about, masks in mask_sets(rows):
        methods.setdefault(tuple(about.values()), []).append(masks)
    parts = []
    for key, tasks in methods.items():
        about = dict(zip(_BY, key, strict=True))
        table = overlap_table(tasks).assign(**about)
        said = zip(table["task_a"], table["task_b"], strict=True)
        parts.append(table.assign(flag=[_flag(rows, about, *pair) for pair in said]))
    return _joined(parts, OVERLAP_COLUMNS)


def _flag(rows: pd.DataFrame, about: Mapping[str, str], *tasks: str) -> str:
    """Flags of the good masks of these tasks: those of a diverged model say nothing."""
    mine = (rows["probe"] == "mask") & (rows["kind"] == "good") & rows["task"].isin(tasks)
    for column, value in about.items():
        mine &= rows[column] == value
    return joined_flags(rows.loc[mine, "flag"])


def _joined(parts: list[pd.DataFrame], columns: tuple[str, ...]) -> pd.DataFrame:
    wanted = [*_BY, *columns, "flag"]
    filled = [part.reindex(columns=wanted) for part in parts if len(part)]
    if not filled:
        return pd.DataFrame(columns=wanted)
    table = pd.concat(filled, ignore_index=True)
    return table.replace({None: np.nan})
