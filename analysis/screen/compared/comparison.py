"""The comparisons of one run on the screen: the answer, then each view under its question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.console import Console

from ...comparison.answer_tests import EXACT
from ...comparison.pair_records import ONE_DRAW
from ...comparison.pairs import PAIR_COLUMNS
from ...statistics.corrections import ALPHA
from ...wording import MISSING, bare_p, between, decimal, seen
from ..records import print_heading, print_lines, print_records
from .comparison_answer import answer_lines, one_line_per_pair
from .comparison_notes import called, notes_of


def print_answers(
    tables: Mapping[str, pd.DataFrame], ranks: pd.DataFrame, console: Console | None = None
) -> None:
    """Print whether good is better and bad is worse than random, one line per question.

    Args:
        tables: of a run, by name: `comparisons`.
        ranks: `summary_against_random` of the run.
        console: where to print; None = the screen.
    """
    print_lines(answer_lines(tables["comparisons"], ranks), console)


def print_ranks(ranks: pd.DataFrame, console: Console | None = None) -> None:
    """Print where good and bad stand among random masks of their size."""
    over_seeds = ranks[ranks["seed"].isna()]
    several = len(over_seeds["task"].drop_duplicates()) > 1
    print_heading("Is it better or worse than single random masks? What varies: draws", console)
    print_records(
        [
            {
                **({"task": line.task} if several else {}),
                "subnetwork": f"{line.kind} {line.state}",
                f"median {line.metric}": decimal(line.value, 3),
                "random median": decimal(line.random_median, 3),
                "95% of random masks": seen(line.random_low, line.random_high, 3),
                "beyond": MISSING if pd.isna(line.beyond) else f"{100 * line.beyond:.0f}%",
                "p (draws)": bare_p(line.p_adjusted),
                "draws": str(line.n_random),
            }
            for line in over_seeds.itertuples()
        ],
        console=console,
        keep=("subnetwork", *("median " + over_seeds["metric"]).unique(), "p (draws)", "beyond",
              "random median", "task", "draws"),
    )  # fmt: skip
    print_lines(
        ["beyond: share of random masks that good scores above, or bad below; p: corrected"],
        console,
    )


def print_pairs(tables: Mapping[str, pd.DataFrame], console: Console | None = None) -> None:
    """Print the differences of the primary metric over seeds, each with its tests."""
    compared, tests = tables["comparisons"], tables["tests"]
    scores = compared[(compared["probe"] == "performance") & compared["primary"]]
    print_heading(
        "How large is the mean difference, and would it hold on other examples? "
        "What varies: examples",
        console,
    )
    for (model, task), lines in scores.groupby(["model", "task"], sort=False):
        shown = one_line_per_pair(lines)
        metric = lines["metric"].iloc[0]
        mine = tests[(tests["model"] == model) & (tests["task"] == task)]
        records = [_pair(pair, mine, shown) for pair in shown.itertuples()]
        empty = {name for name in _OPTIONAL if all(one[name] in ("", MISSING) for one in records)}
        print_records(
            [{name: one[name] for name in one if name not in empty} for one in records],
            title=f"{task} · differences in {metric} · {model}",
            console=console,
            keep=("first - second", "difference", _EXAMPLES, "exact tests", _BOTH),
        )
    print_lines(
        [
            f"{_EXAMPLES}: interval for other examples, with these seeds and the mean over these "
            "draws.",
            f"{_BOTH}: interval for other examples and other seeds.",
            "exact tests: seeds in which the exact test of right answers (McNemar, or signs) has "
            "adjusted p <= .05, of the seeds in which it can answer; what varies: examples.",
            "single draws: the same, counted over the single draws of each seed.",
            "* flagged: see the column flag in comparisons.csv.",
            *notes_of(tables["comparison_notes"]),
        ],
        console,
    )


_EXAMPLES, _BOTH = "95% (examples)", "95% (examples, seeds)"
_OPTIONAL = (_BOTH, "single draws")
"""Columns that are left out where no line has them."""


def _pair(pair: Any, tests: pd.DataFrame, shown: pd.DataFrame) -> dict[str, Any]:
    mine = tests
    for name in PAIR_COLUMNS:
        mine = mine[mine[name] == getattr(pair, name)]
    exact = mine[mine["test"].isin(EXACT) & mine["p_value"].notna()]
    single = exact["level"] == ONE_DRAW
    several = len({*shown["method_a"], *shown["method_b"]} - {"full"}) > 1
    return {
        "first - second": called(pair, several) + ("*" if pair.flag else ""),
        "difference": decimal(pair.difference, 3),
        _EXAMPLES: between(pair.ci_low, pair.ci_high, 3) or MISSING,
        _BOTH: between(pair.beyond_low, pair.beyond_high, 3) or MISSING,
        "exact tests": _found(exact[~single]),
        "single draws": _found(exact[single]) if single.any() else "",
    }


def _found(tests: pd.DataFrame) -> str:
    """How many tests have an adjusted p up to .05, of how many."""
    return f"{int((tests['p_adjusted'] <= ALPHA).sum())}/{len(tests)}"
