"""Convert what libraries raise about a damaged file into one type of error per kind of file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import DataFileError, InputError, SubprobeError, one_line

_SHOWN = 200
_PANIC = "PanicException"
"""Exception of a Rust library that panicked; it is not an `Exception` and cannot be imported."""


@contextmanager
def reading(
    where: Path | str,
    error: type[InputError] = DataFileError,
    *,
    problem: str = "cannot be read",
    remedy: str | None = None,
) -> Iterator[None]:
    """Convert every exception that a library raises about a file into `error`.

    The context must contain only the call of the library: programming errors would be reported as a
    damaged file. Interrupts, exits and errors of `subprobe` pass unchanged.

    Args:
        where: the file, and the position in it if known.
        error: the type that is raised.
        problem: what is wrong; the library's message follows in parentheses.
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
    """The `repr` of a value, truncated if it is long; safe for numbers with thousands of digits."""
    try:
        return one_line(repr(value), _SHOWN)
    except ValueError:
        return "a number with thousands of digits"
    except RecursionError:
        return "a value that is nested too deeply"


def said_by(raised: BaseException) -> str:
    """The reason that a library gives, as one short line."""
    if isinstance(raised, RecursionError):
        return "nested too deeply"
    if isinstance(raised, MemoryError):
        return "needs more memory than is available"
    if isinstance(raised, OSError) and raised.strerror:
        return raised.strerror
    lines = [line.strip() for line in str(raised).splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].endswith(":"):
        lines[0] += f" {lines[1]}"  # the first line only introduces the second
    if isinstance(raised, KeyError):
        return one_line(f"no {lines[0]}" if lines else "a part is missing", _SHOWN)
    return one_line(lines[0] if lines else type(raised).__name__, _SHOWN)
