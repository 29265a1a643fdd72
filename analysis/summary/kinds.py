"""Kinds and states in reading order, and what names one line of a comparison."""

from __future__ import annotations

from typing import Any

import pandas as pd

KINDS = (
    "full",
    "good",
    "random",
    "bad",
    "super",
    "middle",
    "anti",
    "complement",
    "random-complement",
    "combined",
    "reinit",
    "shuffled",
    "given",
    "untrained",
    "bag-of-words",
)
STATES = ("pretrained", "finetuned", "pruned", "retrained", "rewound", "untrained", "trained")
BESIDE_FULL = {state: ("finetuned", state) for state in ("pruned", "retrained", "rewound")}
"""State of subnetworks -> the states of a comparison or picture: the full model is in each."""
WHO = ["model", "task", "method"]
"""What names one answer: an encoder, a task, and how its subnetworks were found."""


def by_method(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with those of the full model repeated for each method of its task.

    Every method is then complete in itself. Rows that are so already stay as they are, and so do
    those of a full model without subnetworks.
    """
    masked = rows[rows["method"].ne("full").fillna(False)]
    methods = masked[WHO].drop_duplicates().rename(columns={"method": "of"})
    if methods.empty:
        return rows
    whole = rows["method"].eq("full").fillna(True)
    repeated = rows[whole].merge(methods, on=WHO[:2], how="left")
    repeated["method"] = repeated["of"].fillna("full").astype("string")
    return pd.concat([masked, repeated.drop(columns="of")], ignore_index=True)


def label_of(task: str, method: str, methods: set[str]) -> str:
    """How a task and method are called: by the task alone where there is one method only."""
    return task if len(methods) < 2 else f"{task} ({method})"


def answers(scores: pd.DataFrame) -> list[tuple[tuple[str, str, str], str, dict[str, str]]]:
    """What a run answers: (model, task, method), its name for people, and its column values."""
    keys = list(scores[WHO].drop_duplicates().itertuples(index=False, name=None))
    found = []
    for model, task, method in keys:
        methods = {key[2] for key in keys if key[:2] == (model, task)}
        key = {"model": model, "task": task, "method": method}
        found.append(((model, task, method), label_of(task, method, methods), key))
    return found


def of_answer(table: pd.DataFrame, key: dict[str, str]) -> pd.DataFrame:
    """The lines of a table about one model, task and method."""
    mine = pd.Series(True, index=table.index)
    for column, value in key.items():
        mine &= table[column].eq(value).fillna(False).astype(bool)
    return table[mine]


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
    scores = by_method(rows[(rows["probe"] == "performance") & rows["value"].notna()])
    first = scores.drop_duplicates(WHO)[[*WHO, "metric"]].assign(primary=True)
    marked = scores.merge(first, on=[*WHO, "metric"], how="left")
    return tidy_kinds(marked.assign(primary=marked["primary"].notna()))


def joined_flags(flags: pd.Series[str]) -> str:
    """All flags of the lines that one line sums up, each once."""
    return ", ".join(sorted({one for flag in flags.dropna() if flag for one in flag.split(", ")}))


def flags_by_group(groups: Any) -> pd.Series[str]:
    """`joined_flags` of each group of the grouped column `flag`, in one pass over its lines."""
    flags = groups.obj
    joined: list[set[str]] = [set() for _ in range(groups.ngroups)]
    places = groups.ngroup().fillna(-1).astype(int)  # without a number: a key is missing
    for place, flag in zip(places.tolist(), flags.tolist(), strict=True):
        if place >= 0 and isinstance(flag, str) and flag:
            joined[place].update(flag.split(", "))
    said = [", ".join(sorted(one)) for one in joined]
    return pd.Series(said, groups.size().index, name=flags.name, dtype=flags.dtype)


def with_flags(table: pd.DataFrame, rows: pd.DataFrame, about: list[str]) -> pd.DataFrame:
    """The table with `flag`: those of all rows that agree with a line in these columns, joined."""
    said = flags_by_group(rows.groupby(about, observed=True, sort=False)["flag"]).reset_index()
    found = table.merge(said, on=about, how="left")
    return found.assign(flag=found["flag"].fillna(""))


def plain(table: pd.DataFrame) -> pd.DataFrame:
    """Categories as text and a fresh index: what a CSV file holds."""
    return table.astype({"kind": "string", "state": "string"}).reset_index(drop=True)
