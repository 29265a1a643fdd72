"""How long work tells that it goes on, without knowing what listens."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from ...data.errors import SubprobeWarning

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


class Warned(Silent):
    """Progress of calls from Python: stages show nothing, what is to be told is a warning."""

    def say(self, line: str) -> None:
        """Warn of one plain line."""
        warnings.warn(line, SubprobeWarning, stacklevel=2)


def unheard(line: str) -> None:
    """Where plain lines go that nobody listens to."""
