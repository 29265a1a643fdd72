"""What a library writes to the screen by itself while it gives up."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stderr_on_success() -> Iterator[None]:
    """Hold back what is written to the process's standard error; drop it if an exception is raised.

    A library in Rust that panics writes several lines and a stack there before Python hears of it,
    and no Python stream can catch them.
    """
    sys.stderr.flush()
    try:
        shown = os.dup(2)
    except OSError:
        # there is no standard error: nothing to hold back
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
            sys.stderr.flush()
            held.seek(0)
            os.write(shown, held.read())
        finally:
            os.dup2(shown, 2)
            os.close(shown)
