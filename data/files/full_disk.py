"""Errors about a full disk, with the space that is needed."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import DiskFullError

_SAID = {
    errno.ENOSPC: "no space is left on the disk",
    errno.EDQUOT: "the quota of the disk is used up",
    errno.EFBIG: "the file exceeds the size limit",
}


def is_full(error: BaseException | None) -> bool:
    """Whether an error means that there is not enough space for a file."""
    return isinstance(error, OSError) and error.errno in _SAID


@contextmanager
def room_asked_for(folder: Path, needed: Callable[[], int]) -> Iterator[None]:
    """Replace an error about a full disk by one that states the space needed.

    Args:
        folder: the folder in which files are written.
        needed: estimates the number of bytes still to be written; called only after such an error.

    Raises:
        DiskFullError: if the space does not suffice; the message states the file, the free space
            and the space needed.
    """
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        asked = f"about {needed() / 1e6:,.1f} MB remain to be written"
        if error.errno == errno.EFBIG:
            remedy = f"{asked}: raise the limit (ulimit -f)"
        else:
            free = shutil.disk_usage(_there(folder)).free / 1e6
            remedy = f"{asked}, and {free:,.1f} MB are free: free some space"
        raise DiskFullError(
            f"cannot be written: {_SAID[error.errno or 0]}",
            where=os.fspath(error.filename or folder),
            remedy=f"{remedy} and run the same command again; finished results are kept",
        ) from error


def _there(folder: Path) -> Path:
    return next(one for one in (folder, *folder.parents) if one.exists())
