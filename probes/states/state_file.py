"""A safetensors file of hidden states, written text by text and read memory-mapped.

The library writes whole arrays, which states of a corpus are not: the header is written first, the
rows of each text go to their places, and only then is the file renamed to its final name.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import SafetensorError, safe_open

from ...data.errors import DataFileError
from ...data.files.atomic import atomic_path

FORMAT = "1"
_WIDTH = 4
"""Bytes of a number: float32."""
_CHUNK = 2**24


@dataclass(frozen=True)
class StateFile:
    """States of T words: L + 1 tensors [T, D] of float32.

    The file is held open: another process may remove it to make room.

    Attributes:
        path: the file.
        opened: the file as the library has it open.
        num_states: L + 1.
        width: D.
        num_words: T.
    """

    path: Path
    opened: Any
    num_states: int
    width: int
    num_words: int

    def state(self, layer: int) -> torch.Tensor:
        """One state of all words [T, D]: a view of the file, which is read where it is used."""
        tensor: torch.Tensor = self.opened.get_tensor(_name(layer))
        return tensor


def _name(layer: int) -> str:
    return f"state.{layer}"


def _header(key: str, num_states: int, width: int, num_words: int, check: int) -> bytes:
    """The head of a file; it has the same length whatever the check is."""
    size = num_words * width * _WIDTH
    tensors = {
        _name(layer): {
            "dtype": "F32",
            "shape": [num_words, width],
            "data_offsets": [layer * size, (layer + 1) * size],
        }
        for layer in range(num_states)
    }
    about = {"format": FORMAT, "key": key, "crc32": f"{check:08x}"}
    text = json.dumps({"__metadata__": about, **tensors}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def file_size(num_states: int, width: int, num_words: int) -> int:
    """Bytes of a file of states."""
    head = _header("0" * 64, num_states, width, num_words, 0)
    return len(head) + num_states * width * num_words * _WIDTH


class StateWriter:
    """Rows of states on their way into a file."""

    def __init__(self, stream: BinaryIO, start: int, num_states: int, width: int, num_words: int):
        self._stream, self._start = stream, start
        self._row, self._layer = width * _WIDTH, num_words * width * _WIDTH
        self._num_states = num_states

    def write(self, layer: int, first: int, rows: torch.Tensor) -> None:
        """The states of consecutive words.

        Args:
            layer: which state.
            first: place of the first of these words among all.
            rows: states [R, D].

        Raises:
            OSError: if the disk is full.
        """
        # not through a mapping: where the disk is full, that would kill the process
        self._stream.seek(self._start + layer * self._layer + first * self._row)
        self._stream.write(rows.detach().to("cpu", torch.float32).contiguous().numpy().tobytes())


@contextmanager
def writing_states(
    path: Path, key: str, num_states: int, width: int, num_words: int
) -> Iterator[StateWriter]:
    """Write a file of states under a temporary name; rename it when complete, remove it on failure.

    Args:
        path: the file.
        key: what the states are of.
        num_states: L + 1.
        width: D.
        num_words: T.
    """
    with atomic_path(path) as temporary, temporary.open("wb+") as stream:
        head = _header(key, num_states, width, num_words, 0)
        stream.write(head)
        yield StateWriter(stream, len(head), num_states, width, num_words)
        stream.flush()
        size = len(head) + num_states * num_words * width * _WIDTH
        if os.fstat(stream.fileno()).st_size != size:
            raise DataFileError("states of some words were not delivered", where=str(path))
        check = _check(stream, len(head))
        stream.seek(0)
        stream.write(_header(key, num_states, width, num_words, check))


def _check(stream: BinaryIO, start: int) -> int:
    stream.seek(start)
    found = 0
    while chunk := stream.read(_CHUNK):
        found = zlib.crc32(chunk, found)
    return found


def open_states(path: Path, key: str) -> StateFile:
    """A file of states, checked.

    Args:
        path: the file.
        key: what its states must be of.

    Raises:
        DataFileError: if it is missing, truncated, changed, or holds the states of something else.
    """
    try:
        opened: Any = safe_open(path, framework="pt")
        about, names = opened.metadata() or {}, set(opened.keys())
        shapes = {tuple(opened.get_slice(name).get_shape()) for name in names}
    except (OSError, SafetensorError) as error:
        raise DataFileError("cannot be read: it is damaged", where=str(path)) from error
    if about.get("key") != key or about.get("format") != FORMAT:
        raise DataFileError("holds the states of another model, mask or corpus", where=str(path))
    if names != {_name(layer) for layer in range(len(names))} or len(shapes) != 1:
        raise DataFileError("does not contain one tensor per state: it is damaged", where=str(path))
    with path.open("rb") as stream:
        start = 8 + int.from_bytes(stream.read(8), "little")
        if f"{_check(stream, start):08x}" != about.get("crc32"):
            raise DataFileError("its content was changed: the checksum differs", where=str(path))
    num_words, width = shapes.pop()
    return StateFile(path, opened, len(names), width, num_words)
