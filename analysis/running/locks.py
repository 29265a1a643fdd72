"""Which processes work in a run folder: locks that are released when their process ends."""

from __future__ import annotations

import json
import os
import platform
import secrets
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from ...data.errors import ConfigError
from ...data.files.atomic import write_text
from ...data.output.ownership import LOCKS


class RunLocks:
    """The presence of this process in a run folder.

    Args:
        folder: the run folder.
        configuration: digest of its configuration.
    """

    def __init__(self, folder: Path, configuration: str):
        self._folder = folder / LOCKS
        name = f"owner-{platform.node()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._own = self._folder / f"{name}.lock"
        self._lock = FileLock(self._own)
        self._about = {
            "configuration": configuration,
            "host": platform.node(),
            "process": os.getpid(),
        }
        self.others: list[dict[str, object]] = []
        """The other processes in the folder when it was entered."""

    def __enter__(self) -> RunLocks:
        """Enter the folder, unless another process computes a different configuration there.

        Raises:
            ConfigError: if another process computes a different configuration in the folder.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._gate():
            self.others = owners(self._folder)
            for other in self.others:
                if other.get("configuration") != self._about["configuration"]:
                    raise ConfigError(
                        f"{named(other)} is running a different configuration there",
                        where=str(self._folder.parent),
                        remedy="wait until it has ended, or name another folder",
                    )
            # the lock file names its owner
            write_text(self._own.with_suffix(".json"), json.dumps(self._about))
            self._lock.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._gate():
            self._lock.release()
            _forget(self._own)
            if not list(self._folder.glob("owner-*.lock")):
                # no process is left that could hold one
                for path in self._folder.glob("*-*.lock"):
                    path.unlink(missing_ok=True)

    def writing(self) -> FileLock:
        """The lock for writing the record and the tables of the run; waits for it."""
        return FileLock(self._folder / "tables.lock")

    def _gate(self) -> FileLock:
        return gate(self._folder)


def gate(locks: Path) -> FileLock:
    """The lock for entering and leaving the folder; waits for it."""
    return FileLock(locks / "gate.lock")


def owners(locks: Path) -> list[dict[str, object]]:
    """The processes that work in a run folder: configuration, host and process id of each.

    Files of processes that have ended are removed.

    Args:
        locks: the folder of locks in the run folder.
    """
    found = []
    for path in sorted(locks.glob("owner-*.lock")):
        if not is_held(path):
            _forget(path)
            continue
        try:
            about = json.loads(path.with_suffix(".json").read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            about = {}
        found.append(about if isinstance(about, dict) else {})
    return found


def _forget(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.with_suffix(".json").unlink(missing_ok=True)


def named(other: Mapping[str, object]) -> str:
    """A process, in words."""
    return f"process {other.get('process', '?')} on {other.get('host', '?')}"


def is_held(path: Path) -> bool:
    """Whether a running process holds a lock."""
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True


def cell_lock(folder: Path, cell: str) -> FileLock:
    """The lock that a process holds while it computes a cell; acquiring it does not wait."""
    (folder / LOCKS).mkdir(parents=True, exist_ok=True)
    return FileLock(folder / LOCKS / f"{cell}.lock", timeout=0)
