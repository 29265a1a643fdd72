"""Single lines of a summary, and their ranges in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from ..wording import counted

Cited = Callable[[pd.Series, str], str]
"""Line of a summary and column -> the number as text that names its cell."""


def line_of(table: pd.DataFrame, **chosen: str) -> pd.Series | None:
    """The first line with these values, if there is one."""
    for column, value in chosen.items():
        table = table[table[column] == value]
    return None if table.empty else table.iloc[0]


def spread_of(line: Any, cited: Cited) -> str:
    """` (.52 to .70 over 5 draws a seed)`; empty where each seed has one draw.

    It is what was seen, and no interval: that is why it has no brackets.
    """
    if line["n_draws"] < 2:
        return ""
    low, high = cited(line, "lowest"), cited(line, "highest")
    return f" ({low} to {high} over {counted(line['n_draws'], 'draw')} a seed)"
