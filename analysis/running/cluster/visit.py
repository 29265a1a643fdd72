"""The check of a worker before it gets a cell: does it see the folder, are its versions the same.

It runs in parallel with the cells of a worker, in the thread that keeps it connected.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

_PATIENCE_S = 5.0
_STEP_S = 0.25


async def visit(marker: str, token: str, here: str, versions: Mapping[str, str]) -> str:
    """The reason why this worker cannot take part in a run; empty if it can.

    Args:
        marker: a file in the run folder.
        token: the content of that file.
        here: the folder where the run was started, to which paths are relative.
        versions: package -> version in the process that started the run.
    """
    from ..manifest import versions as versions_here

    if wrong := await _unseen(Path(marker), token):
        return wrong
    if not os.path.isdir(here):
        return f"does not see {here}, where the run was started"
    found = versions_here()
    for name, version in versions.items():
        if found.get(name, "") != version:
            return f"has {name} {found.get(name) or 'not at all'} instead of {version or 'none'}"
    return ""


async def _unseen(marker: Path, token: str) -> str:
    folder = marker.parent.parent
    waited = 0.0
    # a file that another machine wrote may become visible with a delay
    while not _holds(marker, token):
        if waited >= _PATIENCE_S:
            return f"does not see the run folder {folder}"
        await asyncio.sleep(_STEP_S)
        waited += _STEP_S
    try:
        tried = marker.with_name(f"{marker.stem}-{os.getpid()}-tried.lock")
        tried.write_text(token, "utf-8")
        tried.unlink()
    except OSError as error:
        return f"cannot write into the run folder {folder}: {error.strerror}"
    return ""


def _holds(marker: Path, token: str) -> bool:
    try:
        return marker.read_text("utf-8") == token
    except OSError:
        return False
