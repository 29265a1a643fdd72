"""What each kind of subnetwork knows, in a few headline figures a probe."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

import pandas as pd

from ...probes.entry import ProbeEntry
from ...probes.registry import entries_of
from .kinds import WHO, by_method, plain, tidy_kinds, with_flags

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
    # a probe's rows about the model may stand twice, for two intervals
    mine = mine.drop_duplicates([*_MODEL, "metric", "relation"])
    return _beside_full(_with_mean(mine) if headline.mean_over_relations else mine)


def _over_heads(cells: pd.DataFrame) -> pd.DataFrame:
    """Mean of each number over living heads, beside the same heads of the full model."""
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


def _parts(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The headline of each probe: of texts, then what survivors keep of them, then of tasks."""
    entries = entries_of(rows["probe"].dropna().unique())
    for entry in (one for one in entries if one.reads != "task"):
        yield headline_rows(rows, entry).assign(probe=entry.name)
    yield _survivors(rows).assign(probe="survivors")
    for entry in (one for one in entries if one.reads == "task"):
        yield headline_rows(rows, entry).assign(probe=entry.name)


def probe_table(rows: pd.DataFrame) -> pd.DataFrame:
    """What each kind of subnetwork knows: one line for each task, probe, metric, kind and state.

    Returns:
        `mean`, `seed_low`, `seed_high` over seeds; `reference` is the full model's value, for
        attention statistics over the heads that live in both (so that no mean moves only because
        other heads were averaged); `p_value` and `p_adjusted` are the largest over seeds. `n` is
        what the smallest seed's value rests on: living heads, arcs or examples; `n_clusters` the
        independent units behind it, empty for a mean over relations. `flag` joins those of all
        rows of the probe about the kind and state.
    """
    tidy = tidy_kinds(by_method(rows))
    parts = list(_parts(tidy))
    wanted = ["relation", "reference", "null_low", "null_high", "p_value", "p_adjusted"]
    cells = pd.concat([part for part in parts if len(part)] or [tidy.head(0)], ignore_index=True)
    cells = cells.reindex(columns=[*dict.fromkeys([*cells.columns, *wanted])])
    numbers = ["value", *wanted[1:], "baseline_value", "n", "n_clusters"]
    cells[numbers] = cells[numbers].astype(float)
    line = [*WHO, "probe", "metric", "relation", "baseline", "kind", "state"]
    seeds = cells.groupby([*line, "seed"], observed=True, sort=False, dropna=False)
    per_seed = seeds[numbers].mean().reset_index()
    found = per_seed.groupby(line, observed=True, sort=False, dropna=False)
    table = pd.DataFrame(
        {
            "n_seeds": found.size(),
            "mean": found["value"].mean(),
            "seed_low": found["value"].min(),
            "seed_high": found["value"].max(),
            "reference": found["reference"].mean(),
            "baseline_value": found["baseline_value"].mean(),
            "null_low": found["null_low"].mean(),
            "null_high": found["null_high"].mean(),
            "p_value": found["p_value"].max(),
            "p_adjusted": found["p_adjusted"].max(),
            "n": found["n"].min(),
            "n_clusters": found["n_clusters"].min(),
        }
    ).reset_index()
    about = [*WHO, "probe", "kind", "state"]
    return plain(with_flags(table, tidy[tidy["value"].notna()], about))
