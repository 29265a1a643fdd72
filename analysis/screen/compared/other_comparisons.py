"""Differences between runs, and of masks for a property, as tables on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.console import Console

from ...comparison.pair_records import ONE_SEED
from ...comparison.pairs import PAIR_COLUMNS
from ...wording import MISSING, bare_p, between, counted, decimal, p_text
from ..records import print_lines, print_records
from .comparison_notes import called, notes_of

_KEEP = ("model", "difference", "95% (examples)", "p (seeds)", "flag", "task", "metric")


def print_masks(tables: Mapping[str, pd.DataFrame], console: Console | None = None) -> None:
    """Print how masks for a property differ from their controls, one table per penalty."""
    compared, tests = tables["comparisons"], tables["tests"]
    lines = compared[compared["level"] == ONE_SEED]
    key = [*PAIR_COLUMNS, "variant", "level"]
    tested = tests[tests["level"] == ONE_SEED][[*key, "p_adjusted"]]
    for (model, task, variant), mine in lines.groupby(["model", "task", "variant"], sort=False):
        records = [
            {
                "first - second": called(pair, several=False) + ("*" if pair.flag else ""),
                "question": pair.question,
                "difference": decimal(pair.difference, 3),
                "95% (sentences)": between(pair.ci_low, pair.ci_high, 3) or MISSING,
                "p": bare_p(pair.p_adjusted),
            }
            for pair in mine.merge(tested, on=key, how="left").itertuples()
        ]
        title = f"{task} · differences in accuracy · {model} ({variant})"
        print_records(
            records, title=title, console=console,
            keep=("first - second", "difference", "95% (sentences)", "p"),
        )  # fmt: skip
    print_lines(
        [
            "p: adjusted, from exchanging sentences between the two. What varies in the interval "
            "and in p: sentences. * flagged",
            *notes_of(tables["comparison_notes"]),
        ],
        console,
    )


def print_calibration(tables: Mapping[str, pd.DataFrame], console: Console | None = None) -> None:
    """Print the calibration of each kind of a run, and how it differs from random subnetworks."""
    table, gaps = tables.get("calibration"), tables.get("calibration_differences")
    if table is None or table.empty:
        return
    for (model, task, method), mine in table.groupby(["model", "task", "method"], sort=False):
        records = []
        for (kind, state), lines in mine.groupby(["kind", "state"], sort=False):
            by = lines.set_index("metric")
            ece, gap = by.loc["ece"], _from_random(gaps, (model, task, method, kind, state))
            records.append(
                {
                    "subnetwork": kind, "state": state, "ECE": decimal(ece["value"]),
                    "95%": between(ece["ci_low"], ece["ci_high"]),
                    "calibrated": decimal(ece["baseline_value"]), "p": bare_p(ece["p_adjusted"]),
                    "debiased": decimal(by.loc["ece_debiased", "value"]),
                    "minus random": gap, "Brier": decimal(by.loc["brier", "value"]),
                    "NLL": decimal(by.loc["nll", "value"]),
                    "overconfidence": decimal(by.loc["overconfidence", "value"]),
                }
            )  # fmt: skip
        print_records(
            records, title=f"{task} · calibration · {model} ({method})", console=console,
            keep=("subnetwork", "state", "ECE", "calibrated", "95%", "p", "debiased",
                  "minus random"),
        )  # fmt: skip
    print_lines(
        [
            "ECE: expected calibration error in 15 bins of equal width. It is above 0 for a "
            "calibrated model as well, more so on few examples: calibrated is its mean for a "
            "calibrated model with the same confidences, p tests this (adjusted), and debiased is "
            "ECE without its estimated bias. What varies in intervals: examples."
        ],
        console,
    )


def _from_random(gaps: pd.DataFrame | None, who: tuple[Any, ...]) -> str:
    """The difference in ECE from random subnetworks of the same method and state."""
    if gaps is None:
        return ""
    columns = ["model", "task", "method_a", "kind_a", "state_a"]
    mine = gaps[gaps["kind_b"].eq("random") & gaps["metric"].eq("ece")]
    for column, value in zip(columns, who, strict=True):
        mine = mine[mine[column] == value]
    mine = mine[mine["state_b"] == who[-1]]
    if mine.empty:
        return ""
    line = mine.iloc[0]
    p = p_text(line["p_adjusted"]) if pd.notna(line["p_adjusted"]) else ""
    limits = between(line["ci_low"], line["ci_high"])
    return " ".join(filter(None, [decimal(line["difference"]), limits, p]))


def between_lines(scores: pd.DataFrame) -> list[str]:
    """How many models of two runs differ in each task, one sentence per pair of runs and task."""
    lines = []
    here = scores[scores["level"] == "these seeds"]
    for (first, second, task), mine in here.groupby(["run_a", "run_b", "task"], sort=False):
        tested = mine[mine["ci_low"].notna()]
        clear = tested[(tested["ci_low"] > 0) | (tested["ci_high"] < 0)]
        named = "; ".join(
            f"{line.kind} {line.state} {decimal(line.difference, 3)} "
            f"{between(line.ci_low, line.ci_high, 3)}"
            for line in clear.itertuples()
        )
        lines.append(
            f"{first} compared with {second}, {task}: {len(clear)} of "
            f"{counted(len(mine), 'model')} differ clearly in {mine['metric'].iloc[0]} (95%, "
            f"varies: examples){': ' + named if named else ''}."
        )
    return lines


def print_between(tables: Mapping[str, pd.DataFrame], console: Console | None = None) -> None:
    """Print the differences of the primary metric between runs."""
    compared = tables["between_runs"]
    tests = tables["between_tests"]
    scores = compared[(compared["probe"] == "performance") & compared["primary"]]
    print_lines(between_lines(scores), console)
    for (first, second), lines in scores.groupby(["run_a", "run_b"], sort=False):
        records = []
        for line in lines[lines["level"] == "these seeds"].itertuples():
            tested = _same(tests, line, ["run_a", "run_b", "task", "method", "kind", "state"])
            tested = tested[tested["metric"] == line.metric]
            p = tested["p_adjusted"].iloc[0] if len(tested) else None
            records.append(
                {
                    "task": line.task, "method": line.method, "model": f"{line.kind} {line.state}",
                    "metric": line.metric, str(first): decimal(line.value_a, 3),
                    str(second): decimal(line.value_b, 3),
                    "difference": decimal(line.difference, 3),
                    "95% (examples)": between(line.ci_low, line.ci_high, 3) or MISSING,
                    "p (seeds)": bare_p(p), "flag": line.flag,
                }
            )  # fmt: skip
        print_records(records, title=f"{first} compared with {second}", console=console, keep=_KEEP)
    print_lines(
        [
            "95% (examples): interval for other examples, with these seeds. p (seeds): adjusted, "
            "from exchanging seeds between the runs.",
            *notes_of(tables["comparison_notes"]),
        ],
        console,
    )


def _same(table: pd.DataFrame, line: Any, columns: list[str]) -> pd.DataFrame:
    for name in columns:
        table = table[table[name] == getattr(line, name)]
    return table
