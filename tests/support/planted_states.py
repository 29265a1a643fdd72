"""Hidden states that a test makes up, in place of those of a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from subprobe.data.sentences.sentence import Example, Sentence
from subprobe.probes.forward.base import Context
from subprobe.probes.forward.texts import read_texts
from subprobe.probes.states.word_states import WordStates

Make = Callable[[Sentence, int], Sequence[Sequence[float]]]
"""(sentence, place of a word) -> its states [U, D]."""


@dataclass(frozen=True)
class PlantedFile:
    """States in memory [U, T, D]."""

    states: torch.Tensor

    @property
    def num_states(self) -> int:
        return self.states.shape[0]

    @property
    def width(self) -> int:
        return self.states.shape[2]

    def state(self, layer: int) -> torch.Tensor:
        return self.states[layer]


class PlantedStates:
    """Stands where a cache of states stands."""

    def __init__(self, make: Make):
        self._make = make

    def of(self, context: Context, examples: Sequence[Example], **_options: Any) -> WordStates:
        texts = read_texts(context, examples)
        vectors = [
            self._make(one.first, place)
            for one, words in zip(texts.examples, texts.words, strict=True)
            for _, place in words.kept
        ]
        states = torch.tensor(vectors, dtype=torch.float32).transpose(0, 1).contiguous()
        return WordStates(texts, PlantedFile(states))  # type: ignore[arg-type]
