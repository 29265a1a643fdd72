"""Comparisons as plain tables on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.console import Console

from ..comparison.answer_tests import EXACT
from ..comparison.pair_records import ONE_DRAW, ONE_SEED
from ..comparison.pairs import PAIR_COLUMNS, spoken
from ..statistics.corrections import ALPHA
from ..wording import MISSING, bare_p, between, decimal, p_text
from .records import print_lines, print_records

MOST_NOTES = 12


def print_pairs(tables: Mapping[str, pd.DataFrame], console: Console | None = None) -> None:
    """Print the differences of the primary metric over seeds, each with its tests."""
    compared, tests = tables["comparisons"], tables["tests"]
    scores = compared[(compared["probe"] == "performance") & compared["primary"]]
    for (model, task), lines in scores.groupby(["model", "task"], sort=False):
        shown = _one_line_a_pair(lines)
        metric = lines["metric"].iloc[0]
        mine = tests[(tests["model"] == model) & (tests["task"] == task)]
        records = [_pair(pair, mine, shown) for pair in shown.itertuples()]
        print_records(records, title=f"{task} · differences in {metric} · {model}", console=console)
    print_lines(
        [
            "95%: other examples, these seeds; beyond: other seeds as well; exact: seeds in which "
            "the exact test of right answers (McNemar's, or that of signs, with the mean over "
            "draws) has an adjusted p up to .05, of those in which it can answer; draws: the same "
            "of single draws; * flagged",
            *_notes(tables["comparison_notes"]),
        ],
        console,
    )


def print_masks(tables: Mapping[str, pd.DataFrame], console: Console | None = None) -> None:
    """Print how masks for a property differ from their controls, one table a penalty."""
    compared, tests = tables["comparisons"], tables["tests"]
    lines = compared[compared["level"] == ONE_SEED]
    key = [*PAIR_COLUMNS, "variant", "level"]
    tested = tests[tests["level"] == ONE_SEED][[*key, "p_adjusted"]]
    for (model, task, variant), mine in lines.groupby(["model", "task", "variant"], sort=False):
        records = [
            {
                "first - second": _called(pair, several=False) + ("*" if pair.flag else ""),
                "question": pair.question,
                "difference": decimal(pair.difference, 3),
                "95%": between(pair.ci_low, pair.ci_high, 3) or MISSING,
                "p": bare_p(pair.p_adjusted),
            }
            for pair in mine.merge(tested, on=key, how="left").itertuples()
        ]
        title = f"{task} · differences in accuracy · {model} ({variant})"
        print_records(records, title=title, console=console)
    print_lines(
        [
            "p: adjusted, from sentences exchanged between the two; * flagged",
            *_notes(tables["comparison_notes"]),
        ],
        console,
    )


def _one_line_a_pair(lines: pd.DataFrame) -> pd.DataFrame:
    """The line over seeds of each pair, or that of its one seed."""
    wide = lines[lines["level"] == "seeds and examples"]
    limits = wide[[*PAIR_COLUMNS, "ci_low", "ci_high"]].rename(
        columns={"ci_low": "beyond_low", "ci_high": "beyond_high"}
    )
    over = lines[lines["level"] == "these seeds"]
    single = lines[(lines["level"] == "one seed")]
    keys = pd.MultiIndex.from_frame(over[PAIR_COLUMNS])
    single = single[~pd.MultiIndex.from_frame(single[PAIR_COLUMNS]).isin(keys)]
    return pd.concat([over, single]).merge(limits, on=PAIR_COLUMNS, how="left")


def _pair(pair: Any, tests: pd.DataFrame, shown: pd.DataFrame) -> dict[str, Any]:
    mine = tests
    for name in PAIR_COLUMNS:
        mine = mine[mine[name] == getattr(pair, name)]
    exact = mine[mine["test"].isin(EXACT) & mine["p_value"].notna()]
    single = exact["level"] == ONE_DRAW
    several = len({*shown["method_a"], *shown["method_b"]} - {"full"}) > 1
    return {
        "first - second": _called(pair, several) + ("*" if pair.flag else ""),
        "difference": decimal(pair.difference, 3),
        "95%": between(pair.ci_low, pair.ci_high, 3) or MISSING,
        "beyond": between(pair.beyond_low, pair.beyond_high, 3) or MISSING,
        "exact": _found(exact[~single]),
        "draws": _found(exact[single]) if single.any() else "",
    }


def _found(tests: pd.DataFrame) -> str:
    """How many tests have an adjusted p up to .05, of how many."""
    return f"{int((tests['p_adjusted'] <= ALPHA).sum())}/{len(tests)}"


def _called(pair: Any, several: bool) -> str:
    """Both models in few words: what is equal on both sides is said once."""
    if pair.state_a == pair.state_b:
        text = f"{pair.kind_a} - {pair.kind_b}, {pair.state_a}"
    else:
        first, second = spoken(pair.kind_a, pair.state_a), spoken(pair.kind_b, pair.state_b)
        text = f"{first} - {second}"
    methods = dict.fromkeys(m for m in (pair.method_a, pair.method_b) if m != "full")
    return f"{text} ({' - '.join(methods)})" if several and methods else text


def print_between(tables: Mapping[str, pd.DataFrame], console: Console | None = None) -> None:
    """Print the differences of the primary metric between runs."""
    compared = tables["between_runs"]
    tests = tables["between_tests"]
    scores = compared[(compared["probe"] == "performance") & compared["primary"]]
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
                    "95%": between(line.ci_low, line.ci_high, 3) or MISSING,
                    "over seeds": p_text(p), "flag": line.flag,
                }
            )  # fmt: skip
        print_records(records, title=f"{first} against {second}", console=console)
    print_lines(
        [
            "95%: other examples, these seeds; over seeds: adjusted p of exchanging seeds "
            "between the runs",
            *_notes(tables["comparison_notes"]),
        ],
        console,
    )


def _same(table: pd.DataFrame, line: Any, columns: list[str]) -> pd.DataFrame:
    for name in columns:
        table = table[table[name] == getattr(line, name)]
    return table


def _notes(notes: pd.DataFrame) -> list[str]:
    said = [str(note) for note in notes["note"]]
    left = len(said) - MOST_NOTES
    return said[:MOST_NOTES] + (
        [f"{left} more notes: name a folder with --out"] if left > 0 else []
    )
