"""Names for temporary files, by which leftovers of killed processes are found and removed."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import secrets
import shutil
from pathlib import Path

_NAME = re.compile(r"\..*\.(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-[0-9a-f]{8}\.part", re.DOTALL)
_LONGEST = 32


def _host() -> str:
    return hashlib.sha256(platform.node().encode("utf-8", "replace")).hexdigest()[:8]


def temporary_in(folder: Path, name: str) -> Path:
    """An unused path in `folder`, named after `name` and this process."""
    return folder / f".{name[:_LONGEST]}.{_host()}-{os.getpid()}-{secrets.token_hex(4)}.part"


def is_temporary(name: str) -> bool:
    """Whether a name has the form that `temporary_in` returns."""
    return _NAME.fullmatch(name) is not None


def stale_in(folder: Path) -> list[Path]:
    """Temporary files in `folder` of processes of this machine that no longer run."""
    if not folder.is_dir():
        return []
    found = []
    for entry in list(os.scandir(folder)):
        named = _NAME.fullmatch(entry.name)
        if named and named["host"] == _host() and not _lives(int(named["pid"])):
            found.append(Path(entry.path))
    return sorted(found)


def remove_stale(folder: Path) -> None:
    """Remove temporary files in `folder` of processes of this machine that no longer run."""
    for path in stale_in(folder):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
