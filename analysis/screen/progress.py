"""Long work on the screen: a bar for every stage that is open."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..steps.progress import Advance


class Bars:
    """Progress bars and lines on stderr; plain lines where stderr is no terminal.

    Several stages may be open at the same time; each has its own bar.

    Args:
        wording: what is done to each line before it is written.
    """

    def __init__(self, wording: Callable[[str], str] = str) -> None:
        from rich.console import Console

        self._wording = wording
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
                progress.TextColumn("left"),
                progress.TimeRemainingColumn(),
                console=self._console,
                transient=True,
                disable=not self._console.is_terminal,
            )
            self._bars.start()
        return self._bars

    def say(self, line: str) -> None:
        """Write one line."""
        self._console.print(self._wording(line), markup=False, highlight=False, soft_wrap=True)
