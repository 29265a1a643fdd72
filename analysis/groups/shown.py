"""Random and group-disjoint splits of a task as records for the screen."""

from __future__ import annotations

from typing import Any

from ..wording import bare_p, between, decimal
from .measure import GroupSplits

LEGEND = (
    "group-disjoint: no group is in training and test; k: examples of each held-out group added to "
    "training; group given: a word before each text names its group; all splits have equally many "
    "training examples and score the same examples. Intervals resample groups. p: accuracies "
    "against the majority class, differences against 0, corrected by Holm."
)


def shown_groups(found: GroupSplits) -> tuple[str, list[dict[str, Any]], tuple[str, ...]]:
    """The title, the accuracy of each split and the differences, and the columns by importance."""
    rows = found.rows
    return (
        f"{rows.iloc[0]['task']} · random against group-disjoint splits",
        [_line(line) for line in rows.itertuples()],
        ("split", "value", "95%", "majority", "Holm p", "n", "groups"),
    )


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
