"""The numbers of each run: one value for each model, metric and seed."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ...data.errors import UnknownNameError
from ...data.output.better import better_of
from ...probes.registry import entries_of
from ..summary.kinds import WHO, by_method, joined_flags, performance_of, tidy_kinds
from ..summary.probes import probe_draws

PERFORMANCE = "performance"
MODEL = [*WHO, "kind", "state"]
LINE = [*MODEL, "probe", "metric", "relation"]
_WHOLE = ("all", "all-relations")
_NUMBERS = ["value", "baseline_value", "n"]


def runs_of(rows: pd.DataFrame, metrics: Sequence[str] = ()) -> pd.DataFrame:
    """The score of each run, and the other metrics that are measured beside it.

    Args:
        rows: tidy rows of a run.
        metrics: names of the other metrics: of the task, of a probe's headline as in
            `summary_probes`, or of any row about the model as a whole; by default the headline of
            each probe, where it is about all relations together.

    Returns:
        One line for each model, metric and seed, the mean over draws: the columns of `LINE`,
        `seed`, `value`, `n_draws`, `primary` (the task's own metric), `better`, `baseline`,
        `baseline_value`, `n` and `flag`.

    Raises:
        UnknownNameError: for a metric that no row has.
    """
    scores = performance_of(rows).assign(relation=pd.NA)
    headlines = probe_draws(rows)
    headlines = headlines[headlines["probe"] != "survivors"]
    others = _asked(rows, scores, headlines, metrics) if metrics else [_overall(headlines)]
    primary = scores[scores["primary"].astype(bool)]
    parts = [_per_seed(part) for part in (primary, *others) if len(part)]
    found = pd.concat(parts, ignore_index=True).drop_duplicates([*LINE, "seed"])
    first = primary.drop_duplicates(WHO).set_index(WHO)["metric"]
    own = [first.get(who) for who in found[WHO].itertuples(index=False, name=None)]
    mine = found["probe"].eq(PERFORMANCE) & (found["metric"] == pd.Series(own, index=found.index))
    found = _in_order(found.assign(primary=mine))
    directions = _directions(rows)
    better = [
        directions.get((probe, metric)) or better_of(metric)
        for probe, metric in zip(found["probe"], found["metric"], strict=True)
    ]
    return found.assign(better=pd.array(better, dtype="string"))


def _in_order(runs: pd.DataFrame) -> pd.DataFrame:
    """The scores first, then the other metrics; kinds and states in reading order."""
    tidy = tidy_kinds(runs).assign(minor=~runs["primary"])
    for name in WHO:
        tidy[name] = pd.Categorical(runs[name], runs[name].unique(), ordered=True)
    order = tidy.sort_values([*WHO, "minor", "state", "kind"], kind="stable").index
    return runs.loc[order].reset_index(drop=True)


def _overall(headlines: pd.DataFrame) -> pd.DataFrame:
    """The headlines that are about no single relation; of a probe that has none, all."""
    whole = headlines["relation"].isna() | headlines["relation"].isin(_WHOLE)
    some = headlines["probe"].map(whole.groupby(headlines["probe"]).any())
    return headlines[whole | ~some.astype(bool)]


def _asked(
    rows: pd.DataFrame, scores: pd.DataFrame, headlines: pd.DataFrame, metrics: Sequence[str]
) -> list[pd.DataFrame]:
    """The metrics that are asked for by name."""
    single = tidy_kinds(by_method(rows[(rows["unit"] == "model") & rows["value"].notna()]))
    single = single[~single["probe"].isin([PERFORMANCE, "survivors"])]
    known = {
        name for table in (scores, headlines, single) for name in table["metric"].dropna().unique()
    }
    for name in metrics:
        if name not in known:
            raise UnknownNameError("metric", name, sorted(known))
    found = []
    for name in metrics:
        tables = [table[table["metric"] == name] for table in (scores, headlines)]
        if not any(map(len, tables)):
            mine = single[single["metric"] == name]
            about = mine["relation"].fillna(mine["target"]).fillna(mine["variant"])
            tables = [mine.assign(relation=about).drop_duplicates([*LINE, "seed", "draw"])]
        found += [table for table in tables if len(table)]
    return found


def _per_seed(part: pd.DataFrame) -> pd.DataFrame:
    """The mean over draws of each seed."""
    part = part.assign(
        draw=part["draw"].fillna(0),
        relation=part["relation"].astype("string").fillna(""),
        **{name: part[name].astype(float) for name in _NUMBERS},
    ).astype({"kind": "string", "state": "string"})
    found = part.groupby([*LINE, "seed"], observed=True, sort=False, dropna=False)
    return found.agg(
        value=("value", "mean"), n_draws=("draw", "nunique"), baseline=("baseline", "first"),
        baseline_value=("baseline_value", "mean"), n=("n", "min"), flag=("flag", joined_flags),
    ).reset_index()  # fmt: skip


def _directions(rows: pd.DataFrame) -> dict[tuple[str, str], str]:
    """(probe, metric) -> whether higher or lower values are better, as the rows say."""
    told = rows[rows["better"].notna()].drop_duplicates(["probe", "metric", "variant"])
    found: dict[tuple[str, str], str] = {}
    for line in told.itertuples():
        found[line.probe, line.metric] = line.better
        if pd.notna(line.variant):
            found[line.probe, f"{line.metric}_{line.variant}"] = line.better
    for entry in entries_of(rows["probe"].dropna().unique()):
        for metric in rows.loc[rows["probe"] == entry.name, "metric"].dropna().unique():
            if (entry.name, metric) not in found and (better := entry.better_of(metric)):
                found[entry.name, metric] = better
    return found
