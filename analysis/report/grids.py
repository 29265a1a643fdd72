"""Tables of the page of a comparison, as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..comparison.pair_records import ONE_DRAW, ONE_SEED
from ..comparison.pairs import PAIR_COLUMNS
from ..statistics.corrections import ALPHA
from ..wording import MISSING, decimal, p_text, seen

MOST_LINES = 40


@dataclass(frozen=True)
class Grid:
    """A table as text, and the file that holds all of it.

    Attributes:
        title: its heading.
        header: column titles.
        lines: cells of each line.
        left_out: lines that only the file has.
        source: the file's name.
        row_ids: the row of the file (from 0) that each line is.
    """

    title: str
    header: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    left_out: int
    source: str
    row_ids: tuple[int, ...]


def grid_of(
    title: str, header: tuple[str, ...], cells: list[tuple[Any, ...]], source: str, of: pd.DataFrame
) -> Grid:
    """A grid of the first lines of a table; the index of `of` counts the rows of the file."""
    shown = cells[:MOST_LINES]
    lines = tuple(tuple(str(cell) for cell in line) for line in shown)
    rows = tuple(int(row) for row in of.index[: len(shown)])
    return Grid(title, header, lines, len(of) - len(shown), source, rows)


_LINE = [
    "model",
    "task",
    *PAIR_COLUMNS,
    "probe",
    "metric",
    "relation",
    "direction",
    "layer",
    "seed",
]


def draw_grid(tests: pd.DataFrame) -> Grid | None:
    """What probes find of pruned good against random and bad: the mean over draws, and each draw.

    Args:
        tests: the table of tests.

    Returns:
        The lines that can answer, smallest p first; None where no probe read several draws.
    """
    chosen = tests[
        tests["kind_a"].eq("good")
        & tests["kind_b"].isin(["random", "bad"])
        & tests["state_a"].eq("pruned")
        & tests["state_b"].eq("pruned")
        & tests["test"].eq("exchanged sentences")
        & tests["method_a"].eq(tests["method_b"])
    ]
    single = chosen[chosen["level"] == ONE_DRAW].assign(
        found=lambda lines: lines["p_adjusted"].le(ALPHA).fillna(False)
    )
    draws = single.groupby(_LINE, dropna=False, sort=False).agg(
        lowest=("difference", "min"),
        highest=("difference", "max"),
        found=("found", "sum"),
        draws=("found", "size"),
    )
    means = chosen[(chosen["level"] == ONE_SEED) & chosen["p_value"].notna()]
    shown = means.reset_index().merge(draws.reset_index(), on=_LINE).set_index("index")
    shown = shown.sort_values("p_adjusted", kind="stable").rename_axis(None)
    if shown.empty:
        return None
    cells = [
        (
            f"{line.task}: good - {line.kind_b} ({line.method_a})", line.metric,
            MISSING if pd.isna(line.relation) else line.relation, line.seed,
            decimal(line.difference, 3), seen(line.lowest, line.highest, 3),
            p_text(line.p_value), p_text(line.p_adjusted), f"{line.found} of {line.draws}",
        )
        for line in shown.head(MOST_LINES).itertuples()
    ]  # fmt: skip
    header = ("pair", "metric", "relation", "seed", "mean over draws", "range of draws", "p",
              "adjusted", "draws that differ")  # fmt: skip
    title = "What probes find of good against random and bad: sentences exchanged"
    return grid_of(title, header, cells, "tests.csv", shown)
