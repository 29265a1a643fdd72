"""Record which files of a folder were written by subprobe.

The record is `subprobe.json`. Its key `files` lists, by writer, all files with a hash of their
content; a file that changed since belongs to the user. Its other keys (facts about a model, the
configuration of a run) are not used here.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from ..files.json_text import is_shallow
from ..files.temporaries import is_temporary

RECORD = "subprobe.json"
"""File that records what subprobe wrote in a folder."""

FILES = "files"
"""Key of the record for the files."""

RUN = "run"
"""Key of the record for the configuration of a run; also the name of its writer."""

GENERATOR = '<meta name="generator" content="subprobe">'
"""Line that identifies a page that subprobe wrote."""

SIGNED = "subprobe"
"""Metadata key of safetensors and ONNX files that subprobe wrote."""

_CELL = re.compile(r"[a-z]+-[0-9a-f]{16}\.(parquet|safetensors|json)(\.damaged)?")
_LOG = re.compile(r"[a-z]+-[0-9a-f]{16}\.log")
DAMAGED = ".damaged"
"""Suffix of files that a run set aside because they had been changed or damaged."""

LOCKS = ".locks"
"""Folder of a run with the locks of the processes that compute in it."""
HIDDEN_STATES = "hidden-states"
"""Folder of a run with the hidden states that its probes share during the computation."""
_STATES = re.compile(r"[0-9a-f]{32}\.states\.(safetensors|lock)")
_PART = 2**20


def is_cell(name: str) -> bool:
    """Whether a file in the `cells/` of a run folder has the name of a step's output or record."""
    return _CELL.fullmatch(name) is not None


def is_log(name: str) -> bool:
    """Whether a file in the `logs/` of a run folder describes how a cell failed."""
    return _LOG.fullmatch(name) is not None


def is_states(name: str) -> bool:
    """Whether a file in the `hidden-states/` of a run folder has the name of states or a lock."""
    return _STATES.fullmatch(name) is not None


def imprint(path: Path) -> str:
    """Hash of a file's size and content; of a large one, of its first and last mebibyte."""
    size = path.stat().st_size
    found = hashlib.sha256(str(size).encode())
    with path.open("rb") as stream:
        if size <= 4 * _PART:
            found.update(stream.read())
        else:
            found.update(stream.read(_PART))
            stream.seek(-_PART, os.SEEK_END)
            found.update(stream.read(_PART))
    return found.hexdigest()[:32]


@dataclass(frozen=True)
class Record:
    """Content of a folder's `subprobe.json`.

    Attributes:
        facts: everything but the files.
        files: writer -> path inside the folder -> hash.
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> Record:
        """Read the record of a folder; a damaged record counts as empty."""
        path = folder / RECORD
        try:
            if path.is_symlink() or not path.is_file():
                return cls()
            held = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            return cls()
        if not isinstance(held, dict) or not is_shallow(held):
            return cls()
        listed = held.pop(FILES, {})
        files = {
            writer: {name: mark for name, mark in names.items() if _inside(name)}
            for writer, names in (listed.items() if isinstance(listed, dict) else ())
            if isinstance(names, dict)
        }
        return cls(held, files)

    @property
    def known(self) -> bool:
        """Whether the folder has a record that subprobe wrote."""
        return bool(self.files) or RUN in self.facts

    def text(self) -> str:
        """The content of the record file."""
        files = {writer: dict(sorted(names.items())) for writer, names in self.files.items()}
        return json.dumps({**self.facts, FILES: files}, indent=2, ensure_ascii=False) + "\n"

    def lists(self, name: str, path: Path) -> bool:
        """Whether the file `path` is unchanged since it was written under this name."""
        marks = {names[name] for names in self.files.values() if name in names}
        return bool(marks) and imprint(path) in marks

    def writer_of(self, name: str) -> str | None:
        """The writer of the file with this name."""
        return next((writer for writer, names in self.files.items() if name in names), None)


def _inside(name: str) -> bool:
    """Whether a recorded name stays inside its folder."""
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts


def foreign(folder: Path) -> Iterator[str]:
    """The paths inside a folder that subprobe did not write or that changed since.

    Links are never counted as written by subprobe, and are not followed.
    """
    yield from _foreign(folder, folder, [])


def _foreign(folder: Path, top: Path, above: list[tuple[Path, Record]]) -> Iterator[str]:
    records = [*above, (folder, Record.of(folder))]
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = Path(entry.path)
        if is_temporary(entry.name) or (entry.name == LOCKS and folder == top):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _foreign(path, top, records)
        elif _is_step(path, records):
            continue
        elif entry.is_symlink() or not entry.is_file() or not _written(path, records):
            yield path.relative_to(top).as_posix()


def _is_step(path: Path, records: list[tuple[Path, Record]]) -> bool:
    """Whether a file of a run is named like a step's output or a file of a trained model.

    Its content is not checked: `subprobe run` sets changed files aside, and replaces a link by a
    file.
    """
    for folder, record in records:
        if RUN not in record.facts:
            continue
        if path.parent == folder / "cells":
            return is_cell(path.name)
        if path.parent == folder / HIDDEN_STATES:
            return is_states(path.name)
        if path.parent.parent == folder / "models":
            own = records[-1][1]
            name = path.name.removesuffix(DAMAGED)
            return any(name in names for names in own.files.values())
    return False


def _written(path: Path, records: list[tuple[Path, Record]]) -> bool:
    for folder, record in reversed(records):
        name = path.relative_to(folder).as_posix()
        if record.lists(name, path):
            return True
        if RUN in record.facts and path.parent == folder / "logs" and is_log(path.name):
            return True
        if name == RECORD and record.known:
            return True
    return is_signed(path)


def is_signed(path: Path) -> bool:
    """Whether a mask, table of rows, page or ONNX model says itself that subprobe wrote it."""
    look = _SIGNATURES.get(path.suffix.lower())
    try:
        return look is not None and look(path)
    except (OSError, ValueError, RecursionError):
        return False


def _signed_tensors(path: Path) -> bool:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return SIGNED in (file.metadata() or {})
    except SafetensorError:
        return False


def _signed_page(path: Path) -> bool:
    with path.open("rb") as stream:
        return GENERATOR.encode() in stream.read(2048)


def _signed_csv(path: Path) -> bool:
    with path.open(encoding="utf-8", newline="") as stream:
        return _tidy(next(csv.reader([stream.readline(2048)]), []))


def _signed_parquet(path: Path) -> bool:
    import pyarrow
    import pyarrow.parquet

    try:
        return _tidy(pyarrow.parquet.read_schema(path).names)
    except pyarrow.ArrowException:
        return False


def _tidy(columns: list[str]) -> bool:
    return columns[:2] == ["schema_version", "cell_id"]


def _signed_onnx(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(-min(_PART, path.stat().st_size), os.SEEK_END)
        # the metadata follow the graph
        return SIGNED.encode() in stream.read()


_SIGNATURES = {
    ".safetensors": _signed_tensors,
    ".html": _signed_page,
    ".csv": _signed_csv,
    ".parquet": _signed_parquet,
    ".onnx": _signed_onnx,
}
