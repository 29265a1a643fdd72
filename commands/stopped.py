"""The message of a command stopped by Ctrl-C or a signal: what is finished, how to continue."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Begun:
    """A running command.

    Attributes:
        words: its name after `subprobe`.
        out: the file or folder that it writes, if any.
        started: when it began, in seconds since 1970.
        line: the command line that repeats it.
    """

    words: Sequence[str]
    out: Path | None
    started: float
    line: str


_RUNNING: list[Begun] = []


def begin(words: Sequence[str], parameters: Mapping[str, Any]) -> None:
    """Remember the running command, in place of the one before."""
    out = parameters.get("out")
    line = shlex.join(("subprobe", *(str(word) for word in sys.argv[1:])))
    _RUNNING[:] = [Begun(words, out if isinstance(out, Path) else None, time.time(), line)]


def stopped_line() -> str:
    """What the stopped command has finished, and the command that continues it."""
    if not _RUNNING:
        return "stopped before anything was started"
    begun = _RUNNING[0]
    if begun.words[:1] == ("run",) and begun.out is not None:
        return f"stopped: {_of_run(begun.out)}; to compute the others, repeat: {begun.line}"
    if begun.out is None:
        return f"stopped; nothing was written; to start again: {begun.line}"
    if begun.words[:1] == ("finetune",) and (state := _state_of(begun.out)):
        return (
            f"stopped: no model was written to {begun.out}; the state of the training is in "
            f"{state}; to continue from it, repeat: {begun.line}"
        )
    if _written(begun):
        return f"stopped: {begun.out} was written; to start again: {begun.line}"
    return f"stopped: nothing was written to {begun.out}; to start again: {begun.line}"


def _of_run(out: Path) -> str:
    from ..analysis.upkeep.finished import finished_cells
    from ..data.errors import SubprobeError

    try:
        found = finished_cells(out)
    except (SubprobeError, OSError):
        found = None
    if found is None:
        return f"no cell is finished in {out}"
    return f"{found[0]} of {found[1]} cells are finished in {out}"


def _state_of(out: Path) -> Path | None:
    """The state of a stopped training, next to the folder of its model."""
    folder = out.resolve()
    state = folder.with_name(f".{folder.name}.training")
    return state if state.is_dir() and any(state.iterdir()) else None


def _written(begun: Begun) -> bool:
    try:
        return begun.out is not None and begun.out.stat().st_mtime >= begun.started
    except OSError:
        return False
