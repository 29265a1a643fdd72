"""The cases of one data set: concatenated rows of a table of vectors, and labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ...data.holmes.published import About


@dataclass(frozen=True)
class Cases:
    """R cases.

    Attributes:
        table: vectors [T, D], memory-mapped where they are many.
        columns: rows of the table that are read side by side, W of [R].
        gold: classes (int64) or numbers (float32) [R].
    """

    table: torch.Tensor
    columns: tuple[torch.Tensor, ...]
    gold: torch.Tensor

    @property
    def width(self) -> int:
        """W D, the numbers that a probe reads of a case."""
        return len(self.columns) * self.table.shape[1]

    def __len__(self) -> int:
        return len(self.gold)

    def read(self, which: torch.Tensor) -> torch.Tensor:
        """The vectors of some cases [..., W D]."""
        flat = which.reshape(-1)
        found = [self.table.index_select(0, rows[flat]) for rows in self.columns]
        return torch.cat(found, dim=1).reshape(*which.shape, self.width)

    def between(self, start: int, end: int) -> Cases:
        """The cases from one place up to, without, another."""
        return Cases(self.table, tuple(rows[start:end] for rows in self.columns),
                     self.gold[start:end])  # fmt: skip


@dataclass(frozen=True)
class Task:
    """One data set, prepared for training.

    Attributes:
        name: of the data set.
        about: what it is about; None where that is unknown.
        classes: number of classes; 1 = the probe predicts numbers.
        parts: `train`, `dev`, `test` -> cases.
        ids: of the test cases.
        sentences: the sentence that each of them is of.
        lost: test cases that are cut off.
        lost_in: the samples that are cut off, by part, in words; empty where none is.
        source: name of the folder that the data set is from; empty = the corpus.
    """

    name: str
    about: About | None
    classes: int
    parts: Mapping[str, Cases]
    ids: npt.NDArray[np.object_]
    sentences: npt.NDArray[np.object_]
    lost: int
    source: str = ""
    lost_in: str = ""

    @property
    def numbers(self) -> bool:
        """Whether numbers are predicted, not classes."""
        return self.classes == 1

    @property
    def subfield(self) -> str:
        """The part of linguistics; empty where it is unknown."""
        return self.about.subfield if self.about else ""
