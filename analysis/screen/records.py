"""Plain records as a table on the screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table


def console_of(console: Console | None) -> Console:
    """The console that is given, or the screen."""
    return console or Console()


def table_of(title: str) -> Table:
    """An empty table without a frame."""
    # without a frame nine columns of numbers fit into 80 characters
    return Table(title=escape(title) or None, box=None, header_style="bold", collapse_padding=True)


def print_records(
    records: Sequence[Mapping[str, Any]], *, title: str = "", console: Console | None = None
) -> None:
    """Print plain records as a table; their keys are its columns."""
    shown = table_of(title)
    columns = list(dict.fromkeys(name for record in records for name in record))
    for name in columns:
        shown.add_column(escape(name), overflow="fold")
    for record in records:
        shown.add_row(*(escape(cell_of(record.get(name))) for name in columns))
    console_of(console).print(shown)


def cell_of(value: Any) -> str:
    """A value as it stands in a table."""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or pd.isna(value):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
