"""The number of independent units behind the metrics of a probe."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.item_parts import ItemParts
from ...probes.registry import entries_of

BEST = "best_head_"
"""Start of the metric of rows that name the head they are about."""


def items_metric(probe: str, metric: str) -> str:
    """The metric of the items that a row of this probe and metric sums up."""
    measures = (row for entry in entries_of([probe]) for row in entry.rows)
    return next((row.items for row in measures if row.items and row.covers(metric)), metric)


def is_right_or_wrong(probe: str, metric: str) -> bool:
    """Whether each item of this metric is right (1) or wrong (0)."""
    measures = (row for entry in entries_of([probe]) for row in entry.rows)
    return any(row.right for row in measures if row.covers(metric))


def item_ratios(items: pd.DataFrame) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """What items add to the sums whose ratio a row is [N], [N].

    An item's value is its numerator over its denominator, else its score, else whether its
    prediction is its gold label; one without a value adds nothing.
    """
    numbers = items[["numerator", "denominator", "score", "prediction", "gold"]]
    top, bottom, score, said, gold = numbers.to_numpy(dtype=np.float64, na_value=np.nan).T
    right = np.where(np.isnan(said) | np.isnan(gold), np.nan, said == gold)
    summed = ~(np.isnan(top) | np.isnan(bottom))
    alone = np.where(np.isnan(score), right, score)
    value = np.where(summed, top, alone)
    weight = np.where(summed, bottom, np.where(np.isnan(alone), 0.0, 1.0))
    return np.nan_to_num(value), weight


def with_clusters(items: pd.DataFrame, clusters: Mapping[str, str]) -> pd.DataFrame:
    """The items with `cluster_id`; those that name their own keep it.

    Args:
        items: of one probe.
        clusters: sentence -> the set or source it was sampled with, for those not alone.
    """
    if not clusters or items.empty:
        return items
    found = items["sentence_id"].map(clusters).astype("string")
    return items.assign(cluster_id=items["cluster_id"].fillna(found))


def with_n_clusters(rows: pd.DataFrame, items: pd.DataFrame | ItemParts) -> pd.DataFrame:
    """The rows with `n_clusters`: clusters, else sentences, among the items that they sum up.

    A row sums up the items of its metric and relation, and of its variant where items name theirs.
    Where a row has its number already it stays, and where items have another metric than rows the
    number stays empty.

    Args:
        rows: of one probe.
        items: the same result's, with `cluster_id`; parts are looked at one after the other.
    """
    known = _counted_units(ItemParts.of(items))
    if not known or rows.empty:
        return rows
    probes, named = rows["probe"].fillna(""), rows["metric"].fillna("")
    of_items = {one: items_metric(*one) for one in dict.fromkeys(zip(probes, named, strict=True))}
    variants = {variant for *_, variant in known} - {""}
    of_rows = rows["variant"].fillna("")
    about = zip(
        probes, named, rows["relation"].fillna(""), of_rows.where(of_rows.isin(variants), ""),
        strict=True,
    )  # fmt: skip
    names = [(of_items[probe, name], of, variant) for probe, name, of, variant in about]
    found = pd.array(
        [known.get(name, known.get((*name[:2], ""), pd.NA)) for name in names], dtype="Int64"
    )
    units = pd.Series(found, index=rows.index).mask(rows["n"].eq(0).fillna(False), 0)
    return rows.assign(n_clusters=rows["n_clusters"].fillna(units))


def _counted_units(items: ItemParts) -> dict[tuple[str, str, str], int]:
    """Metric, relation and variant -> how many clusters or sentences have such an item."""
    number: dict[str, int] = {}
    seen: dict[tuple[str, str, str], list[npt.NDArray[np.int64]]] = {}
    for part in items:
        unit, units = _codes(part["cluster_id"].fillna(part["sentence_id"]))
        (metric, metrics), (relation, relations), (variant, variants) = (
            _codes(part[name].fillna("")) for name in ("metric", "relation", "variant")
        )
        key = (metric * len(relations) + relation) * len(variants) + variant
        found = np.unique(key * len(units) + unit)
        of_corpus = np.array([number.setdefault(name, len(number)) for name in units])
        for place in np.unique(found // len(units)).tolist():
            about, of = divmod(place, len(variants))
            name = metrics[about // len(relations)], relations[about % len(relations)], variants[of]
            inside = found[found // len(units) == place] % len(units)
            seen.setdefault(name, []).append(of_corpus[inside])
    return {name: len(np.unique(np.concatenate(parts))) for name, parts in seen.items()}


def _codes(values: pd.Series) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Codes of texts and the texts they stand for."""
    codes, names = pd.factorize(values.astype("string"))
    return codes.astype(np.int64), [str(name) for name in names]
