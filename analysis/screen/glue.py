"""The GLUE mean on the screen: one table, what is missing from it, and cautions."""

from __future__ import annotations

import pandas as pd
from rich.console import Console

from ...data.tasks.glue import GLUE
from ..glue.cautions import cautions_of
from ..glue.mean import ALL, WITHOUT
from ..wording import between, decimal, listed
from .records import print_lines, print_records


def print_glue(table: pd.DataFrame, console: Console | None = None) -> None:
    """Print the mean of each kind of subnetwork, and what it leaves out."""
    for model, mine in table.groupby("model", sort=False):
        records, missing = [], dict[str, list[str]]()
        for (method, kind, state), lines in mine.groupby(["method", "kind", "state"], sort=False):
            by_task = lines.set_index("task")
            mean = by_task.loc[ALL]
            record = {
                "subnetwork": kind, "state": state, "method": method,
                "mean": decimal(mean["value"]),
                "95%": between(mean["ci_low"], mean["ci_high"]),
                "minus random": decimal(mean["difference"]) if pd.notna(mean["difference"]) else "",
                "difference 95%": between(mean["difference_low"], mean["difference_high"]),
                "tasks": int(mean["n_tasks"]),
            }  # fmt: skip
            if WITHOUT in by_task.index:
                record["without wnli"] = decimal(by_task.loc[WITHOUT, "value"])
            record |= {t: decimal(by_task.loc[t, "value"]) for t in GLUE if t in by_task.index}
            records.append(record)
            if pd.notna(mean["missing"]):
                missing.setdefault(str(mean["missing"]), []).append(f"{kind} {state} ({method})")
        print_records(
            records, title=f"GLUE mean · {model}", console=console,
            keep=("subnetwork", "state", "mean", "95%", "tasks", "minus random", "without wnli",
                  "difference 95%", "method"),
        )  # fmt: skip
        print_lines(_said(mine, missing), console)
    print_lines([f"Caution: {line}" for line in cautions_of(table["task"].dropna())], console)


def _said(mine: pd.DataFrame, missing: dict[str, list[str]]) -> list[str]:
    every = len(set(zip(mine["method"], mine["kind"], mine["state"], strict=True)))
    lines = [
        "The score of a task is the mean of its metrics; the mean gives each task the same weight. "
        "What varies in the interval: examples, for these seeds and draws."
    ]
    for names, who in missing.items():
        of = "" if len(who) == every else f" of {listed(who)}"
        lines.append(f"The mean{of} is over the tasks that were scored; missing: {names}.")
    notes = mine.loc[mine["task"] == ALL, "note"].dropna()
    if notes.str.contains("mnli").any():
        lines.append(f"Of mnli: {notes.iloc[0].partition(',')[0]}.")
    return lines
