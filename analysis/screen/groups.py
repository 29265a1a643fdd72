"""Random and group-disjoint splits of a task, on the screen."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from ..groups.measure import GroupSplits
from ..wording import bare_p, between, decimal
from .records import print_lines, print_records

_LEGEND = (
    "group-disjoint: no group is in training and test; k: examples of each held-out group added to "
    "training; all splits have equally many training examples and score the same examples. "
    "Intervals resample groups. p: accuracies against the majority class, differences against 0, "
    "corrected by Holm."
)


def print_groups(found: GroupSplits, console: Console | None = None) -> None:
    """Print the accuracy of each split and the differences."""
    rows = found.rows
    print_records(
        [_line(line) for line in rows.itertuples()],
        title=f"{rows.iloc[0]['task']} · random against group-disjoint splits",
        console=console, keep=("split", "value", "95%", "majority", "Holm p", "n", "groups"),
    )  # fmt: skip
    print_lines([*found.notes, _LEGEND], console)


def _line(line: Any) -> dict[str, Any]:
    accuracy = line.metric == "accuracy"
    return {
        "split": line.variant,
        "value": decimal(line.value, 3),
        "95%": between(line.ci_low, line.ci_high, 3),
        "majority": decimal(line.baseline_value, 3) if accuracy else "",
        "Holm p": bare_p(line.p_adjusted),
        "n": line.n,
        "groups": line.n_clusters,
    }
