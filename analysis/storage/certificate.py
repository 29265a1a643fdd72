"""What proves that a cell is finished, and that its files are the ones that were written."""

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
"""Key of the file under which a digest of all the rest stands."""


@dataclass(frozen=True)
class FileMark:
    """A file as it was written.

    Attributes:
        path: inside the run folder.
        size: bytes.
        changed_ns: when its content was last changed, in nanoseconds since 1970.
        digest: SHA-256 of its content.
        touched_ns: when content or properties were last changed, which no program can set back.
    """

    path: str
    size: int
    changed_ns: int
    digest: str
    touched_ns: int = 0

    @classmethod
    def of(cls, folder: Path, path: Path) -> FileMark:
        """The mark of a file that lies in `folder`."""
        about = path.stat()
        name = path.relative_to(folder).as_posix()
        return cls(
            name, about.st_size, about.st_mtime_ns, file_digest(path), touched_ns=about.st_ctime_ns
        )

    def fault(self, folder: Path, *, whole: bool = False) -> str:
        """What is wrong with the file now, or nothing.

        Args:
            folder: the run folder.
            whole: read the content even where size and times are as they were.
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
        # a copied folder has other times and the same content
        whole = whole or times != (self.changed_ns, self.touched_ns)
        if whole and file_digest(path) != self.digest:
            return "has another content than was written"
        return ""


MISSING = "is missing"
"""The fault of a file that is not there."""


def _above(path: str) -> list[Path]:
    return list(Path(path).parents)[:-1]


@dataclass(frozen=True)
class Certificate:
    """The record of a finished cell, written after its files.

    Attributes:
        cell: its identity, `step-16 hex digits`.
        name: its name in the graph.
        inputs: role -> digest of the output that was read.
        files: what was written: first the cell's table.
        nothing: why there was nothing to compute; empty where there was.
        measured: seconds, peak memory in MB, threads, device, host, when it began.
    """

    cell: str
    name: str
    inputs: Mapping[str, str]
    files: tuple[FileMark, ...]
    nothing: str = ""
    measured: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Digest of all that was written."""
        return "+".join(mark.digest for mark in self.files)

    def save(self, path: Path) -> None:
        """Write it, whole or not at all."""
        held = asdict(self)
        sealed = {**held, _SEAL: digest(held)}
        write_text(path, json.dumps(sealed, indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, path: Path) -> Certificate:
        """Read it back.

        Raises:
            DataFileError: if it is missing, no certificate, or not as it was written.
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
            problem = "is no record of a finished cell" if not sound else "was altered"
            raise DataFileError(problem, where=str(path), remedy=DAMAGED_CELL)
        return read


def _own(path: str, cell: str) -> bool:
    """Whether a file is one that a cell may have: its table, its mask, or in a model's folder."""
    parts = Path(path).parts
    if not parts or "/".join(parts) != path or ".." in parts:
        return False
    if parts[0] == "cells":
        return path in (f"cells/{cell}.parquet", f"cells/{cell}.safetensors")
    return parts[0] == "models" and len(parts) == 3
