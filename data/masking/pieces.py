"""The masked pieces of texts, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..encoding.collate import Batch
from ..sentences.sentence import Example
from ..tasks.metrics import majority
from ..tasks.task import TaskSpec
from .choice import IGNORED
from .masked_batches import task_batches_once
from .unigram import unigram_of


@dataclass(frozen=True)
class MaskedPieces:
    """The P masked pieces of some texts.

    Attributes:
        texts: id of the text of each piece [P].
        gold: ids of the pieces before masking [P].
        tokenizer: the tokenizer that made them.
    """

    texts: tuple[str, ...]
    gold: npt.NDArray[np.int64]
    tokenizer: Any

    def unigram(self, train: Sequence[Example]) -> dict[str, float]:
        """What the unigram model of a training text scores on these pieces."""
        return unigram_of(self.tokenizer, train).scores(self.gold)


def masked_places(batches: Iterable[Batch]) -> tuple[list[tuple[int, int]], npt.NDArray[np.int64]]:
    """(text, position) of each masked piece, text after text, and the pieces [P].

    Args:
        batches: of masked texts, in any order.
    """
    found: list[tuple[int, int, int]] = []
    for batch in batches:
        assert batch.labels is not None
        for row, at in torch.nonzero(batch.labels != IGNORED).tolist():
            found.append((batch.index[row], at, int(batch.labels[row, at])))
    found.sort()
    gold = np.array([piece for _, _, piece in found], dtype=np.int64)
    return [(text, at) for text, at, _ in found], gold


def baseline_scores(
    tokenizer: Any,
    train: Sequence[Example],
    examples: Sequence[Example],
    spec: TaskSpec,
    max_length: int,
) -> dict[str, float]:
    """What the majority of train scores on other examples, or its unigram model on masked texts.

    Args:
        tokenizer: a fast tokenizer.
        train: training examples.
        examples: what is scored.
        spec: the task.
        max_length: maximum number of subwords per example.
    """
    if not spec.masked:
        return majority(spec, [one.label for one in train], [one.label for one in examples])
    batches = task_batches_once(tokenizer, examples, spec, batch_size=64, max_length=max_length)
    return unigram_of(tokenizer, train).scores(masked_places(batches.batches)[1])
