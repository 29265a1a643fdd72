"""Word vectors from a file: the text format of GloVe or word2vec, or safetensors.

Only the requested words are kept, or the first of the file, because published files have millions.
Words may contain spaces, as some in published files do.
"""

from __future__ import annotations

import gzip
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DataFileError
from .reading import reading, shown
from .unpacking import LARGEST_RATIO, SMALL

LONGEST_LINE = 2**20
"""Maximum length of a line in bytes."""
WIDEST = 10_000
"""Maximum number of dimensions."""
MOST_WORDS = 200_000
"""Maximum number of words that are read where none are named; published counter-fitted vectors have
65,713."""
SAFETENSORS = ".safetensors"
_BLOCK = 2**20


@dataclass(frozen=True)
class WordVectors:
    """Vectors of some words.

    Attributes:
        rows: word -> its row.
        numbers: the vectors [V, D].
    """

    rows: Mapping[str, int]
    numbers: npt.NDArray[np.float32]

    @property
    def width(self) -> int:
        """Number of dimensions D."""
        return int(self.numbers.shape[1])

    def row(self, word: str) -> int:
        """The row of a word as written, else of its lower-case form; -1 if both are unknown."""
        return self.rows.get(word, self.rows.get(word.lower(), -1))


def read_word_vectors(path: Path | str, words: Collection[str] | None) -> WordVectors:
    """Read the vectors of some words.

    A text file has one word and its numbers per line, separated by single spaces, and may begin
    with a line that gives the numbers of words and dimensions; `.gz` is decompressed. A
    `.safetensors` file has the tensors `vectors` [V, D] and `words`, the bytes of V lines of UTF-8.
    If a word occurs twice, its first vector is used.

    Args:
        path: the file.
        words: the words, as written; their lower-case forms are looked up too. None = the first
            `MOST_WORDS` of the file.

    Raises:
        DataFileError: if the file is missing, damaged or of another format, vectors differ in
            length or are not finite, or the file has none of the words.
    """
    path = Path(path)
    if not path.is_file():
        raise DataFileError("no such file", where=str(path), remedy="check the path")
    wanted: dict[str, None] | None = None
    if words is not None:
        wanted = {form: None for word in words for form in (word, word.lower())}
    found = _tensors(path, wanted) if path.suffix == SAFETENSORS else _text(path, wanted)
    if not found:
        raise DataFileError(
            "has vectors for none of the words of the corpus"
            if wanted is not None
            else "has no vectors",
            where=str(path),
            remedy="use vectors of the language of the corpus" if wanted is not None else None,
        )
    numbers = np.stack(list(found.values()))
    if not np.isfinite(numbers).all():
        raise DataFileError(
            "vectors contain NaN or infinity", where=str(path), remedy="use another file"
        )
    return WordVectors({word: row for row, word in enumerate(found)}, numbers)


def _tensors(path: Path, wanted: Collection[str] | None) -> dict[str, npt.NDArray[np.float32]]:
    from safetensors import safe_open

    with reading(path):
        opened: Any = safe_open(path, framework="numpy")
        vectors, words = (opened.get_tensor(name) for name in ("vectors", "words"))
        names = words.tobytes().decode("utf-8").split("\n")
    if vectors.ndim != 2 or vectors.dtype.kind != "f" or words.dtype != np.uint8:
        raise DataFileError(
            "`vectors` is not an array of floats [V, D], or `words` not of bytes",
            where=str(path),
            remedy="store `words` as uint8: the UTF-8 text, one word per line",
        )
    names = names[:-1] if names[-1] == "" else names
    if len(names) != len(vectors) or not vectors.shape[1]:
        raise DataFileError(
            f"has {len(names):,} words for {len(vectors):,} vectors of {vectors.shape[1]} numbers",
            where=str(path),
        )
    found: dict[str, npt.NDArray[np.float32]] = {}
    for word, vector in zip(names, vectors, strict=True):
        if wanted is None or word in wanted:
            found.setdefault(word, vector.astype(np.float32))
        if wanted is None and len(found) == MOST_WORDS:
            break
    return found


def _text(path: Path, wanted: Collection[str] | None) -> dict[str, npt.NDArray[np.float32]]:
    sought = {word.encode(): word for word in wanted or () if " " not in word}
    found: dict[str, npt.NDArray[np.float32]] = {}
    width = 0
    for number, line in _lines(path):
        line = line.rstrip(b" \r\n")
        fields = line.count(b" ")
        if number == 1:
            head = line.split(b" ")
            if len(head) == 2 and all(one.isdigit() for one in head):
                width = int(head[1]) if len(head[1]) < 9 else 0
                _check_width(width, path)
                continue
        if not line:
            continue
        if not width:
            width = fields
            _check_width(width, path)
        if fields < width:
            raise DataFileError(
                f"line {number} has {fields} numbers instead of {width}",
                where=str(path),
                remedy="write one word and its numbers per line, separated by single spaces",
            )
        spelled = line.partition(b" ")[0]
        word = sought.get(spelled) if wanted is not None else _decoded(spelled, path, number)
        # a word may hold spaces: the last D fields are its numbers
        if word is None or fields > width or word in found:
            continue
        found[word] = _numbers(line, width, f"{path}, line {number}")
        if wanted is None and len(found) == MOST_WORDS:
            break
    return found


def _decoded(word: bytes, path: Path, line: int) -> str:
    with reading(f"{path}, line {line}"):
        return word.decode("utf-8")


def _check_width(width: int, path: Path) -> None:
    if not 0 < width <= WIDEST:
        raise DataFileError(
            f"vectors have {width} numbers each, not 1 to {WIDEST:,}",
            where=str(path),
            remedy="write one word and its numbers per line, separated by single spaces",
        )


def _numbers(line: bytes, width: int, where: str) -> npt.NDArray[np.float32]:
    cells = line.split(b" ")[-width:]
    try:
        return np.array([float(one) for one in cells], dtype=np.float32)
    except ValueError:
        raise DataFileError(
            f"{shown(line[:60])} is not a word followed by numbers", where=where
        ) from None


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file, compressed or not, without line ends; the file is read in blocks."""
    number, rest = 0, b""
    for block in _blocks(path):
        *lines, rest = (rest + block).split(b"\n")
        if len(rest) > LONGEST_LINE or any(len(line) > LONGEST_LINE for line in lines):
            raise DataFileError(
                f"a line after line {number} has more than {LONGEST_LINE:,} bytes", where=str(path)
            )
        for line in lines:
            number += 1
            yield number, line
    if rest:
        yield number + 1, rest


def _blocks(path: Path) -> Iterator[bytes]:
    packed, read = path.stat().st_size, 0
    opened = gzip.open if path.suffix == ".gz" else open
    with ExitStack() as stack:
        with reading(path):
            stream = stack.enter_context(opened(path, "rb"))
        while True:
            with reading(path):
                block = stream.read(_BLOCK)
            if not block:
                return
            read += len(block)
            # the file may exceed the limit of other files, since it is never held in memory
            if path.suffix == ".gz" and read > max(SMALL, LARGEST_RATIO * packed):
                raise DataFileError(
                    f"decompresses to more than {LARGEST_RATIO} times its size",
                    where=str(path),
                    remedy="if this is correct, give the decompressed file",
                )
            yield block
