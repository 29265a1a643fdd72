"""Interactions of N texts by pair of heads, in a file: pairs are many, and so may texts be."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...data.files.full_disk import room_asked_for
from ...data.output.item_parts import text_blocks

Numbers = npt.NDArray[np.float64]
_WIDTH = 8


class PairTable:
    """Numbers [N, P] of texts and pairs. The file has no name and goes with the table.

    Args:
        texts: N.
        pairs: P.
    """

    def __init__(self, texts: int, pairs: int):
        self.shape = texts, pairs
        self._file = tempfile.TemporaryFile(prefix="subprobe-pairs-")  # noqa: SIM115
        weakref.finalize(self, self._file.close)

    def put(self, texts: npt.NDArray[np.int64], numbers: Numbers) -> None:
        """Write the numbers of some texts [B, P].

        Raises:
            DiskFullError: if there is no room.
        """
        line = self.shape[1] * _WIDTH
        with room_asked_for(Path(tempfile.gettempdir()), lambda: self.shape[0] * line):
            for text, own in zip(texts.tolist(), numbers, strict=True):
                self._file.seek(text * line)
                self._file.write(own.astype(np.float64).tobytes())
            self._file.flush()

    def blocks(self) -> Iterator[tuple[slice, Numbers]]:
        """Some texts after the other, and their numbers [n, P], in the order of the texts."""
        texts, pairs = self.shape
        for block in text_blocks(texts, pairs):
            self._file.seek(block.start * pairs * _WIDTH)
            found = self._file.read((block.stop - block.start) * pairs * _WIDTH)
            yield block, np.frombuffer(found, dtype=np.float64).reshape(-1, pairs)

    def means(self) -> tuple[Numbers, Numbers]:
        """Mean of each pair over the texts, and mean of its absolute value [P] each."""
        sums = np.zeros((2, self.shape[1]))
        for _, numbers in self.blocks():
            sums += numbers.sum(axis=0), np.abs(numbers).sum(axis=0)
        signed, sizes = sums / self.shape[0]
        return signed, sizes
