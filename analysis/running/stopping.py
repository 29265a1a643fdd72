"""Signals that end a run: workers are stopped, nothing is left half-written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


@contextmanager
def held_back() -> Iterator[None]:
    """Let signals that would end the process wait until the block is over, then have their effect.

    For what must not stop halfway: a process that is begun but not yet known would outlive the run,
    and the run would wait for it for ever.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []
    # what was set by another library than Python's cannot be put back, and is left as it is
    before = {one: signal.getsignal(one) for one in _ENDING if signal.getsignal(one) is not None}
    for one in before:
        signal.signal(one, lambda number, frame: waiting.append(number))
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
        for one in dict.fromkeys(waiting):
            signal.raise_signal(one)


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Inside, SIGTERM raises KeyboardInterrupt in the main thread, unless the caller handles it."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
