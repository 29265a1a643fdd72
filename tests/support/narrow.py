"""Tables as a screen of some width shows them, checked cell by cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

WIDTHS = (80, 60)


class Narrow:
    """A screen that keeps its tables.

    Attributes:
        tables: every table that was printed, with the widths that it has on this screen.
    """

    def __init__(self, width: int):
        self.console = Console(file=StringIO(), width=width)
        self.tables: list[Table] = []
        plain = self.console.print

        def kept(*what: Any, **options: Any) -> None:
            self.tables += [one for one in what if isinstance(one, Table)]
            plain(*what, **options)

        self.console.print = kept  # type: ignore[method-assign]

    @property
    def text(self) -> str:
        """What stands on the screen."""
        assert isinstance(self.console.file, StringIO)
        return self.console.file.getvalue()

    def headers(self) -> list[list[str]]:
        """The columns of each table."""
        return [[str(column.header) for column in table.columns] for table in self.tables]

    def check(self) -> None:
        """Assert that no line is too long and no cell is broken within a word."""
        for table in self.tables:
            taken = sum((column.width or 0) + 1 for column in table.columns) - 1
            assert taken <= self.console.width, (taken, [c.header for c in table.columns])
            for column in table.columns:
                words = [word for cell in (column.header, *column.cells)
                         for word in str(cell).replace("\\[", "[").split()]  # fmt: skip
                longest = max(words, key=len, default="")
                assert column.width is not None
                assert len(longest) <= column.width, f"{longest!r} is split: {column.width}"
        assert "…" not in self.text
        long = [line for line in self.text.splitlines() if len(line.rstrip()) > self.console.width]
        # a path, or another word that is longer than the screen, is never cut
        assert all(len(line.split()) == 1 for line in long), long


@contextmanager
def narrow_screen(width: int) -> Iterator[Narrow]:
    """Everything that is printed without a console of its own comes to this screen."""
    from subprobe.analysis.screen import records

    screen = Narrow(width)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "Console", lambda: screen.console)
        yield screen


def shown_on(width: int, show: Callable[[], Any]) -> Narrow:
    """What a call prints, checked."""
    with narrow_screen(width) as screen:
        show()
    screen.check()
    return screen
