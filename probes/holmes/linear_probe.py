"""The probe of Holmes: dropout and one linear layer, several seeds side by side.

Each seed has its own initial weights, its own order of cases and its own dropout. The published
code gives softmaxed outputs to a cross-entropy that takes a softmax itself, in training and on dev
alike: with K classes a loss lies between ln(1 + (K - 1) / e) and ln(K - 1 + e).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ..learning.fitting import Course, Schedule, fit
from ..learning.readouts import Form, Readouts
from ..tokens.scores import macro_f1_of
from .cases import Cases
from .entries import Loss

DROPOUT = 0.2
_AT_ONCE = 4096
"""Cases that are scored at the same time."""

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Training:
    """How probes are trained; the defaults are the protocol's.

    Attributes:
        seeds: one probe each.
        loss: what is minimised, and what stops training.
        epochs: at most.
        cases: a step.
        patience: epochs without a better dev part after which a probe stops.
        clip: the longest gradient; 0 = of any length.
        by_score: whether the score of the dev part stops training, not its loss.
    """

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    loss: Loss = "as-published"
    epochs: int = 20
    cases: int = 16
    patience: int = 5
    clip: float = 0.0
    by_score: bool = False

    def schedule(self, cases: int) -> Schedule:
        """Adam at .001 after a linear rise over a tenth of the steps, then falling to 0."""
        return Schedule(
            epochs=self.epochs, lr=1e-3, patience=self.patience, min_gain=0.0, warmup=0.1,
            steps=math.ceil(cases / self.cases), clip=self.clip,
        )  # fmt: skip


@dataclass(frozen=True)
class Batch:
    """Cases of a step, or all of a part.

    Attributes:
        cases: what the places are of.
        places: of each probe [P, R], or of all alike [R].
        kept: which numbers dropout lets pass [P, R, W D]; None = all.
    """

    cases: Cases
    places: torch.Tensor
    kept: torch.Tensor | None = None


class LinearProbes:
    """P probes of one data set: what `fit` trains.

    Args:
        width: numbers that they read.
        classes: K; 1 = numbers are predicted.
        training: seeds and loss.
        device: where they live.
    """

    def __init__(
        self, width: int, classes: int, training: Training, device: torch.device | None = None
    ):
        self._readouts = Readouts(Form(width, classes), training.seeds, device)
        self._training, self._classes = training, classes
        self._device = device

    def parameters(self) -> list[list[torch.Tensor]]:
        """Weights and bias of each probe."""
        return self._readouts.parameters()

    def losses(self, active: Sequence[int], batch: Batch) -> torch.Tensor:
        """Mean loss of each active probe; of a dev part its negative score where that decides."""
        if batch.kept is not None:
            places = batch.places[list(active)]
            vectors = batch.cases.read(places).to(self._device)
            vectors = vectors * batch.kept[list(active)].to(self._device) / (1 - DROPOUT)
            outputs = self._readouts.logits(active, vectors)
            return self._each(outputs, batch.cases.gold[places].to(self._device)).mean(1)
        if self._training.by_score:
            said, gold = self.predict(active, batch.cases), batch.cases.gold.numpy()
            return torch.tensor([-score_of(one, gold, self._classes) for one in said])
        return self.each_loss(active, batch.cases).mean(1)

    def size(self, batch: Batch) -> int:
        """R."""
        return batch.places.shape[-1]

    def each_loss(self, active: Sequence[int], cases: Cases) -> torch.Tensor:
        """The loss of each case [P', R]."""
        found = [
            self._each(outputs, gold.expand(len(active), -1))
            for outputs, gold in self._outputs(active, cases)
        ]
        return torch.cat(found, dim=1)

    def predict(self, active: Sequence[int], cases: Cases) -> Numbers:
        """The class or number that each active probe gives each case [P', R]."""
        found = [
            outputs[..., 0] if self._classes == 1 else outputs.argmax(-1)
            for outputs, _ in self._outputs(active, cases)
        ]
        return torch.cat(found, dim=1).detach().cpu().numpy().astype(np.float64)

    def _outputs(
        self, active: Sequence[int], cases: Cases
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for places in torch.split(torch.arange(len(cases)), _AT_ONCE):
            vectors = cases.read(places).to(self._device).expand(len(active), -1, -1)
            yield self._readouts.logits(active, vectors), cases.gold[places].to(self._device)

    def _each(self, outputs: torch.Tensor, gold: torch.Tensor) -> torch.Tensor:
        """Loss [P', R] of outputs [P', R, K]."""
        if self._classes == 1:
            return nn.functional.smooth_l1_loss(outputs[..., 0], gold, reduction="none")
        if self._training.loss == "as-published":
            outputs = outputs.softmax(-1)
        return nn.functional.cross_entropy(outputs.mT, gold, reduction="none")


def score_of(said: npt.ArrayLike, gold: npt.ArrayLike, classes: int) -> float:
    """Macro-F1 of classes; Pearson's correlation of numbers, 0 where one side does not vary."""
    said, gold = np.asarray(said, np.float64), np.asarray(gold, np.float64)
    if classes > 1:
        return macro_f1_of(said.astype(np.int64), gold.astype(np.int64))
    if len(gold) < 2 or np.ptp(said) == 0 or np.ptp(gold) == 0:
        return 0.0
    return float(np.corrcoef(said, gold)[0, 1])


def train_probes(
    train: Cases,
    dev: Cases,
    classes: int,
    training: Training,
    *,
    device: torch.device | None = None,
) -> tuple[LinearProbes, list[Course]]:
    """Train the probes of one data set.

    Args:
        train: what is learnt from.
        dev: what stops training; the best epoch is kept.
        classes: K; 1 = numbers are predicted.
        training: seeds, loss and schedule.
        device: where probes live.

    Raises:
        InputError: if vectors contain NaN or infinity.
    """
    probes = LinearProbes(train.width, classes, training, device)
    courses = fit(
        probes,
        lambda epoch: _shuffled(train, training, epoch),
        lambda: iter([Batch(dev, torch.arange(len(dev)))]),
        training.schedule(len(train)),
    )
    return probes, courses


def _shuffled(cases: Cases, training: Training, epoch: int) -> Iterator[Batch]:
    """The cases in an order of each seed's own, and which numbers its dropout lets pass."""
    mixed = [np.random.SeedSequence([seed, epoch]) for seed in training.seeds]
    draws = [torch.Generator().manual_seed(int(one.generate_state(1)[0])) for one in mixed]
    orders = torch.stack([torch.randperm(len(cases), generator=draw) for draw in draws])
    for places in torch.split(orders, training.cases, dim=1):
        shape = places.shape[1], cases.width
        kept = torch.stack([torch.rand(shape, generator=draw) >= DROPOUT for draw in draws])
        yield Batch(cases, places, kept)
