"""How long work tells that it goes on, without knowing what listens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[int, int | None], None]
"""Called with (units done, units in all; None where nobody knows)."""


class Progress(Protocol):
    """Where long steps report to: the command line shows bars, a library caller nothing."""

    def stage(self, title: str) -> AbstractContextManager[Advance]:
        """Open a stage and yield how to tell what is done of it."""
        ...

    def say(self, line: str) -> None:
        """Tell one plain line."""
        ...


class Silent:
    """Progress that nobody listens to."""

    @contextmanager
    def stage(self, title: str) -> Iterator[Advance]:
        """Open a stage that shows nothing."""
        yield lambda done, total: None

    def say(self, line: str) -> None:
        """Say nothing."""


class Bars:
    """Progress bars and lines on stderr; plain lines where stderr is no terminal."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)

    @contextmanager
    def stage(self, title: str) -> Iterator[Advance]:
        """Show a bar for one stage, and one line with its duration when it is done."""
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        started = time.perf_counter()
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        hidden = not self._console.is_terminal
        with Progress(*columns, console=self._console, transient=True, disable=hidden) as bar:
            task = bar.add_task(title, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
        self.say(f"{title}: {time.perf_counter() - started:.1f} s")

    def say(self, line: str) -> None:
        """Write one line."""
        self._console.print(line, markup=False, highlight=False)
