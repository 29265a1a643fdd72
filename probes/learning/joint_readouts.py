"""Train several tasks on the same batches; each is about words, or about pairs of words.

The states of a batch of texts are gathered once; each task reads those that it has a class for. A
pair is read as [x, y, x * y] (Liu et al. 2019).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ..states.word_states import WordStates
from .readouts import Pairs
from .word_batches import Batch, PairBatch, WordBatch, WordReadouts, text_groups

Ints = npt.NDArray[np.int64]

PAIR = 3
"""The width of a pair in multiples of that of a word."""

JointBatch = tuple[Batch | None, ...]
"""The cases of a batch for each task; None where there are none."""


@dataclass(frozen=True)
class Cases:
    """The R cases of a task in some texts, sorted by text.

    Attributes:
        first: row of the word, among those of the states [R].
        second: row of the other word of a pair [R]; None where a case is a word.
        gold: class [R].
        text: the text that a case is of [R].
    """

    first: Ints
    second: Ints | None
    gold: Ints
    text: Ints

    def __len__(self) -> int:
        return len(self.gold)

    def chosen(self, which: npt.NDArray[np.bool_]) -> Cases:
        """A selection of the cases [R]."""
        second = None if self.second is None else self.second[which]
        return Cases(self.first[which], second, self.gold[which], self.text[which])


class JointReadouts:
    """The classifiers of several tasks, as `fit` trains them.

    Args:
        tasks: the classifiers of each task.
    """

    def __init__(self, tasks: Sequence[WordReadouts]):
        self.tasks = tuple(tasks)
        sizes = [len(task.parameters()) for task in tasks]
        self._starts = np.cumsum([0, *sizes]).tolist()

    def parameters(self) -> list[list[torch.Tensor]]:
        """The tensors of each classifier, those of the first task first."""
        return [one for task in self.tasks for one in task.parameters()]

    def losses(self, active: Sequence[int], batch: JointBatch) -> torch.Tensor:
        """Mean cross-entropy in nats of each active classifier; 0 where a batch has nothing.

        Args:
            active: places of P' classifiers, rising.
            batch: what each task reads.
        """
        found = []
        for k, (task, part) in enumerate(zip(self.tasks, batch, strict=True)):
            start, end = self._starts[k : k + 2]
            own = [place - start for place in active if start <= place < end]
            if own:
                found.append(torch.zeros(len(own)) if part is None else task.losses(own, part))
        device = self.parameters()[0][0].device
        return torch.cat([one.to(device) for one in found])

    def size(self, batch: JointBatch) -> torch.Tensor:
        """Cases of each classifier's task [P]."""
        sizes = [0 if part is None else len(part.gold) for part in batch]
        counts = [len(task.parameters()) for task in self.tasks]
        return torch.repeat_interleave(torch.tensor(sizes), torch.tensor(counts))


def case_batches(
    states: WordStates,
    tasks: Sequence[Cases],
    layers: Sequence[int],
    *,
    texts: int = 32,
    seed: int | Sequence[int] | None = None,
    device: torch.device | None = None,
) -> Iterator[JointBatch]:
    """The cases of each task in batches of whole texts; batches without any are left out.

    Args:
        states: states of T words.
        tasks: their cases.
        layers: the U states that are read.
        texts: texts per batch.
        seed: of the order of texts; None = as they come.
        device: where batches go.
    """
    count = len(states.examples)
    bounds = [np.searchsorted(cases.text, np.arange(count + 1)) for cases in tasks]
    place = np.zeros(states.num_words, dtype=np.int64)
    for chosen in text_groups(count, texts, seed):
        picked = [_joined(bound, chosen) for bound in bounds]
        if not any(map(len, picked)):
            continue
        rows = _joined(states.offsets, chosen)
        place[rows] = np.arange(len(rows))
        vectors = states.stacked(torch.from_numpy(rows), layers).to(device)
        yield tuple(
            _batch(vectors, cases, which, place) if len(which) else None
            for cases, which in zip(tasks, picked, strict=True)
        )


def _joined(bounds: npt.NDArray[np.intp], chosen: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """The places inside the bounds of some texts, text after text."""
    return np.concatenate([np.arange(bounds[text], bounds[text + 1]) for text in chosen])


def _batch(vectors: torch.Tensor, cases: Cases, which: npt.NDArray[np.intp], place: Ints) -> Batch:
    gold = torch.from_numpy(cases.gold[which]).to(vectors.device)
    first = place[cases.first[which]]
    if cases.second is None:
        return WordBatch(_read(vectors, first), gold)
    both = (torch.from_numpy(one).to(vectors.device)
            for one in (first, place[cases.second[which]]))  # fmt: skip
    return PairBatch(Pairs.of(vectors, *both), gold)


def _read(vectors: torch.Tensor, places: Ints) -> torch.Tensor:
    """Vectors at some places [U, R', D]; the same memory where these are all, in order."""
    if len(places) == vectors.shape[1] and (places == np.arange(len(places))).all():
        return vectors
    return vectors.index_select(1, torch.from_numpy(places).to(vectors.device))
