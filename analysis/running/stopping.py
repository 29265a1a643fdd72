"""Signals that end a run: workers are stopped, and no file is left incomplete."""

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
    """Delay signals that would end the process until the end of the block.

    For blocks that must not be interrupted: a process that was started but not yet registered would
        outlive the run, which would wait for it indefinitely.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []
    # a handler that was not set by Python cannot be restored and is left as it is
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
