"""The hidden states of the words of some texts: one matrix per state, memory-mapped from a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch

from ...data.errors import InputError
from ...data.sentences.sentence import Example, Sentence
from ..forward.texts import Texts
from .state_file import StateFile


@dataclass(frozen=True)
class WordStates:
    """States 0..L of the words of N texts, under one mask.

    A word whose pieces are cut off has no state; the rows of a text are those of its kept words.

    Attributes:
        texts: the texts that were read, those without a word left out.
        file: where the states lie.
    """

    texts: Texts
    file: StateFile

    @property
    def examples(self) -> tuple[Example, ...]:
        """The N texts."""
        return self.texts.examples

    @property
    def num_states(self) -> int:
        """L + 1: the embeddings and the output of each block."""
        return self.file.num_states

    @property
    def width(self) -> int:
        """D."""
        return self.file.width

    @cached_property
    def offsets(self) -> npt.NDArray[np.int64]:
        """Where the words of each text begin, and the number of all words at the end [N + 1]."""
        return word_offsets(self.texts)

    @property
    def num_words(self) -> int:
        """T, the words of all texts."""
        return int(self.offsets[-1])

    def rows(self, text: int) -> slice:
        """The rows of the words of one text."""
        return slice(int(self.offsets[text]), int(self.offsets[text + 1]))

    def places(self, text: int) -> npt.NDArray[np.int64]:
        """Index in the first sentence of each kept word of a text [W].

        Words of a second sentence, which no annotation of a treebank speaks of, are -1.
        """
        kept = self.texts.words[text].kept
        return np.array([place if segment == 0 else -1 for segment, place in kept], dtype=np.int64)

    def sentence(self, text: int) -> Sentence:
        """The first sentence of a text."""
        return self.texts.examples[text].first

    def state(self, layer: int) -> torch.Tensor:
        """State `layer` of all words [T, D], float32, read from the file as far as it is used.

        Args:
            layer: 0 = embeddings, l = output of block l - 1.
        """
        return self.file.state(layer)

    def stacked(self, rows: torch.Tensor, layers: Sequence[int]) -> torch.Tensor:
        """States of some layers at some rows, in memory [P, R, D].

        Args:
            rows: places among the T words [R].
            layers: the P states.
        """
        found = torch.empty(len(layers), len(rows), self.width)
        for place, layer in enumerate(layers):
            torch.index_select(self._views[layer], 0, rows, out=found[place])
        return found

    @cached_property
    def _views(self) -> tuple[torch.Tensor, ...]:
        """All states, opened once: batches of training ask for them again and again."""
        return tuple(self.state(layer) for layer in range(self.num_states))


def word_offsets(texts: Texts) -> npt.NDArray[np.int64]:
    """Where the kept words of each text begin among all, and their number at the end [N + 1]."""
    return np.cumsum([0, *(len(words.kept) for words in texts.words)])


def words_of(texts: Texts) -> int:
    """T, the kept words of all texts."""
    return sum(len(words.kept) for words in texts.words)


def check_whole_words(texts: Texts, max_length: int) -> None:
    """Raise unless some text has a whole word after truncation.

    Args:
        texts: what is read.
        max_length: subwords that a text keeps.

    Raises:
        InputError: saying so.
    """
    if not words_of(texts):
        raise InputError(
            f"truncation to {max_length} subwords leaves no whole word in any text",
            remedy="raise `max_length`",
        )
