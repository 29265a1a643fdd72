"""Single lines of a summary, and their ranges, sizes and intervals in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from ...probes.entry import Told
from ...probes.registry import entries_of
from ..wording import cite, counted, decimal, listed, percent

Cited = Callable[[pd.Series, str], str]
"""Line of a summary and column -> the number as text that names its cell."""

HEADLINE = "summary_headline.csv"
UNITS = {"heads": "heads", "mlps": "MLPs", "neurons": "neurons", "weights": "weights"}
"""Unit as columns name it -> as sentences do."""


def line_of(table: pd.DataFrame, **chosen: str) -> pd.Series | None:
    """The first line with these values, if there is one."""
    for column, value in chosen.items():
        table = table[table[column] == value]
    return None if table.empty else table.iloc[0]


def told_of(probes: pd.DataFrame, form: str) -> Iterator[tuple[Told, pd.DataFrame]]:
    """What probes declare of sentences of this form, each with the lines of its metric.

    Args:
        probes: lines of `probe_table`.
        form: that of the sentences (`probes.entry.Told`).
    """
    for entry in entries_of(probes["probe"].dropna().unique()):
        mine = probes[probes["probe"] == entry.name]
        for one in entry.told:
            if one.form == form:
                yield one, mine[mine["metric"] == one.metric]


def headline(line: pd.Series, column: str, form: Callable[[Any], str] = decimal) -> str:
    """A number of the headline table that names its cell."""
    return cite(line, column, HEADLINE, form)


def spread_of(line: Any, cited: Cited) -> str:
    """` (.520 to .700 over 5 draws per seed)`; empty where each seed has one draw.

    It is the observed range and no interval: that is why it has no brackets.
    """
    if line["n_draws"] < 2:
        return ""
    low, high = cited(line, "lowest"), cited(line, "highest")
    return f" ({low} to {high} over {counted(line['n_draws'], 'draw')} per seed)"


def kept_of(line: pd.Series) -> str:
    """What a mask keeps, of the units that its method prunes: `58% of the heads and all MLPs`."""
    for finer in ("weights", "neurons"):
        if pd.notna(line[f"{finer}_kept"]):
            return f"{headline(line, f'{finer}_kept', percent)} of the {finer}"
    kept = [
        f"all {UNITS[name]}"
        if line[f"{name}_kept"] == 1
        else f"{headline(line, f'{name}_kept', percent)} of the {UNITS[name]}"
        for name in ("heads", "mlps")
    ]
    return listed(kept)


def interval_of(line: pd.Series, before: str = "") -> str:
    """`[.075, .116]`, both limits cited; empty where there are none."""
    if pd.isna(line[f"{before}ci_low"]):
        return ""
    low, high = (headline(line, f"{before}{end}") for end in ("ci_low", "ci_high"))
    return f"[{low}, {high}]"


def varies(method: Any, n_seeds: int) -> str:
    """What an interval of the comparisons is over, in words, by the method that its line names."""
    text = str(method)
    what = "groups of examples" if "clusters" in text else "examples"
    if "grid of seeds" in text:
        return f"95% interval over crossed seeds and {what}"
    if "over seeds and" in text:
        return f"95% interval over seeds and {what}"
    these = "this seed" if n_seeds == 1 else f"these {n_seeds} seeds"
    return f"95% interval over {what}, for {these}"
