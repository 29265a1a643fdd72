"""Read text files: UTF-8 without a byte order mark, where only a line feed ends a line."""

from __future__ import annotations

from pathlib import Path

from ..errors import DataFileError
from .reading import reading
from .unpacking import gunzip

LONGEST_LINE = 1_000_000
"""Maximum number of characters per line."""


def read_text(path: Path | str) -> str:
    """The text of a file; `.gz` is decompressed.

    Raises:
        DataFileError: if the file is missing, a folder, empty, not UTF-8 or damaged, or
            decompresses to too many bytes (`unpacking.LARGEST_UNPACKED`).
    """
    path = Path(path)
    if not path.is_file():
        problem = "is a folder, not a file" if path.is_dir() else "no such file"
        raise DataFileError(problem, where=str(path), remedy="check the path")
    with reading(path):
        raw = gunzip(path) if path.suffix == ".gz" else path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DataFileError(
            f"line {line} is not UTF-8", where=str(path), remedy="save the file as UTF-8"
        ) from error
    if not text.strip():
        raise DataFileError("the file is empty", where=str(path))
    return text


def read_numbered_lines(path: Path | str) -> list[tuple[int, str]]:
    """The non-blank lines, with their numbers counted from 1.

    Only a line feed ends a line: a sentence may contain U+2028 or a form feed, at which
    `str.splitlines` would split it.

    Raises:
        DataFileError: as in `read_text`, and if a line has more than `LONGEST_LINE` characters.
    """
    lines = (line.removesuffix("\r") for line in read_text(path).split("\n"))
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    for number, line in numbered:
        if len(line) > LONGEST_LINE:
            raise DataFileError(
                f"line {number} has {len(line):,} characters, more than {LONGEST_LINE:,}",
                where=str(path),
                remedy="write one sentence or example per line",
            )
    return numbered
