"""The spread over seeds as findings and tables on the screen."""

from __future__ import annotations

from typing import Any

import pandas as pd
from rich.console import Console

from ..spread.best_tables import SELECTION
from ..spread.expected_best import WITH, WITHOUT
from ..spread.measure import Spread
from ..spread.panel import LINE, MODEL
from ..wording import bare_p, between, counted, decimal, listed, named, p_text, percent, seen
from .records import print_lines, print_records

MOST_LINES = 40
_LEGEND = (
    "mean, sd and range: over seeds, of each seed's mean over draws. 95%: varies: seeds. r: "
    "Pearson's correlation with the score over seeds; p: runs permuted, corrected over all metrics "
    "and kinds of a task and method."
)


def print_spread(found: Spread, console: Console | None = None) -> None:
    """Print what varies over seeds, the best of several trainings, and what they lack."""
    print_lines(finding_lines(found), console)
    for who, lines in found.spread.groupby(["task", "method"], sort=False):
        first = lines["primary"].fillna(False)
        for title, mine in (("score", lines[first]), ("other metrics", lines[~first])):
            if len(mine):
                print_records(
                    [_line(line) for line in mine.head(MOST_LINES).itertuples()],
                    title=f"{title} over seeds · {' · '.join(who)}", console=console,
                    keep=("kind", "metric", "mean", "sd", "95%", "range", "r", "p"),
                )  # fmt: skip
            if (more := len(mine) - MOST_LINES) > 0:
                print_lines([f"{counted(more, 'more line')}: `--out` writes all of them"], console)
    print_lines([_LEGEND], console)
    if len(found.parts):
        print_records(
            list(_parts(found.parts)), title="share of the variance over seeds", console=console
        )
    if len(found.best):
        print_records(_best(found.best), title="expected best of n trainings", console=console)
    if len(chosen := found.plans[found.plans["best"].fillna(False)]):
        print_records(
            [_plan(line) for line in chosen.itertuples()], console=console,
            title="best plan with early stopping, by selection score",
            keep=("kind", "budget", "start", "stop", "score", "gain"),
        )  # fmt: skip
    print_lines(_notes(found.notes.fillna("")), console)


def finding_lines(found: Spread) -> list[str]:
    """How far the score of the full model varies over seeds, in one sentence per task."""
    table = found.spread
    full = table[table["primary"].fillna(False) & (table["kind"] == "full")]
    lines = []
    for line in full.drop_duplicates(["model", "task"]).itertuples():
        text = (
            f"{line.task}: {named(line.metric)} of the full model is {decimal(line.mean)} "
            f"{_interval(line)} over "
            f"{counted(int(line.n_seeds), 'run')}, standard deviation {decimal(line.sd, 3)}, "
            f"from {seen(line.lowest, line.highest)}"
        )
        best = _at_most(found.best, line)
        lines.append(text + (f"; {best}" if best else "") + ".")
        lines += _wider(table, line)
    return lines


def _interval(line: Any) -> str:
    limits = between(line.ci_low, line.ci_high)
    return f"{limits} (95%, varies: seeds)" if limits else "(no interval)"


def _wider(table: pd.DataFrame, full: Any) -> list[str]:
    """The second metrics of the full model whose correlation with the score is clear."""
    mine = table[
        (table["task"] == full.task) & (table["method"] == full.method) & (table["kind"] == "full")
    ]
    clear = mine[mine["p_adjusted"] <= 0.05]
    if clear.empty:
        return []
    each = [
        f"{named(line.metric)} (r = {decimal(line.r)}, {p_text(line.p_adjusted)})"
        for line in clear.itertuples()
    ]
    return [f"{full.task}: over seeds, the score goes together with {listed(each)}."]


def _at_most(best: pd.DataFrame, full: Any) -> str:
    """The expected best of as many trainings as there are, chosen without the reported examples."""
    mine = best[(best["task"] == full.task) & (best["kind"] == "full")]
    mine = mine[(mine["resampling"] == WITHOUT) & (mine["chosen_on"] == SELECTION)]
    if mine.empty:
        return ""
    last = mine.iloc[-1]
    return (
        f"the best of {last['best_of']}, chosen on the selection examples, scores "
        f"{decimal(last['value'])}"
    )


def _line(row: Any) -> dict[str, str]:
    relation = "" if pd.isna(row.relation) else f" {row.relation}"
    return {
        "kind": f"{row.kind} {row.state}" if row.kind != row.state else row.kind,
        "metric": named(row.metric) + relation,
        "seeds": str(row.n_seeds),
        "mean": decimal(row.mean),
        "95%": between(row.ci_low, row.ci_high),
        "sd": decimal(row.sd),
        "range": seen(row.lowest, row.highest),
        **({} if row.primary else {"r": decimal(row.r), "p": bare_p(row.p_adjusted)}),
    }


def _parts(table: pd.DataFrame) -> Any:
    for about, lines in table.head(3 * MOST_LINES).groupby(LINE, sort=False, dropna=False):
        relation = "" if pd.isna(about[7]) else f" {about[7]}"
        record = {
            "task": about[1], "kind": f"{about[3]} {about[4]}",
            "metric": named(about[6]) + relation,
        }  # fmt: skip
        for line in lines.itertuples():
            tested = "" if pd.isna(line.p_adjusted) else f", {p_text(line.p_adjusted)}"
            record[line.source] = percent(line.share) + tested
        yield record


def _best(table: pd.DataFrame) -> list[dict[str, str]]:
    """A line for each model and choice: the expected best of 1, 2, 3, 5, 10, ... trainings."""
    lines = []
    for about, mine in table[table["resampling"] == WITH].groupby(
        [*MODEL, "chosen_on"], sort=False
    ):
        record = {"task": about[1], "kind": f"{about[3]} {about[4]}", "chosen on": about[5]}
        value = mine.set_index("best_of")["value"]
        for n in sorted({n for n in (1, 2, 3, 5, 10, 20, 50) if n in value} | {max(value.index)}):
            record[f"n = {n}"] = decimal(value[n])
        lines.append(record)
    return lines


def _plan(line: Any) -> dict[str, str]:
    when = f" after {percent(line.share_seen)}" if line.stopped else ""
    return {
        "task": line.task,
        "kind": f"{line.kind} {line.state}",
        "budget": str(line.budget),
        "start": str(line.started),
        "stop": f"{line.stopped}{when}",
        "score": decimal(line.value),
        "gain": decimal(line.gain),
    }


def _notes(notes: pd.DataFrame) -> list[str]:
    """One line a note, with the models that it is about."""
    lines = []
    for note, of in notes.groupby("note", sort=False):
        about = [f"{one.task} {one.kind} {one.state}" for one in of.itertuples() if one.task]
        lines.append(": ".join(filter(None, [note, ", ".join(dict.fromkeys(about))])))
    return lines
