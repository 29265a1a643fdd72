"""Names of what is being written, by which what a killed process left is known and removed."""

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
    """A path that nothing lies at, in `folder`, named after `name` and this process."""
    return folder / f".{name[:_LONGEST]}.{_host()}-{os.getpid()}-{secrets.token_hex(4)}.part"


def is_temporary(name: str) -> bool:
    """Whether a name is one that `temporary_in` gives."""
    return _NAME.fullmatch(name) is not None


def stale_in(folder: Path) -> list[Path]:
    """What processes of this machine that live no more were writing in `folder`."""
    if not folder.is_dir():
        return []
    found = []
    for entry in list(os.scandir(folder)):
        named = _NAME.fullmatch(entry.name)
        if named and named["host"] == _host() and not _lives(int(named["pid"])):
            found.append(Path(entry.path))
    return sorted(found)


def remove_stale(folder: Path) -> None:
    """Remove what processes of this machine that live no more were writing in `folder`."""
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
