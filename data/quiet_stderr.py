"""Suppress what a library writes to standard error before it raises an exception."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stderr_on_success() -> Iterator[None]:
    """Buffer the process's standard error; discard the text if an exception is raised.

    A Rust library that panics writes several lines and a stack trace to the file descriptor before
    Python gets the exception; replacing `sys.stderr` cannot catch them.
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
