"""Intervals over texts for rows that are ratios of sums, or means, of their items.

Texts are resampled, or the clusters that they were sampled in, with all of their items. All rows of
a probe get the same resamples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.item_parts import ItemParts
from ...data.output.tables import rows_frame
from ..statistics.clusters import RESAMPLES, resampled
from ..statistics.paired import expanded_limits
from ..statistics.row_units import item_ratios, items_metric

if TYPE_CHECKING:
    from ...probes.forward.base import ProbeResult

Floats = npt.NDArray[np.float64]

OVER_TEXTS = f"percentile bootstrap over sentences ({RESAMPLES})"
OVER_CLUSTERS = f"percentile bootstrap over clusters of sentences ({RESAMPLES})"
"""`ci_method`, by what is resampled."""
NO_RATIO = "no interval: the row is not a ratio of its items"
ONE_TEXT = "no interval: there is only one independent unit"
NO_SPREAD = "no interval: the resamples do not vary, or some are empty"

Key = tuple[str, str, int, int, str]
"""Metric of items, variant, layer and head (-1 for none), relation."""
Limits = tuple[float | None, float | None, str]
"""Lower and upper limit, and `ci_method`."""

_KEY = ("metric", "variant", "layer", "head", "relation")
_AT_ONCE = 4_000_000
_TOLERANCE = 1e-6
"""Relative; items are sums of numbers that were rounded to float32."""


def item_intervals(result: ProbeResult, *, seed: int = 0) -> pd.DataFrame:
    """The rows of a probe with intervals, for rows that items of the same key sum up to.

    The key of an item is its metric, variant, layer, head and relation; items of a metric that
    another one sums up are found by `Measure.items`. Quantiles are expanded for the number of units
    (Hesterberg 2015). Existing intervals are kept. If a row is not a ratio of its items, or does
    not vary, `ci_method` says so.

    Args:
        result: rows without intervals, items with `cluster_id` where they share a source.
        seed: same seed, same intervals.
    """
    rows = rows_frame(result.rows)
    sums = summed_items(result.item_parts)
    if rows.empty or not sums.keys:
        return rows
    column = {key: place for place, key in enumerate(sums.keys)}
    wanted = [column.get(key) for key in _row_keys(rows)]
    limits = sums.limits(sorted({place for place in wanted if place is not None}), seed)
    found = [
        _of_row(value, place, sums, limits) if pd.isna(known) else None
        for value, known, place in zip(rows["value"], rows["ci_low"], wanted, strict=True)
    ]
    for part, name in enumerate(("ci_low", "ci_high", "ci_method")):
        new = pd.Series([one and one[part] for one in found], rows.index)
        rows[name] = rows[name].where(new.isna(), new)
    return rows_frame(rows)


def _of_row(
    value: Any, place: int | None, sums: SummedItems, limits: Mapping[int, Limits]
) -> Limits | None:
    """The interval of a row; None where there are no items of it."""
    if place is None or pd.isna(value):
        return None
    if not np.isclose(float(value), sums.ratio(place), rtol=_TOLERANCE, atol=_TOLERANCE):
        return None, None, NO_RATIO
    return limits[place]


def _row_keys(rows: pd.DataFrame) -> Iterator[Key]:
    texts = [rows[name].fillna("") for name in ("probe", "metric", "variant", "relation")]
    places = [rows[name].fillna(-1).astype(int) for name in ("layer", "head")]
    for probe, metric, variant, relation, layer, head in zip(*texts, *places, strict=True):
        yield items_metric(probe, metric), variant, layer, head, relation


@dataclass(frozen=True)
class SummedItems:
    """Items summed up by key and by unit: a sentence, or the cluster that it was sampled in.

    Attributes:
        keys: the K keys.
        place: which key each line is of, lines in the order of keys [N].
        unit: which of the G units [N].
        sums: numerators and denominators [N, 2].
        n_units: G.
        clustered: whether units are clusters.
    """

    keys: list[Key]
    place: npt.NDArray[np.int64]
    unit: npt.NDArray[np.int64]
    sums: Floats
    n_units: int
    clustered: bool

    def _lines(self, key: int) -> slice:
        return slice(*np.searchsorted(self.place, [key, key + 1]))

    def ratio(self, key: int) -> float:
        """The ratio of sums of a key; NaN where nothing was counted."""
        top, bottom = self.sums[self._lines(key)].sum(axis=0)
        return float(top / bottom) if bottom else float("nan")

    def limits(self, keys: list[int], seed: int) -> dict[int, Limits]:
        """Key -> limits of its ratio and `ci_method`."""
        found = {}
        step = max(1, _AT_ONCE // max(1, self.n_units))
        for start in range(0, len(keys), step):
            block = keys[start : start + step]
            dense = np.zeros((self.n_units, len(block), 2))
            for column, key in enumerate(block):
                lines = self._lines(key)
                dense[self.unit[lines], column] = self.sums[lines]
            drawn = resampled(dense.reshape(self.n_units, -1), seed).reshape(RESAMPLES, -1, 2)
            with np.errstate(invalid="ignore", divide="ignore"):
                ratios = drawn[..., 0] / drawn[..., 1]
            for column, key in enumerate(block):
                n = int((dense[:, column, 1] > 0).sum())
                found[key] = self._limits(ratios[:, column], n)
        return found

    def _limits(self, ratios: Floats, n: int) -> Limits:
        if n < 2:
            return None, None, ONE_TEXT
        low, high = expanded_limits(ratios, n)
        if not np.isfinite(low):
            return None, None, NO_SPREAD
        return low, high, OVER_CLUSTERS if self.clustered else OVER_TEXTS


def summed_items(items: ItemParts) -> SummedItems:
    """Items as sums by key and unit; frames are looked at one after the other."""
    units: dict[str, int] = {}
    keys: dict[Key, int] = {}
    parts: list[pd.DataFrame] = []
    clustered = False
    for part in items:
        shared = part["cluster_id"].notna()
        clustered |= bool(shared.any())
        named = part["cluster_id"].where(shared, part["sentence_id"]).fillna(part["item_id"])
        top, bottom = item_ratios(part)
        frame = pd.DataFrame(
            {
                "metric": part["metric"].fillna(""),
                "variant": part["variant"].fillna(""),
                "layer": part["layer"].fillna(-1).astype(int),
                "head": part["head"].fillna(-1).astype(int),
                "relation": part["relation"].fillna(""),
                "unit": [units.setdefault(str(name), len(units)) for name in named],
                "top": top,
                "bottom": bottom,
            }
        )
        summed = frame.groupby([*_KEY, "unit"], sort=False, as_index=False)[["top", "bottom"]].sum()
        about = zip(*(summed[name] for name in _KEY), strict=True)
        summed["place"] = [
            keys.setdefault((str(m), str(v), int(at), int(of), str(r)), len(keys))
            for m, v, at, of, r in about
        ]
        parts.append(summed[["place", "unit", "top", "bottom"]])
    if not parts:
        empty = np.zeros(0, dtype=np.int64)
        return SummedItems([], empty, empty, np.zeros((0, 2)), 0, False)
    # a text's items may be in two frames
    every = pd.concat(parts).groupby(["place", "unit"], as_index=False).sum()
    return SummedItems(
        list(keys),
        every["place"].to_numpy(dtype=np.int64),
        every["unit"].to_numpy(dtype=np.int64),
        every[["top", "bottom"]].to_numpy(dtype=np.float64),
        len(units),
        clustered,
    )
