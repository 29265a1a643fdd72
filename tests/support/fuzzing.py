"""Readers given damaged files: each must be read or refused with one line, in a few seconds."""

from __future__ import annotations

import json
import os
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mutations import mutated
from subprobe.data.errors import SubprobeError

FEW = 25
"""Mutations that every change is tried with."""

MANY = int(os.environ.get("SUBPROBE_FUZZ", "500"))
"""Mutations of the slow tests; `make fuzz` sets another number."""

MOST_SECONDS = 10.0
"""Processor time: a reader that takes longer hangs."""

_TRIES = 300
_SHOWN = 1500


@dataclass(frozen=True)
class Reader:
    """One kind of file and what reads it.

    Attributes:
        name: of the reader.
        kind: how its file is damaged, see `mutations.mutated`.
        path: the file, sound to begin with.
        read: reads it, and does with it what every command does first.
    """

    name: str
    kind: str
    path: Path
    read: Callable[[], Any]


@dataclass(frozen=True)
class Outcome:
    """What a reader made of a file: `read`, `refused`, or the failure."""

    said: str
    failed: bool = False


class TooSlow(BaseException):
    """No `Exception`: nothing that reads a file may take it for a damaged one."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TooSlow` inside after so many seconds of processor time, whatever else runs."""

    def stop(*_: Any) -> None:
        raise TooSlow(f"took more than {seconds:g} s")

    handler = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, handler)


def outcome(reader: Reader, content: bytes) -> Outcome:
    """Give a reader a file."""
    reader.path.write_bytes(content)
    try:
        with time_limit(MOST_SECONDS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reader.read()
    except SubprobeError as error:
        line = str(error)
        if "\n" in line or len(line) > 6100 or not line.strip():
            return Outcome(f"no line: {line!r}", failed=True)
        return Outcome("refused" if error.exit_code == 2 else f"exit code {error.exit_code}")
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        last = error.__traceback__
        while last is not None and last.tb_next is not None:
            last = last.tb_next
        place = f"{last.tb_frame.f_code.co_filename}:{last.tb_lineno}" if last else ""
        return Outcome(f"{type(error).__name__} at {place}: {str(error)[:200]}", failed=True)
    return Outcome("read")


def fuzz(reader: Reader, count: int, *, first: int = 0) -> dict[str, int]:
    """Try mutations one after the other; how many were read and how many refused.

    Raises:
        AssertionError: with the smallest input found for each kind of failure.
    """
    sound = reader.path.read_bytes()
    counts = {"read": 0, "refused": 0}
    failures: dict[str, str] = {}
    try:
        found = outcome(reader, sound)
        assert found == Outcome("read"), f"{reader.name}: the sound file is not read: {found.said}"
        for number in range(first, first + count):
            content = mutated(reader.name, number, sound, reader.kind)
            found = outcome(reader, content)
            if not found.failed and found.said in counts:
                counts[found.said] += 1
                continue
            kind = _kind_of(found)
            if kind not in failures:
                small = shrunk(reader, content, kind)
                failures[kind] = f"mutation {number}: {found.said}\n  {_shown(small)}"
    finally:
        reader.path.write_bytes(sound)
    assert not failures, f"{reader.name}: {len(failures)} kinds\n" + "\n".join(failures.values())
    return counts


def _kind_of(found: Outcome) -> str:
    """Where a failure is from: its type and place, without what it says."""
    return ":".join(found.said.split(":")[:2])


def shrunk(reader: Reader, content: bytes, kind: str) -> bytes:
    """A smaller file that fails in the same way: parts are left out as long as it does."""
    tries = 0

    def fails(smaller: bytes) -> bool:
        nonlocal tries
        tries += 1
        found = outcome(reader, smaller)
        return (found.failed or found.said.startswith("exit")) and _kind_of(found) == kind

    content = _fewer_keys(content, fails)
    size = len(content) // 2
    while size >= 1 and tries < _TRIES:
        start = 0
        while start < len(content) and tries < _TRIES:
            smaller = content[:start] + content[start + size :]
            if fails(smaller):
                content = smaller
            else:
                start += size
        size //= 2
    return content


def _fewer_keys(content: bytes, fails: Callable[[bytes], bool]) -> bytes:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return content
    if not isinstance(value, dict):
        return content
    for key in list(value):
        smaller = {name: inner for name, inner in value.items() if name != key}
        if fails(text := json.dumps(smaller).encode()):
            value, content = smaller, text
    return content


def _shown(content: bytes) -> str:
    return repr(content) if len(content) <= _SHOWN else f"{content[:_SHOWN]!r}... {len(content)} B"
