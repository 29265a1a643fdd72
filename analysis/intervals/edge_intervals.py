"""Intervals of `edges`, and the gains of layers and the expected layer that depend on them.

The expected layer divides by the summed gain. If the summed gain is not clearly above zero, the
ratio is meaningless (Tenney et al. 2019b report 23.9 for a model of 12 layers) and is not reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.item_parts import ItemParts
from ...data.output.tables import rows_frame
from ...probes.edges.edge_rows import SCORE
from ...probes.edges.mix_measures import expected_layer
from ...probes.forward.base import ProbeResult
from ..statistics.clusters import (
    Units,
    alone,
    count_of,
    over_units,
    resampled,
    units_of,
)
from ..statistics.paired import expanded_limits
from .item_intervals import NO_SPREAD, ONE_TEXT, OVER_CLUSTERS, OVER_TEXTS, item_intervals

Floats = npt.NDArray[np.float64]

REFUSED = "not reported: the summed gain is not clearly above zero"
NO_GAIN = "no-gain"
"""Flag of an expected layer that is refused."""
_SAME = ["probe", "variant", "relation", "corpus", "annotation", "scheme", "n", "n_dropped"]


@dataclass(frozen=True)
class MixSums:
    """Numerators and denominators of the F1 of one task.

    Attributes:
        sums: of each of N texts and each mix 0..L [N, L + 1, 2].
        units: the cluster of each text [N].
    """

    sums: Floats
    units: Units

    def resampled_f1(self, seed: int) -> Floats:
        """F1 of each mix over resampled clusters [B, L + 1]; NaN for fewer than two."""
        N, mixes, _ = self.sums.shape
        drawn = resampled(over_units(self.sums.reshape(N, mixes * 2), self.units), seed)
        return _f1(drawn.reshape(-1, mixes, 2))

    @property
    def f1(self) -> Floats:
        """F1 of each mix [L + 1]."""
        return _f1(self.sums.sum(0))


def edge_intervals(result: ProbeResult, *, seed: int = 0) -> pd.DataFrame:
    """The rows of `edges` with intervals over sentences, gains, and expected layers.

    Every mix of a task is scored on the same resamples, so that gains are paired. Intervals are
    made like those of `item_intervals`.

    Args:
        result: of the probe.
        seed: same seed, same intervals.
    """
    rows = item_intervals(result, seed=seed)
    found = _mix_sums(result.item_parts)
    parts: list[pd.DataFrame] = []
    for (variant, relation), own in rows.groupby(["variant", "relation"], sort=False):
        parts.append(own)
        sums = found.get((str(variant), str(relation)))
        if sums is not None and len(sums.f1) > 1:  # static vectors have no layers
            like = own[own["metric"].eq(SCORE)].iloc[0][_SAME].to_dict()
            about = {**like, "n_clusters": count_of(sums.units)}
            gains = _gain_rows(sums.f1, sums.resampled_f1(seed), sums.units)
            parts.append(rows_frame({**about, **row} for row in gains))
    return rows_frame(pd.concat(parts, ignore_index=True))


def _interval(samples: Floats, units: Units) -> dict[str, Any]:
    """Limits of a number over resamples [B] and how they were made, or why there are none."""
    low, high = expanded_limits(samples, count_of(units))
    if np.isfinite(low):
        method = OVER_TEXTS if alone(units) else OVER_CLUSTERS
        return {"ci_low": low, "ci_high": high, "ci_method": method}
    return {"ci_low": None, "ci_method": ONE_TEXT if count_of(units) < 2 else NO_SPREAD}


def _gain_rows(f1: Floats, drawn: Floats, units: Units) -> Iterator[dict[str, Any]]:
    """The gain of each layer, the summed gain, and the expected layer.

    Args:
        f1: of mixes 0..L [L + 1].
        drawn: the same over resamples [B, L + 1].
        units: the cluster of each text.
    """
    gains = zip(np.diff(f1), np.diff(drawn, axis=1).T, strict=True)
    for layer, (gain, samples) in enumerate(gains, start=1):
        row = {"unit": "layer", "layer": layer, "metric": "mix_gain", "value": gain}
        yield {**row, **_interval(samples, units)}
    samples = drawn[:, -1] - drawn[:, 0]
    total = _interval(samples, units)
    yield {"unit": "model", "metric": "summed_gain", "value": f1[-1] - f1[0], **total}
    least = samples.min() if total["ci_low"] is None else total["ci_low"]
    row = {"unit": "model", "metric": "expected_layer"}
    if least > 0:
        layers = expected_layer(drawn)
        yield {**row, "value": float(expected_layer(f1)), **_interval(layers, units)}
    else:
        yield {**row, "ci_method": REFUSED, "flag": NO_GAIN}


def _f1(sums: Floats) -> Floats:
    """Ratio of sums [..., 2]; NaN where there is nothing to divide by."""
    empty = np.full(sums.shape[:-1], np.nan)
    return np.asarray(np.divide(sums[..., 0], sums[..., 1], out=empty, where=sums[..., 1] > 0))


def _mix_sums(items: ItemParts) -> dict[tuple[str, str], MixSums]:
    """Variant and task -> its sums; a text without an item of some mix has nothing there."""
    columns = ["variant", "relation", "item_id", "cluster_id", "layer", "numerator", "denominator"]
    parts = [part.loc[part["metric"].eq(SCORE), columns] for part in items]
    found: dict[tuple[str, str], MixSums] = {}
    if not parts:
        return found
    for key, own in pd.concat(parts).groupby(["variant", "relation"], sort=False):
        text, _ = pd.factorize(own["item_id"])
        layer = own["layer"].to_numpy(dtype=np.int64)
        sums = np.zeros((text.max() + 1, layer.max() + 1, 2))
        sums[text, layer] = own[["numerator", "denominator"]].to_numpy(dtype=np.float64)
        clusters = own.drop_duplicates("item_id")["cluster_id"]
        names = [None if pd.isna(name) else str(name) for name in clusters]
        variant, relation = map(str, key)
        found[variant, relation] = MixSums(sums, units_of(names))
    return found
