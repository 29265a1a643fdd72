"""The error classes. The user can correct an `InputError`, which gives exit code 2.

::

    SubprobeError                 exit 1: a step failed
    ├── MemoryLimitError          not enough memory, even with smaller batches
    └── InputError                exit 2: wrong use or bad input
        ├── UnknownNameError      a task, probe, family, metric or option value that does not exist
        ├── DataFileError         a file that is missing, empty or malformed, with the row at fault
        ├── CheckpointError       a model that cannot be loaded faithfully
        ├── MaskError             a mask of another shape, version or model
        ├── AnnotationError       no pipeline, or annotations that a probe cannot use
        ├── DiskFullError         not enough space for a file
        └── ConfigError           an option out of range or a configuration file that does not parse
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from typing import Any

_LONGEST = 2000
_UNPRINTED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def one_line(text: str, longest: int = _LONGEST) -> str:
    """The text without line breaks and unprintable characters, truncated if it is too long."""
    said = _UNPRINTED.sub(lambda one: one[0].encode("unicode_escape").decode(), text[: longest + 1])
    return said if len(said) <= longest else f"{said[:longest]} ..."


class SubprobeError(Exception):
    """Base of every error that subprobe raises on purpose.

    Options are named as in Python and in the configuration file, in backticks: the command line
    shows its own flags for them.

    Args:
        problem: what is wrong, as a clause without a final stop.
        where: the file, row or option at fault.
        remedy: what the user can do about it.
    """

    exit_code = 1

    def __init__(self, problem: str, *, where: str | None = None, remedy: str | None = None):
        self.problem = one_line(problem)
        self.where, self.remedy = where and one_line(where), remedy and one_line(remedy)
        super().__init__(self._line())

    def _line(self) -> str:
        line = f"{self.where}: {self.problem}" if self.where else self.problem
        return f"{line}; {self.remedy}" if self.remedy else line

    def reword(self, change: Callable[[str], str]) -> None:
        """Apply `change` to the problem, the place and the remedy, and set the message anew."""
        self.problem = change(self.problem)
        self.where, self.remedy = (
            self.where and change(self.where),
            self.remedy and change(self.remedy),
        )
        self.args = (self._line(),)

    def __reduce__(self) -> tuple[Any, ...]:
        """Support pickling between processes: subclasses need more than their message."""
        return _restored, (type(self), self.args, self.__dict__)


def _restored(cls: type[SubprobeError], args: tuple[Any, ...], state: dict[str, Any]) -> Any:
    error = cls.__new__(cls, *args)
    error.__dict__.update(state)
    return error


class MemoryLimitError(SubprobeError):
    """A step that needs more memory than is available, even with batches of half the size."""


class InputError(SubprobeError):
    """Wrong use or bad input, which the user can correct."""

    exit_code = 2


_OF_NOUN = re.compile(r" (?:of|in|with|to|across|beside) ")
_PLURALS = (
    (r"(?<=[^aeiou])y$", "ies"),
    (r"(?<=criteri)on$", "a"),
    (r"is$", "es"),
    (r"(ch|s)$", r"\1es"),
)


def several(noun: str) -> str:
    """The plural of a noun, whatever follows it: `form of gates` becomes `forms of gates`."""
    after = _OF_NOUN.search(noun)
    head, rest = (noun[: after.start()], noun[after.start() :]) if after else (noun, "")
    for ending, plural in _PLURALS:
        if re.search(ending, head):
            return re.sub(ending, plural, head) + rest
    return f"{head}s{rest}"


class UnknownNameError(InputError):
    """A name that is not in a registry; the message lists the known names, followed by `more`."""

    def __init__(self, kind: str, name: str, known: Iterable[str], more: str = ""):
        known = sorted(known)
        close = difflib.get_close_matches(name, known, n=1)
        remedy = f"did you mean {close[0]!r}? " if close else ""
        super().__init__(
            f"unknown {kind} {name!r}",
            remedy=f"{remedy}known {several(kind)}: {', '.join(known)}{more}",
        )
        self.kind, self.name, self.known = kind, name, known


class DataFileError(InputError):
    """A data file that is missing, empty or malformed."""


class CheckpointError(InputError):
    """A model that cannot be loaded faithfully."""


class MaskError(InputError):
    """A mask of a different shape or version, or one that was found on other weights."""


class AnnotationError(InputError):
    """No annotation pipeline, or annotations that a probe cannot use."""


class ConfigError(InputError):
    """An option out of range, or a configuration file that does not parse."""


class DiskFullError(InputError):
    """Not enough space for a file: a full disk, an exhausted quota or a limit on file size."""


class SubprobeWarning(UserWarning):
    """A warning about a result; the command line prints it as one line."""
