"""Plain records as a table that fits the screen: columns are left out before a word is split."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ..wording import is_missing

_PADDING = 1
"""Characters between two columns."""
_NUMBER_WIDTH = 34
"""Cells with digits are kept in one line up to this width."""
_LETTERS = re.compile(r"[^\W\d_](?<! to)(?<!\de)(?<! t(?=o ))")
"""A letter that is no part of a range (`.52 to .70`) or of a number (`2e-05`)."""


def console_of(console: Console | None) -> Console:
    """The console that is given, or the screen."""
    return console or Console()


def print_records(
    records: Sequence[Mapping[str, Any]],
    *,
    title: str = "",
    console: Console | None = None,
    keep: Sequence[str] = (),
) -> None:
    """Print plain records as a table; their keys are its columns.

    Where the screen is too narrow, columns are left out and named below the table. Text wraps
    between words; a word is split only where it is wider than the screen.

    Args:
        records: one mapping per line.
        title: a line above the table.
        console: where to print; None = the screen.
        keep: columns by importance, the most important first. Other columns are left out before
            these, the last ones first.
    """
    console = console_of(console)
    columns = list(dict.fromkeys(name for record in records for name in record))
    cells = {name: [cell_of(record.get(name)) for record in records] for name in columns}
    print_heading(title, console)
    if not columns:
        return
    widths = _widths(cells, [name for name in keep if name in cells], console.width)
    shown = Table(
        box=None, show_header=any(columns), header_style="bold", padding=(0, _PADDING, 0, 0),
        pad_edge=False,
    )  # fmt: skip
    for name, width in widths.items():
        number = _is_number(cells[name])
        shown.add_column(
            escape(name), width=width, overflow="fold", justify="right" if number else "left"
        )
    for line in range(len(records)):
        shown.add_row(*(escape(cells[name][line]) for name in widths))
    console.print(shown)
    if left_out := [name for name in columns if name not in widths]:
        print_lines([f"not shown at this width: {', '.join(left_out)}"], console)


def print_heading(title: str, console: Console | None = None) -> None:
    """Print a line that says what stands below it; nothing where there is no title."""
    if title:
        console_of(console).print(Text(_wrapped(title, console_of(console).width), style="bold"))


def print_lines(lines: Iterable[str], console: Console | None = None) -> None:
    """Print plain lines, wrapped between words; a path is never cut."""
    console = console_of(console)
    for line in lines:
        text = Text(_wrapped(line, console.width))
        console.print(text, highlight=False, soft_wrap=True)


def _wrapped(text: str, width: int) -> str:
    return "\n".join(
        textwrap.fill(
            line, max(width, 20), break_long_words=False, break_on_hyphens=False,
            subsequent_indent=" " * (len(line) - len(line.lstrip())),
        )
        for line in text.split("\n")
    )  # fmt: skip


def _widths(
    cells: Mapping[str, Sequence[str]], keep: Sequence[str], available: int
) -> dict[str, int]:
    """The columns that fit and their widths: none is narrower than its longest word."""
    narrowest = {name: _narrowest(name, values) for name, values in cells.items()}
    order = [*keep, *(name for name in cells if name not in keep)]
    chosen: list[str] = []
    for name in order:
        taken = sum(narrowest[one] + _PADDING for one in (*chosen, name)) - _PADDING
        if taken <= available or not chosen:
            chosen.append(name)
    widths = {
        name: max(narrowest[name], *(len(text) for text in (name, *cells[name])))
        for name in cells
        if name in chosen
    }
    room = available - _PADDING * (len(widths) - 1)
    while (more := sum(widths.values()) - room) > 0:
        slack = {name: width - narrowest[name] for name, width in widths.items()}
        widest = max((name for name in widths if slack[name] > 0), key=widths.__getitem__,
                     default=None)  # fmt: skip
        if widest is None:
            return {name: min(width, available) for name, width in widths.items()}
        second = max((w for name, w in widths.items() if name != widest), default=0)
        widths[widest] -= min(more, slack[widest], max(1, widths[widest] - second))
    return widths


def _narrowest(name: str, values: Sequence[str]) -> int:
    """The longest piece of a column that stays in one line: a word, or a number with its limits."""
    pieces = [word for text in (name, *values) for word in text.split()]
    if _is_number(values):
        pieces += [text for text in values if len(text) <= _NUMBER_WIDTH]
    return max((len(piece) for piece in pieces), default=0)


def _is_number(values: Sequence[str]) -> bool:
    """Whether cells hold numbers, perhaps with limits: `.83`, `.12 [.10, .14]`, `2×30`."""
    filled = [text for text in values if text not in ("", "–")]
    return bool(filled) and all(
        any(letter.isdigit() for letter in text) and not _LETTERS.search(text) for text in filled
    )


def cell_of(value: Any) -> str:
    """A value as it stands in a table."""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if is_missing(value):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
