"""The folder of the hidden states of a command or a run, and how long it is kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...data.errors import ConfigError
from ...data.output.ownership import HIDDEN_STATES
from ...probes.states.cache import StateCache, passing_states

_GIB = 2**30


@contextmanager
def states_in(folder: Path | None, limit: float) -> Iterator[StateCache]:
    """A folder of hidden states: the named one, whose files are kept, or a temporary one.

    Args:
        folder: the named one; created if missing.
        limit: maximum size of its files in GiB.

    Raises:
        ConfigError: if it is not a folder, or is not writable.
    """
    most = int(limit * _GIB)
    if folder is None:
        with passing_states(most) as states:
            yield states
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = error.strerror or str(error)
        raise ConfigError(problem, where=f"`cache` {folder}", remedy="name a folder") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError("cannot be written to", where=f"`cache` {folder}")
    yield StateCache(folder, most)


def run_states(folder: Path, named: str, limit: float) -> StateCache:
    """The folder of the hidden states of a run, shared by all of its processes.

    Args:
        folder: the run folder.
        named: a folder to keep them in; empty = inside the run folder, until the run is done.
        limit: maximum size in GiB.
    """
    return StateCache(Path(named) if named else folder / HIDDEN_STATES, int(limit * _GIB))
