"""What proves that a cell is finished, and that its files are the ones that were written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...data.errors import DataFileError
from ...data.files.atomic import file_digest, write_text
from ...data.files.json_text import read_json_object


@dataclass(frozen=True)
class FileMark:
    """A file as it was written.

    Attributes:
        path: inside the run folder.
        size: bytes.
        changed_ns: when it was last changed, in nanoseconds since 1970.
        digest: SHA-256 of its content.
    """

    path: str
    size: int
    changed_ns: int
    digest: str

    @classmethod
    def of(cls, folder: Path, path: Path) -> FileMark:
        """The mark of a file that lies in `folder`."""
        about = path.stat()
        name = path.relative_to(folder).as_posix()
        return cls(name, about.st_size, about.st_mtime_ns, file_digest(path))

    def fault(self, folder: Path, *, whole: bool = False) -> str:
        """What is wrong with the file now, or nothing.

        Args:
            folder: the run folder.
            whole: read the content even where size and time are as they were.
        """
        path = folder / self.path
        if path.is_symlink():
            return "is a link"
        if not path.is_file():
            return "is missing"
        about = path.stat()
        if about.st_size != self.size:
            return f"has {about.st_size:,} bytes instead of {self.size:,}"
        # a copied folder has other times and the same content
        if (whole or about.st_mtime_ns != self.changed_ns) and file_digest(path) != self.digest:
            return "has another content than was written"
        return ""


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
        write_text(path, json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, path: Path) -> Certificate:
        """Read it back.

        Raises:
            DataFileError: if it is missing or no certificate.
        """
        found = read_json_object(path)
        try:
            marks = tuple(FileMark(**mark) for mark in found.pop("files"))
            read = cls(**found, files=marks)
            texts = [read.cell, read.name, read.nothing, *read.inputs, *read.inputs.values()]
            texts += [text for mark in marks for text in (mark.path, mark.digest)]
            numbers = [n for mark in marks for n in (mark.size, mark.changed_ns)]
            sound = (
                all(isinstance(text, str) for text in texts)
                and all(type(number) is int for number in numbers)
                and isinstance(read.measured, dict)
                and all(_inside(mark.path) for mark in marks)
                and marks
            )
        except (TypeError, AttributeError, KeyError, ValueError):
            sound = False
        if not sound:
            raise DataFileError("is no record of a finished cell", where=str(path))
        return read


def _inside(path: str) -> bool:
    parts = Path(path).parts
    return bool(parts) and not Path(path).is_absolute() and ".." not in parts
