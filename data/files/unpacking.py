"""Limits on the decompressed size of a file, so that a small file cannot exhaust the memory."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

from ..errors import DataFileError, InputError

LARGEST_UNPACKED = 2**30
"""Bytes that one packed file may unpack to."""

LARGEST_RATIO = 100
"""How many times its own size a packed file may unpack to, once that is more than `SMALL`."""

SMALL = 2**24
"""Bytes that are unpacked whatever the ratio: text of one repeated line shrinks very much."""

_STEP = 2**20


def check_unpacked(
    size: int, packed: int, where: Path | str, error: type[InputError] = DataFileError
) -> None:
    """Raise if a packed file unpacks to more than is sound.

    Args:
        size: bytes unpacked, or those that were so far.
        packed: bytes of the file.
        where: the file.
        error: the type that is raised.

    Raises:
        InputError: of the type `error`.
    """
    limit = LARGEST_UNPACKED
    if size > SMALL:
        limit = min(limit, max(SMALL, LARGEST_RATIO * packed))
    if size > limit:
        raise error(
            f"decompresses to more than {limit / 2**20:,.0f} MB from {packed / 2**20:,.2f} MB",
            where=str(where),
            remedy="if this is correct, give the decompressed file",
        )


def gunzip(path: Path) -> bytes:
    """The content of a gzip file.

    Raises:
        DataFileError: if it unpacks to too much.
        OSError, EOFError, zlib.error: if it is no gzip file, or damaged.
    """
    packed, unpacked = path.stat().st_size, io.BytesIO()
    with gzip.open(path, "rb") as stream:
        while step := stream.read(_STEP):
            unpacked.write(step)
            check_unpacked(unpacked.tell(), packed, path)
    return unpacked.getvalue()
