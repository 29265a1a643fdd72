"""Limits on the decompressed size of a file, so that a small file cannot exhaust the memory."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

from ..errors import DataFileError, InputError

LARGEST_UNPACKED = 2**30
"""Maximum decompressed size of a file, in bytes."""

LARGEST_RATIO = 100
"""Maximum ratio of decompressed to compressed size, for decompressed sizes above `SMALL`."""

SMALL = 2**24
"""Decompressed size in bytes up to which any ratio is allowed: repetitive text compresses well."""

_STEP = 2**20


def check_unpacked(
    size: int, packed: int, where: Path | str, error: type[InputError] = DataFileError
) -> None:
    """Raise if the decompressed size of a file exceeds the limits.

    Args:
        size: number of bytes decompressed, possibly so far.
        packed: compressed size in bytes.
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
        DataFileError: if it decompresses to too many bytes.
        OSError, EOFError, zlib.error: if it is damaged or not a gzip file.
    """
    packed, unpacked = path.stat().st_size, io.BytesIO()
    with gzip.open(path, "rb") as stream:
        while step := stream.read(_STEP):
            unpacked.write(step)
            check_unpacked(unpacked.tell(), packed, path)
    return unpacked.getvalue()
