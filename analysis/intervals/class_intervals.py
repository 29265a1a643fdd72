"""Intervals of classification scores, from items with the predicted and the true class.

Resamples draw sentences (or clusters of sentences) with all of their cases. Every state of a task
is scored on the same resamples, so the interval of a gain over state 0 is that of a paired
difference. Macro-F1 is no mean over cases: it is computed anew from the counts of each resample.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.item_parts import ItemParts
from ...data.output.tables import rows_frame
from ...probes.forward.base import ProbeResult
from ...probes.tokens.scores import macro_f1
from ..statistics.clusters import RESAMPLES, limits, resampled

Floats = npt.NDArray[np.float64]
Key = tuple[str, str]
"""Variant and relation."""

SENTENCES = f"percentile bootstrap over sentences ({RESAMPLES})"
CLUSTERS = f"percentile bootstrap over clusters of sentences ({RESAMPLES})"


def class_intervals(result: ProbeResult, *, seed: int = 0) -> pd.DataFrame:
    """The rows of `tokens` with intervals of accuracy, gain and macro-F1.

    Args:
        result: of the probe; its items have `prediction` and `gold`, classes counted from 0.
        seed: same seed, same intervals.
    """
    rows = result.rows.reset_index(drop=True)
    found = rows.assign(ci_low=np.nan, ci_high=np.nan)
    about = zip(rows["metric"], rows["variant"], rows["relation"], rows["layer"], strict=True)
    places = {key: place for place, key in enumerate(about)}
    way = pd.Series(pd.NA, index=rows.index, dtype="string")
    for (variant, relation), cases in _cases(result.item_parts).items():
        for metric, by_state in _resampled_scores(cases, seed).items():
            for layer, ends in zip(cases.layers(), limits(by_state), strict=True):
                place = places.get((metric, variant, relation, layer))
                if place is not None and np.isfinite(ends).all():
                    found.loc[place, ["ci_low", "ci_high"]] = ends
                    way[place] = CLUSTERS if cases.clustered else SENTENCES
    return rows_frame(found.assign(ci_method=way))


@dataclass
class _Cases:
    """The cases of one task and variant as they are read."""

    layer: list[npt.NDArray[np.int16]] = field(default_factory=list)
    unit: list[npt.NDArray[np.int32]] = field(default_factory=list)
    predicted: list[npt.NDArray[np.int16]] = field(default_factory=list)
    gold: list[npt.NDArray[np.int16]] = field(default_factory=list)
    clustered: bool = False

    def layers(self) -> list[int]:
        """The states, rising."""
        return sorted({int(one) for part in self.layer for one in np.unique(part)})

    def counts(self) -> tuple[Floats, Floats, Floats]:
        """How often a class is hit and predicted, by unit and state [G, U, K], and true [G, K]."""
        layer, unit, predicted, gold = (
            np.concatenate(one) for one in (self.layer, self.unit, self.predicted, self.gold)
        )
        state = np.searchsorted(self.layers(), layer)
        unit = np.unique(unit, return_inverse=True)[1]
        G, U = int(unit.max()) + 1, len(self.layers())
        K = int(max(predicted.max(), gold.max())) + 1

        def counted(classes: npt.NDArray[Any], which: npt.NDArray[np.bool_]) -> Floats:
            flat = ((unit * U + state) * K + classes)[which]
            return np.bincount(flat, minlength=G * U * K).reshape(G, U, K).astype(np.float64)

        every = np.ones(len(gold), dtype=np.bool_)
        true = counted(gold, state == 0)[:, 0]
        return counted(gold, predicted == gold), counted(predicted, every), true


def _cases(items: ItemParts) -> dict[Key, _Cases]:
    """The cases of each task and variant, read part by part."""
    found: dict[Key, _Cases] = {}
    units: dict[str, int] = {}
    for part in items:
        for (variant, relation), own in part.groupby(["variant", "relation"], sort=False):
            cases = found.setdefault((str(variant), str(relation)), _Cases())
            code, names = pd.factorize(own["cluster_id"].fillna(own["sentence_id"]))
            number = [units.setdefault(str(name), len(units)) for name in names]
            cases.unit.append(np.array(number, dtype=np.int32)[code])
            cases.clustered = cases.clustered or bool(own["cluster_id"].notna().any())
            cases.layer.append(own["layer"].to_numpy(np.int16))
            cases.predicted.append(own["prediction"].to_numpy(np.float64).astype(np.int16))
            cases.gold.append(own["gold"].to_numpy(np.float64).astype(np.int16))
    return found


def _resampled_scores(cases: _Cases, seed: int) -> dict[str, Floats]:
    """Metric -> its values on each resample and state [B, U]."""
    hits, predicted, true = cases.counts()
    G, U, K = hits.shape
    tables = [hits.reshape(G, -1), predicted.reshape(G, -1), true]
    sums = resampled(np.concatenate(tables, axis=1), seed)
    drawn_hits, drawn_predicted = (
        part.reshape(-1, U, K) for part in np.split(sums[:, : 2 * U * K], 2, axis=1)
    )
    drawn_true = sums[:, None, 2 * U * K :]
    with np.errstate(invalid="ignore", divide="ignore"):  # fewer than two sentences: no resample
        accuracy = drawn_hits.sum(axis=2) / drawn_true.sum(axis=2)
    return {
        "accuracy": accuracy,
        "accuracy_gain": accuracy - accuracy[:, :1],
        "macro_f1": macro_f1(drawn_hits, drawn_predicted, drawn_true),
    }
