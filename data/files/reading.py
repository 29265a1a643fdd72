"""What a library raises about a damaged file, as the one error of that kind of file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import DataFileError, InputError, SubprobeError, one_line

_SHOWN = 200
_PANIC = "PanicException"
"""What a library written in Rust raises where it gave up: no `Exception`, and nothing to import."""


@contextmanager
def reading(
    where: Path | str,
    error: type[InputError] = DataFileError,
    *,
    problem: str = "cannot be read",
    remedy: str | None = None,
) -> Iterator[None]:
    """Raise `error` for whatever the library called inside raises about the file.

    Put nothing but the call of the library inside: mistakes of one's own would be taken for a
    damaged file. An interrupt, an exit and errors of `subprobe` pass unchanged.

    Args:
        where: the file, and the place in it where one is known.
        error: the type that is raised.
        problem: what is wrong; what the library says follows in brackets.
        remedy: what the user can do about it.

    Raises:
        InputError: of the type `error`.
    """
    try:
        yield
    except SubprobeError:
        raise
    except BaseException as raised:
        if not isinstance(raised, Exception) and type(raised).__name__ != _PANIC:
            raise
        raise error(f"{problem} ({said_by(raised)})", where=str(where), remedy=remedy) from raised


def shown(value: object) -> str:
    """A value as Python writes it, cut where it is long; numbers of thousands of digits too."""
    try:
        return one_line(repr(value), _SHOWN)
    except ValueError:
        return "a number of thousands of digits"
    except RecursionError:
        return "a value that is nested too deeply"


def said_by(raised: BaseException) -> str:
    """The reason that a library gives, in one short line."""
    if isinstance(raised, RecursionError):
        return "nested too deeply"
    if isinstance(raised, MemoryError):
        return "needs more memory than is available"
    if isinstance(raised, OSError) and raised.strerror:
        return raised.strerror
    lines = [line.strip() for line in str(raised).splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].endswith(":"):
        lines[0] += f" {lines[1]}"  # the first announces what the second says
    if isinstance(raised, KeyError):
        return one_line(f"no {lines[0]}" if lines else "a part is missing", _SHOWN)
    return one_line(lines[0] if lines else type(raised).__name__, _SHOWN)
