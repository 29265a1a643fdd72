"""Intervals over examples of means for heads, MLPs and pairs of heads.

Examples are resampled, or the clusters that they were sampled in, the same ones for all units.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.item_parts import ItemParts
from ...data.output.tables import rows_frame
from ...probes.forward.base import ProbeResult
from ..statistics.clusters import (
    RESAMPLES,
    Units,
    alone,
    count_of,
    limits,
    over_units,
    resampled,
    units_of,
)
from .item_intervals import ONE_TEXT

Numbers = npt.NDArray[np.generic]

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

    def __init__(self) -> None:
        self.columns: dict[tuple[str, str], int] = {}
        self._parts: list[tuple[Numbers, Numbers, Numbers]] = []
        self._units: Units = np.zeros(0, dtype=np.int64)
        self._limits: np.ndarray | None = None

    def add(self, example: Numbers, units: Sequence[tuple[str, str]], scores: Numbers) -> None:
        """Take some items.

        Args:
            example: number of the example of each item.
            units: layer and head of each.
            scores: of each.
        """
        column = [self.columns.setdefault(unit, len(self.columns)) for unit in units]
        self._parts.append((example.astype(np.int32), np.array(column, dtype=np.int32), scores))

    def close(self, clusters: Sequence[str | None]) -> None:
        """Bring together what was taken.

        Args:
            clusters: of all examples, by number.
        """
        examples, column, scores = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        self._parts.clear()
        row, there = pd.factorize(examples)
        self._scores = np.zeros((len(there), len(self.columns)))
        self._scores[row, column] = scores
        self._units = units_of([clusters[one] for one in there.tolist()])

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
    """Variant, metric and relation -> the scores of their items, read part by part."""
    tables: dict[tuple[str, str, str], _Table] = {}
    numbers: dict[str, int] = {}
    clusters: list[str | None] = []
    for part in items:
        code, ids = pd.factorize(part["item_id"])
        first = part["cluster_id"].iloc[np.unique(code, return_index=True)[1]]
        for name, cluster in zip(ids.tolist(), first.tolist(), strict=True):
            if name not in numbers:
                numbers[name] = len(numbers)
                clusters.append(None if pd.isna(cluster) else str(cluster))
        example = np.array([numbers[name] for name in ids.tolist()], dtype=np.int64)[code]
        units = list(zip(*(_names(part, name) for name in _UNIT), strict=True))
        scores = part["score"].to_numpy(dtype=np.float64, na_value=np.nan)
        names = [pd.Series(_names(part, name)) for name in _KEY]
        for key, own in names[0].groupby(names, sort=False).indices.items():
            table = tables.setdefault(tuple(map(str, key)), _Table())  # type: ignore[arg-type]
            table.add(example[own], [units[one] for one in own.tolist()], scores[own])
    for table in tables.values():
        table.close(clusters)
    return tables


def _names(frame: pd.DataFrame, column: str) -> list[str]:
    """The values of a column as text, empty where there is none."""
    return list(frame[column].astype("string").fillna(""))
