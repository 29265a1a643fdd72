"""Intervals of means over examples, for heads, MLPs and pairs of heads: other examples like these.

Examples are resampled, or the clusters that they were sampled in, the same ones for all units.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...data.output.item_parts import ItemParts
from ...data.output.tables import rows_frame
from ...probes.forward.base import ProbeResult
from ..statistics.clusters import (
    RESAMPLES,
    alone,
    count_of,
    limits,
    over_units,
    resampled,
    units_of,
)
from .item_intervals import ONE_TEXT

_KEY = ("variant", "metric", "relation")
_UNIT = ("layer", "head")
_LIMITS = ("ci_low", "ci_high", "ci_method")


def unit_intervals(result: ProbeResult, *, seed: int = 0) -> pd.DataFrame:
    """The rows of a probe with percentile intervals, for rows that are the mean of their items.

    An item belongs to the row of its variant, metric, relation, layer and head. Rows without items
    stay as they are.

    Args:
        result: rows, and items that have a score; each example has an item for every unit of a
            variant and metric.
        seed: same seed, same intervals.
    """
    rows = rows_frame(result.rows).reset_index(drop=True)
    tables = _tables(result.item_parts)
    about = [_names(rows, name) for name in (*_KEY, *_UNIT)]
    there = zip(*(rows[name] for name in _LIMITS), strict=True)
    found = []
    for (variant, metric, relation, layer, head), own in zip(
        zip(*about, strict=True), there, strict=True
    ):
        table = tables.get((variant, metric, relation))
        known = table is not None and (layer, head) in table.columns
        found.append(table.interval((layer, head), seed) if table and known else own)
    return rows_frame(rows.assign(**dict(zip(_LIMITS, zip(*found, strict=True), strict=True))))


class _Table:
    """The scores of N examples by unit, and the intervals of their means."""

    def __init__(self, items: pd.DataFrame):
        names = list(zip(*(_names(items, name) for name in _UNIT), strict=True))
        self.columns = {unit: place for place, unit in enumerate(dict.fromkeys(names))}
        row, examples = pd.factorize(items["item_id"])
        column = [self.columns[name] for name in names]
        self._scores = np.zeros((len(examples), len(self.columns)))
        self._scores[row, column] = items["score"].to_numpy(dtype=np.float64)
        first = items.drop_duplicates("item_id")["cluster_id"]
        self._units = units_of([None if pd.isna(one) else str(one) for one in first])
        self._limits: np.ndarray | None = None

    def interval(self, unit: tuple[str, str], seed: int) -> tuple[float | None, float | None, str]:
        """Lower and upper limit of a unit's mean, and how they were made."""
        if count_of(self._units) < 2:
            return None, None, ONE_TEXT
        if self._limits is None:
            counted = np.column_stack([self._scores, np.ones(len(self._scores))])
            sums = resampled(over_units(counted, self._units), seed)
            self._limits = limits(sums[:, :-1] / sums[:, -1:])
        over = "examples" if alone(self._units) else "clusters of examples"
        low, high = self._limits[self.columns[unit]]
        return float(low), float(high), f"percentile bootstrap over {over} ({RESAMPLES})"


def _tables(items: ItemParts) -> dict[tuple[str, str, str], _Table]:
    """Variant, metric and relation -> the scores of their items."""
    parts: dict[tuple[str, str, str], list[pd.DataFrame]] = {}
    for part in items:
        names = [_names(part, name) for name in _KEY]
        for key, own in part.groupby([pd.Series(one, part.index) for one in names], sort=False):
            parts.setdefault(tuple(map(str, key)), []).append(own)  # type: ignore[arg-type]
    return {key: _Table(pd.concat(own)) for key, own in parts.items()}


def _names(frame: pd.DataFrame, column: str) -> list[str]:
    """The values of a column as text, empty where there is none."""
    return list(frame[column].astype("string").fillna(""))
