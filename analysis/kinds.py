"""Kinds and states in reading order, and what names one line of a comparison."""

from __future__ import annotations

import pandas as pd

KINDS = ("full", "good", "random", "bad", "super", "middle", "anti", "untrained")
STATES = ("pretrained", "finetuned", "pruned", "retrained", "rewound", "untrained")
WHO = ["model", "task"]


def tidy_kinds(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with `untrained` as a kind of its own, and kinds and states in reading order."""
    kind = rows["kind"].mask(rows["state"] == "untrained", "untrained")
    known = [*KINDS, *sorted(set(kind.dropna()) - set(KINDS))]
    states = [*STATES, *sorted(set(rows["state"].dropna()) - set(STATES))]
    return rows.assign(
        kind=pd.Categorical(kind, known, ordered=True),
        state=pd.Categorical(rows["state"], states, ordered=True),
    )


def performance_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Performance rows with a value, kinds tidied, and `primary` for each task's first metric."""
    scores = rows[(rows["probe"] == "performance") & rows["value"].notna()]
    first = scores.drop_duplicates(WHO)[[*WHO, "metric"]].assign(primary=True)
    marked = scores.merge(first, on=[*WHO, "metric"], how="left")
    return tidy_kinds(marked.assign(primary=marked["primary"].notna()))


def plain(table: pd.DataFrame) -> pd.DataFrame:
    """Categories as text and a fresh index: what a CSV file holds."""
    return table.astype({"kind": "string", "state": "string"}).reset_index(drop=True)
