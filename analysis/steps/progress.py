"""The interface by which long steps report progress, independent of the receiver."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from ...data.errors import SubprobeWarning

Advance = Callable[[int, int | None], None]
"""Called with (units done, total units; None if unknown)."""


class Progress(Protocol):
    """The receiver of progress: the command line shows bars, a library call shows nothing."""

    def stage(self, title: str) -> AbstractContextManager[Advance]:
        """Open a stage and yield a function that reports its progress."""
        ...

    def say(self, line: str) -> None:
        """Report one line."""
        ...


class Silent:
    """Progress that is discarded."""

    @contextmanager
    def stage(self, title: str) -> Iterator[Advance]:
        """Open a stage that shows nothing."""
        yield lambda done, total: None

    def say(self, line: str) -> None:
        """Discard the line."""


class Warned(Silent):
    """Progress of calls from Python: stages show nothing, messages are warnings."""

    def say(self, line: str) -> None:
        """Issue one line as a warning."""
        warnings.warn(line, SubprobeWarning, stacklevel=2)


def unheard(line: str) -> None:
    """A receiver of lines that discards them."""
