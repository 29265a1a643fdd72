"""How many independent units the numbers of a probe rest on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...probes.registry import entries_of

BEST = "best_head_"
"""Start of the metric of rows that name the head they are about."""


def items_metric(probe: str, metric: str) -> str:
    """The metric of the items that a row of this probe and metric sums up."""
    measures = (row for entry in entries_of([probe]) for row in entry.rows)
    return next((row.items for row in measures if row.items and row.covers(metric)), metric)


def with_clusters(items: pd.DataFrame, clusters: Mapping[str, str]) -> pd.DataFrame:
    """The items with `cluster_id`.

    Args:
        items: of one probe.
        clusters: sentence -> the set or source it was sampled with, for those not alone.
    """
    if not clusters or items.empty:
        return items
    return items.assign(cluster_id=items["sentence_id"].map(clusters).astype("string"))


def with_n_clusters(rows: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """The rows with `n_clusters`: clusters, else sentences, among the items that they sum up.

    A row sums up the items of its metric and relation. Where a row has its number already it stays,
    and where items have another metric than rows the number stays empty.

    Args:
        rows: of one probe.
        items: the same result's, with `cluster_id`.
    """
    if items.empty or rows.empty:
        return rows
    unit = _codes(items["cluster_id"].fillna(items["sentence_id"]))[0]
    (metric, metrics), (relation, relations) = (
        _codes(items[name].fillna("")) for name in ("metric", "relation")
    )
    key = metric * len(relations) + relation
    seen = np.unique(key * (unit.max() + 1) + unit) // (unit.max() + 1)
    places, counts = np.unique(seen, return_counts=True)
    known = {
        (metrics[place // len(relations)], relations[place % len(relations)]): int(count)
        for place, count in zip(places.tolist(), counts.tolist(), strict=True)
    }
    probes, named = rows["probe"].fillna(""), rows["metric"].fillna("")
    of_items = {one: items_metric(*one) for one in dict.fromkeys(zip(probes, named, strict=True))}
    about = zip(probes, named, rows["relation"].fillna(""), strict=True)
    names = [(of_items[probe, name], of) for probe, name, of in about]
    found = pd.array([known.get(name, pd.NA) for name in names], dtype="Int64")
    units = pd.Series(found, index=rows.index).mask(rows["n"].eq(0).fillna(False), 0)
    return rows.assign(n_clusters=rows["n_clusters"].fillna(units))


def _codes(values: pd.Series) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Codes of texts and the texts they stand for."""
    codes, names = pd.factorize(values.astype("string"))
    return codes.astype(np.int64), [str(name) for name in names]
