"""How far masks of one size keep the same units: pair by pair, and all together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from ...models.masks.subnetwork import Subnetwork
from ..spread.columns import framed
from ..stability.mask_pairs import same_unit_overlaps
from ..stability.mask_sets import MaskSet
from ..stability.measure import measure_stability
from ..statistics.corrections import adjust_rows
from .columns import AGREEMENT, STABILITY
from .masks import Masks


def pair_table(masks: Masks, correction: str) -> pd.DataFrame:
    """Units that each two masks share, with the null of masks placed at random, sizes kept.

    Columns are those of the overlap of two masks: Jaccard (intersection over union), its
    expectation, the size-adjusted overlap, an exact p, and Cohen's kappa.
    """
    table = framed(_pairs(masks), AGREEMENT)
    return framed(adjust_rows(table, ("unit",), correction, flag="note"), AGREEMENT)


def _pairs(masks: Masks) -> Iterator[dict[str, Any]]:
    for (first, a), (second, b) in combinations(masks.items(), 2):
        for found in same_unit_overlaps(a, b):
            kappa = cohen_kappa(
                found["n_units"], found["kept"], found["other_kept"], found["shared"]
            )
            about = {"mask": first, "other": second, "kappa": kappa}
            yield about | {name: found[name] for name in found if name in AGREEMENT}


def cohen_kappa(n_units: int, first: int, second: int, shared: int) -> float:
    """Cohen's (1960) kappa of two masks as raters that keep or prune each unit.

    (observed - expected) / (1 - expected), of the share of units on which they agree. NaN where
    both keep everything or nothing.
    """
    observed = (n_units - first - second + 2 * shared) / n_units
    expected = (first * second + (n_units - first) * (n_units - second)) / n_units**2
    return (observed - expected) / (1 - expected) if expected < 1 else float("nan")


def stability_table(masks: Masks, *, draws: int, seed: int) -> tuple[pd.DataFrame, list[str]]:
    """Agreement of all masks together, as `subprobe stability` has it for seeds, and its notes.

    Masks stand in the place of seeds. Units of which all are kept are left out.
    """
    units = {}
    for unit, of in (("head", _heads), ("mlp", _mlps), ("neuron", _neurons)):
        stacked = [of(mask) for mask in masks.values()]
        kept = [one for one in stacked if one is not None]
        if len(kept) == len(masks) and not np.all(kept):
            units[unit] = np.stack(kept)
    if not units:
        return framed([], STABILITY), []
    shapes: dict[str, tuple[int, ...]] = {unit: stack.shape[1:] for unit, stack in units.items()}
    asked = MaskSet("", tuple(range(1, len(masks) + 1)), units, shapes)
    found = measure_stability([asked], draws=draws, seed=seed)
    table = found.stability.rename(columns={"n_seeds": "n_masks"})
    notes = found.notes[found.notes["unit"].ne("")]
    said = [
        " ".join(filter(None, (line.unit, line.statistic))) + f": {line.note}"
        for line in notes.itertuples()
    ]
    return framed(table.drop(columns="task"), STABILITY), said


def _heads(mask: Subnetwork) -> Any:
    return mask.head_mask.ravel()


def _mlps(mask: Subnetwork) -> Any:
    return mask.mlp_mask


def _neurons(mask: Subnetwork) -> Any:
    return None if mask.neuron_mask is None else mask.neuron_mask.ravel()
