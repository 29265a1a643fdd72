"""Estimate how much trained probes read from the size of their files, without parsing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...data.files.text_file import read_text
from ...data.generated_treebank import SENTENCES
from ...data.sentences.parted import SHARES
from ...data.sentences.plain_text import NATURAL, read_corpus
from ..configuration.asked_probes import learning
from ..configuration.config import RunConfig
from ..configuration.learning_files import learning_files
from .sizes import SUBWORDS_A_WORD

_GENERATED_WORDS = 8.5
"""Words per generated sentence."""

_SPECIAL = 2
_FLOAT = 4


@dataclass(frozen=True)
class LearningSize:
    """The sizes of the texts that probes are trained and scored on.

    Attributes:
        train: number of training sentences.
        others: number of dev and test sentences.
        words: mean number of words per sentence.
    """

    train: int = 0
    others: int = 0
    words: float = 1.0

    @property
    def length(self) -> float:
        """Mean number of subwords per sentence."""
        return SUBWORDS_A_WORD * self.words + _SPECIAL

    @property
    def count(self) -> int:
        """The total number of sentences."""
        return self.train + self.others

    def states(self, layers: int, width: int) -> float:
        """Bytes of the hidden states of one model."""
        return self.count * self.words * (layers + 1) * width * _FLOAT

    def training(self, layers: int, width: int, options: Mapping[str, Any]) -> float:
        """Floating-point operations of a probe of all states, with a linear map of their width."""
        passes = 3.0 * float(options.get("epochs", 40)) * float(options.get("seeds", 1))
        passes *= len(options.get("rates", (1,)))
        return passes * self.train * self.words * (layers + 1) * 2 * width**2


NOTHING_LEARNT = LearningSize()


def learning_size(config: RunConfig) -> LearningSize:
    """The size of the training data of a run's probes.

    Raises:
        DataFileError: for a file that cannot be read.
    """
    options = config.probe
    if not learning(options):
        return NOTHING_LEARNT
    files = learning_files(options)
    if files.generated:
        sizes = dict(SENTENCES)
        words = _GENERATED_WORDS * sum(sizes.values())
    elif files.one:
        count, words = _counted(files.one)
        sizes = dict(zip(("train", "dev", "test"), (round(s * count) for s in SHARES), strict=True))
    else:
        read = {p: _counted(path) for p in ("train", "dev", "test") if (path := getattr(files, p))}
        sizes = {part: count for part, (count, _) in read.items()}
        words = sum(words for _, words in read.values())
    mean = words / max(1, sum(sizes.values()))
    train = min(sizes.pop("train"), options.train_sentences)
    return LearningSize(train, sum(min(n, options.sentences) for n in sizes.values()), mean)


def _counted(path: str) -> tuple[int, float]:
    """Numbers of sentences and words of a file, from its lines."""
    if path == NATURAL:
        found = read_corpus(path)
        return len(found), float(sum(len(one.words) for one in found))
    lines = read_text(path).splitlines()
    if path.removesuffix(".gz").endswith(".txt"):
        filled = [line for line in lines if line.strip()]
        return len(filled), float(sum(len(line.split()) for line in filled))
    words = [line[:1].isdigit() for line in lines]
    ends = (a and not b for a, b in zip(words, [*words[1:], False], strict=True))
    return sum(ends), float(sum(words))
