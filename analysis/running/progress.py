"""How long work tells that it goes on, without knowing what listens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

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
    """Progress bars and lines on stderr; plain lines where stderr is no terminal.

    Several stages may be open at the same time; each has its own bar.
    """

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)
        self._bars: Any = None
        self._open = 0

    @contextmanager
    def stage(self, title: str) -> Iterator[Advance]:
        """Show a bar for one stage, and one line with its duration when it is done."""
        started = time.perf_counter()
        bars = self._shown()
        task = bars.add_task(title, total=None)
        self._open += 1
        try:
            yield lambda done, total: bars.update(task, completed=done, total=total)
        finally:
            self._open -= 1
            bars.remove_task(task)
            if not self._open:
                bars.stop()
                self._bars = None
        self.say(f"{title}: {time.perf_counter() - started:.1f} s")

    def _shown(self) -> Any:
        """The one live display, started with the first stage."""
        if self._bars is None:
            from rich import progress

            self._bars = progress.Progress(
                progress.TextColumn("{task.description}"),
                progress.BarColumn(),
                progress.MofNCompleteColumn(),
                progress.TimeElapsedColumn(),
                console=self._console,
                transient=True,
                disable=not self._console.is_terminal,
            )
            self._bars.start()
        return self._bars

    def say(self, line: str) -> None:
        """Write one line."""
        self._console.print(line, markup=False, highlight=False)
