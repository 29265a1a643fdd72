"""One data set: samples, each with a label and the words of its texts that a probe reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

PARTS = ("train", "dev", "test")

Kind = Literal[
    "SENTENCE", "SENTENCE_TOKENS", "SENTENCE_SPANS", "SENTENCE_PAIR_BI", "SENTENCE_PAIR_CROSS",
    "SENTENCE_PAIR_TOKENS_BI", "SENTENCE_PAIR_TOKENS_CROSS",
]  # fmt: skip
"""Kinds of samples; the encoder reads the texts of `CROSS` together and all others one by one."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of characters of a text.

    Attributes:
        text: index of the text in the sample.
        start: offset of the first character.
        end: offset after the last character; None = the whole text, special tokens included.
    """

    text: int
    start: int = 0
    end: int | None = None


Reading = tuple[Stretch, ...]
"""Stretches that are read as one vector: the mean over them of the mean over their pieces."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample, which is classified.

    Attributes:
        id: unique in its data set.
        texts: the texts that the encoder reads.
        readings: the readings whose vectors are concatenated.
        label: class counted from 0, or a number if the data set has one class.
    """

    id: str
    texts: tuple[str, ...]
    readings: tuple[Reading, ...]
    label: float


@dataclass(frozen=True)
class DataSet:
    """One data set of Holmes.

    Attributes:
        name: its name on the leaderboard.
        kind: kind of its samples.
        classes: number of classes; 1 = the labels are numbers.
        parts: `train`, `dev` and `test` -> samples, in the order of their ids.
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
        """Number of vectors per sample."""
        return len(self.parts["train"][0].readings)
