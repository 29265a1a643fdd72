"""One data set: samples with a label each, and which words of which texts each of them reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

PARTS = ("train", "dev", "test")

Kind = Literal[
    "SENTENCE", "SENTENCE_TOKENS", "SENTENCE_SPANS", "SENTENCE_PAIR_BI", "SENTENCE_PAIR_CROSS",
    "SENTENCE_PAIR_TOKENS_BI", "SENTENCE_PAIR_TOKENS_CROSS",
]  # fmt: skip
"""What samples are; texts of `CROSS` are read by the encoder together, the others one by one."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Characters of a text.

    Attributes:
        text: its place among the texts of the sample.
        start: of the first character.
        end: one past the last; None = the whole text, special tokens with it.
    """

    text: int
    start: int = 0
    end: int | None = None


Reading = tuple[Stretch, ...]
"""What becomes one vector: the mean over the stretches, of the mean over the pieces of each."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What is classified.

    Attributes:
        id: unique in its data set.
        texts: what the encoder reads.
        readings: their vectors are concatenated.
        label: class counted from 0, or a number where the data set has one class.
    """

    id: str
    texts: tuple[str, ...]
    readings: tuple[Reading, ...]
    label: float


@dataclass(frozen=True)
class DataSet:
    """One data set of Holmes.

    Attributes:
        name: as the leaderboard has it.
        kind: what its samples are.
        classes: number of classes; 1 = numbers are predicted.
        parts: `train`, `dev`, `test` -> samples, in the order of their ids.
    """

    name: str
    kind: Kind
    classes: int
    parts: Mapping[str, tuple[Sample, ...]]

    @property
    def joined(self) -> bool:
        """Whether the encoder reads the texts of a sample together."""
        return self.kind.endswith("CROSS")

    @property
    def width(self) -> int:
        """Vectors that each sample is read as."""
        return len(self.parts["train"][0].readings)
