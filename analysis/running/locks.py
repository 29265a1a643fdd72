"""Who works in a run folder: locks that end with the process that holds them."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import secrets
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from ...data.output.ownership import LOCKS


class RunLocks:
    """The presence of this process in a run folder.

    Args:
        folder: the run folder.
        configuration: a digest of what it runs.
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

    def __enter__(self) -> RunLocks:
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._gate():
            self._lock.acquire()
            self._own.with_suffix(".json").write_text(json.dumps(self._about), "utf-8")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._gate():
            self._lock.release()
            self._forget(self._own)
            if not list(self._folder.glob("owner-*.lock")):
                # nobody is left who could hold one
                for path in self._folder.glob("*-*.lock"):
                    path.unlink(missing_ok=True)

    def others(self) -> list[dict[str, object]]:
        """What else works in the folder: configuration, host and process of each."""
        found = []
        with self._gate():
            for path in self._folder.glob("owner-*.lock"):
                if path == self._own:
                    continue
                try:
                    with FileLock(path, timeout=0):
                        pass
                except Timeout:
                    with contextlib.suppress(OSError, ValueError):
                        found.append(json.loads(path.with_suffix(".json").read_text("utf-8")))
                else:
                    self._forget(path)
        return found

    def _gate(self) -> FileLock:
        return FileLock(self._folder / "gate.lock")

    def _forget(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        path.with_suffix(".json").unlink(missing_ok=True)


def cell_lock(folder: Path, cell: str) -> FileLock:
    """The lock that whoever computes a cell holds; taking it does not wait."""
    (folder / LOCKS).mkdir(parents=True, exist_ok=True)
    return FileLock(folder / LOCKS / f"{cell}.lock", timeout=0)
