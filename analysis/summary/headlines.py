"""The figures by which a summary speaks of each probe, as its entry says."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

import pandas as pd

from ...probes.entry import ProbeEntry
from ...probes.registry import entries_of
from .kinds import WHO

_MODEL = [*WHO, "kind", "state", "seed", "draw"]


def headline_rows(rows: pd.DataFrame, entry: ProbeEntry) -> pd.DataFrame:
    """The figures by which a summary speaks of a probe, beside those of the full model."""
    headline = entry.headline
    if headline is None:
        return rows.head(0)
    mine = rows[(rows["probe"] == entry.name) & (rows["unit"] == headline.unit)]
    names = [
        name for name in mine["metric"].dropna().unique() if fnmatchcase(name, headline.metric)
    ]
    mine = mine[mine["metric"].isin(names) & mine["value"].notna()]
    if headline.by_variant:
        mine = mine.assign(metric=mine["metric"] + "_" + mine["variant"])
    if headline.unit == "head":
        return _over_heads(mine)
    if headline.unit == "layer":
        return _beside_full(_over_states(mine))
    # a probe's rows about the model may stand twice, for two intervals
    mine = mine.drop_duplicates([*_MODEL, "metric", "relation"])
    return _beside_full(_with_mean(mine) if headline.mean_over_relations else mine)


def _over_heads(cells: pd.DataFrame) -> pd.DataFrame:
    """Mean of each number over kept heads, beside the same heads of the full model."""
    place = [*WHO, "seed", "metric", "layer", "head"]
    full = cells[cells["kind"] == "full"].drop_duplicates(place)
    paired = cells.merge(
        full[[*place, "value"]].rename(columns={"value": "reference"}), on=place, how="left"
    )
    found = paired.groupby([*_MODEL, "metric"], observed=True, sort=False, dropna=False)
    return found.agg(
        value=("value", "mean"),
        reference=("reference", "mean"),
        baseline=("baseline", "first"),
        baseline_value=("baseline_value", "mean"),
        n=("value", "size"),
        n_clusters=("n_clusters", "min"),
    ).reset_index()


def _over_states(cells: pd.DataFrame) -> pd.DataFrame:
    """Mean of each number over hidden states 1..L, for each property that it is about.

    The embeddings, state 0, are the same under every mask of heads and MLPs. A mean chooses no
    layer, so nothing is chosen on the texts that are reported. The first baseline of a row counts.
    """
    about = cells["relation"].fillna(cells["target"])
    cells = cells.assign(relation=about)[cells["layer"] > 0]
    line = [*_MODEL, "metric", "relation"]
    # of a probe that names no variant in its headline the first counts: what is its own
    cells = cells.drop_duplicates([*line, "layer"])
    found = cells.groupby(line, observed=True, sort=False, dropna=False)
    return found.agg(
        value=("value", "mean"),
        baseline=("baseline", "first"),
        baseline_value=("baseline_value", "mean"),
        n=("n", "min"),
        n_clusters=("n_clusters", "min"),
    ).reset_index()


def _with_mean(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of each relation, and their mean over relations."""
    named = rows[rows["relation"] != "all"]
    line = [*_MODEL, "metric", "baseline"]
    mean = named.groupby(line, observed=True, sort=False, dropna=False)
    pooled = mean.agg(
        value=("value", "mean"), baseline_value=("baseline_value", "mean"), n=("n", "sum")
    ).reset_index()
    return pd.concat([rows, pooled.assign(relation="all-relations")], ignore_index=True)


def _survivors(rows: pd.DataFrame) -> pd.DataFrame:
    """Best survivor against random head subsets, whose middle 95% is `null_low` to `null_high`."""
    kept = rows[(rows["probe"] == "survivors") & rows["value"].notna()]
    return kept.rename(columns={"ci_low": "null_low", "ci_high": "null_high"})


def _beside_full(rows: pd.DataFrame) -> pd.DataFrame:
    place = [*WHO, "seed", "metric", "relation"]
    full = rows[rows["kind"] == "full"].drop_duplicates(place)
    full = full[[*place, "value"]].rename(columns={"value": "reference"})
    return rows.merge(full, on=place, how="left")


def headline_parts(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The headline of each probe: of texts, then what survivors keep of them, then of tasks."""
    entries = entries_of(rows["probe"].dropna().unique())
    for entry in (one for one in entries if one.reads != "task"):
        yield headline_rows(rows, entry).assign(probe=entry.name)
    yield _survivors(rows).assign(probe="survivors")
    for entry in (one for one in entries if one.reads == "task"):
        yield headline_rows(rows, entry).assign(probe=entry.name)


def state_headlines(table: pd.DataFrame) -> pd.DataFrame:
    """The lines of `probe_table` that are means over hidden states."""
    entries = entries_of(table["probe"].dropna().unique())
    names = [one.name for one in entries if one.headline and one.headline.unit == "layer"]
    return table[table["probe"].isin(names)]
