"""Whether good finds a relation better than random, as sentences and a small table."""

from __future__ import annotations

from typing import Any

import pandas as pd
from rich.console import Console

from ...statistics.corrections import ALPHA
from ...wording import MISSING, bare_p, between, counted, decimal, p_text, seen
from ..records import print_lines, print_records


def print_found_better(table: pd.DataFrame, console: Console | None = None) -> None:
    """Print one sentence per line of `found_better`, then the numbers."""
    print_lines([sentence(line) for line in table.itertuples()], console)
    print_records(
        [_record(line) for line in table.itertuples()],
        console=console,
        keep=("asked", "state", "difference", "95%", "p", "good", "random", "baseline", "pairs"),
    )
    print_lines(
        [
            "95% and p: what varies is the sentences, with these seeds and these random masks. "
            "range: lowest and highest of the random masks. p: corrected over all lines of a state."
        ],
        console,
    )


def sentence(line: Any) -> str:
    """The answer to one question, with its interval and p."""
    limits = between(line.ci_low, line.ci_high, 3)
    sure = pd.notna(line.p_adjusted) and line.p_adjusted <= ALPHA
    answer = ("better" if line.difference > 0 else "worse") if sure else "not clearly better"
    found = f"{decimal(line.good, 3)} and {decimal(line.random, 3)}"
    gap = f"difference {decimal(line.difference, 3)} {limits or '(no interval)'}".strip()
    return (
        f"{_asked(line)}, {line.state}, {line.task}: good is {answer} than random: {found}, {gap}, "
        f"{p_text(line.p_adjusted)} (varies: sentences)."
    )


def _asked(line: Any) -> str:
    return str(line.metric if pd.isna(line.relation) else line.relation)


def _record(line: Any) -> dict[str, str]:
    name = "" if pd.isna(line.baseline) else f" ({line.baseline})"
    return {
        "asked": _asked(line),
        "state": line.state,
        "good": decimal(line.good, 3),
        "random": decimal(line.random, 3),
        "range": seen(line.random_low, line.random_high, 3),
        "difference": decimal(line.difference, 3),
        "95%": between(line.ci_low, line.ci_high, 3) or MISSING,
        "p": bare_p(line.p_adjusted),
        "baseline": f"{decimal(line.baseline_value, 3)}{name}",
        "pairs": str(line.n),
        "of": f"{counted(line.n_seeds, 'seed')}, {counted(line.n_draws, 'draw')}",
    }
