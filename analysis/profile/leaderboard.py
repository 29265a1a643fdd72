"""Scores of `holmes` in the format of its leaderboard: data sets are lines, models are columns."""

from __future__ import annotations

import pandas as pd

from ...data.holmes.published import about_set
from ...probes.holmes.entries import COMPARABLE, HOLMES
from ..summary.kinds import by_method

SCORES = ("macro_f1", "pearson")
FORM = [
    "probing dataset", "linguistic subfield", "linguistic phenomena", "probe type",
    "train portion", "probe", "comparable",
]  # fmt: skip
"""Columns before those of models: the leaderboard's, and whether a line is comparable with it."""


def has_leaderboard(rows: pd.DataFrame) -> bool:
    """Whether the probe was run."""
    return bool(rows["probe"].eq(HOLMES.name).any())


def leaderboard(rows: pd.DataFrame) -> pd.DataFrame:
    """The leaderboard of some rows.

    Args:
        rows: tidy rows, those of other probes too.

    Returns:
        a line for each data set. A column has the name of its model, followed by what distinguishes
        it (task, method, kind, state); scores are averaged over draws, then over seeds.
    """
    own = rows[rows["probe"].eq(HOLMES.name) & rows["metric"].isin(SCORES)]
    own = by_method(own.assign(model=own["model"].fillna("model")))
    parts = ["task", "method", "kind", "state"]
    several = [name for name in parts if len(own[name].drop_duplicates()) > 1]
    named = [own["model"].astype(str), *(own[name].fillna("").astype(str) for name in several)]
    column = pd.Series(
        [" ".join(part for part in of if part) for of in zip(*named, strict=True)], own.index
    )
    own = own.assign(column=column, seed=own["seed"].fillna(0), draw=own["draw"].fillna(0))
    line = ["relation", "variant", "column"]
    # a mean of a seed's draws first: seeds count alike
    by_seed = own.groupby([*line, "seed"], sort=False, dropna=False)["value"].mean()
    scores = by_seed.reset_index().pivot_table(
        values="value", index=line[:2], columns="column", aggfunc="mean", sort=False
    )
    scores = scores.reindex(columns=own["column"].drop_duplicates())
    lines = []
    for name, variant in scores.index:
        about = about_set(name)
        lines.append(
            {
                "probing dataset": name,
                "linguistic subfield": about.subfield if about else "",
                "linguistic phenomena": about.phenomenon if about else "",
                "probe type": about.kind if about else "",
                "train portion": 1,
                "probe": name,
                "comparable": variant == COMPARABLE,
            }
        )
    form = pd.DataFrame(lines, columns=FORM)
    found = pd.concat([form, scores.reset_index(drop=True)], axis=1)
    return found.sort_values(["probing dataset", "comparable"], ignore_index=True)
