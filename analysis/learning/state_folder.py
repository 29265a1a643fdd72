"""Where the hidden states of a command or a run lie, and for how long."""

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
    """A folder of hidden states: the named one, whose files stay, or one that goes after use.

    Args:
        folder: the named one; it is made where need be.
        limit: GiB that its files may take.

    Raises:
        ConfigError: if it is no folder, or cannot be written to.
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
    """Where the hidden states of a run lie, for all processes that compute it.

    Args:
        folder: the run folder.
        named: a folder to keep them in; empty = inside the run folder, until the run is done.
        limit: GiB that they may take.
    """
    return StateCache(Path(named) if named else folder / HIDDEN_STATES, int(limit * _GIB))
