"""Certificates: proof that a cell is finished and that its files are as they were written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...data.errors import DataFileError
from ...data.files.atomic import digest, file_digest, write_text
from ...data.files.json_text import read_json_object
from ...data.files.parquet_files import DAMAGED_CELL

_SEAL = "seal"
"""Key for the digest of all other entries of the file."""


@dataclass(frozen=True)
class FileMark:
    """The state of a file when it was written.

    Attributes:
        path: path inside the run folder.
        size: its size in bytes.
        changed_ns: time of the last change of its content, in nanoseconds since 1970.
        digest: SHA-256 of its content.
        touched_ns: time of the last change of content or properties, which programs cannot set
            back.
    """

    path: str
    size: int
    changed_ns: int
    digest: str
    touched_ns: int = 0

    @classmethod
    def of(cls, folder: Path, path: Path) -> FileMark:
        """The mark of a file in `folder`."""
        about = path.stat()
        name = path.relative_to(folder).as_posix()
        return cls(
            name, about.st_size, about.st_mtime_ns, file_digest(path), touched_ns=about.st_ctime_ns
        )

    def fault(self, folder: Path, *, whole: bool = False) -> str:
        """What is wrong with the file now; empty if nothing is.

        Args:
            folder: the run folder.
            whole: read the content even if size and times are unchanged.
        """
        path = folder / self.path
        if any((folder / way).is_symlink() for way in (Path(self.path), *_above(self.path))):
            return "is a link"
        try:
            about = path.stat()
        except OSError:
            return MISSING
        if not path.is_file():
            return "is not a file"
        if about.st_size != self.size:
            return f"has {about.st_size:,} bytes instead of {self.size:,}"
        times = about.st_mtime_ns, about.st_ctime_ns
        # in a copied folder the times differ, but not the content
        whole = whole or times != (self.changed_ns, self.touched_ns)
        if whole and file_digest(path) != self.digest:
            return "has a different content than when it was written"
        return ""


MISSING = "is missing"
"""The fault of a missing file."""


def _above(path: str) -> list[Path]:
    return list(Path(path).parents)[:-1]


@dataclass(frozen=True)
class Certificate:
    """The record of a finished cell, written after its files.

    Attributes:
        cell: its identity, `step-16 hex digits`.
        name: its name in the graph.
        inputs: role -> digest of the output that was read.
        files: the written files, the cell's table first.
        nothing: why there was nothing to compute; empty if there was.
        measured: seconds, peak memory in MB, threads, device, host, start time.
    """

    cell: str
    name: str
    inputs: Mapping[str, str]
    files: tuple[FileMark, ...]
    nothing: str = ""
    measured: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Digest of all written files."""
        return "+".join(mark.digest for mark in self.files)

    def save(self, path: Path) -> None:
        """Write it atomically."""
        held = asdict(self)
        sealed = {**held, _SEAL: digest(held)}
        write_text(path, json.dumps(sealed, indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, path: Path) -> Certificate:
        """Read it back.

        Raises:
            DataFileError: if it is missing, not a certificate, or not as it was written.
        """
        found = read_json_object(path, remedy=DAMAGED_CELL)
        seal = found.pop(_SEAL, None)
        try:
            whole = seal == digest(found)
            marks = tuple(FileMark(**mark) for mark in found.pop("files"))
            read = cls(**found, files=marks)
            texts = [read.cell, read.name, read.nothing, *read.inputs, *read.inputs.values()]
            texts += [text for mark in marks for text in (mark.path, mark.digest)]
            numbers = [n for m in marks for n in (m.size, m.changed_ns, m.touched_ns)]
            sound = (
                all(isinstance(text, str) for text in texts)
                and all(type(number) is int for number in numbers)
                and isinstance(read.measured, dict)
                and bool(marks)
                and marks[0].path == f"cells/{read.cell}.parquet"
                and all(_own(mark.path, read.cell) for mark in marks)
            )
        except (TypeError, AttributeError, KeyError, ValueError, RecursionError):
            sound = whole = False
        if not (sound and whole):
            problem = "is not a record of a finished cell" if not sound else "was altered"
            raise DataFileError(problem, where=str(path), remedy=DAMAGED_CELL)
        return read


def _own(path: str, cell: str) -> bool:
    """Whether a cell may have this file: its table, its mask, or a file in a model's folder."""
    parts = Path(path).parts
    if not parts or "/".join(parts) != path or ".." in parts:
        return False
    if parts[0] == "cells":
        return path in (f"cells/{cell}.parquet", f"cells/{cell}.safetensors")
    return parts[0] == "models" and len(parts) == 3
