"""Hidden states that no model computed, and a plain classifier to hold probes against."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from subprobe.probes.learning.fitting import Schedule
from subprobe.probes.learning.readouts import Form, first_weights


@dataclass(frozen=True)
class MadeStates:
    """What batches and codes read of `WordStates`: vectors [U, T, D] of the words of some texts."""

    vectors: torch.Tensor
    sizes: tuple[int, ...]

    @property
    def examples(self) -> tuple[int, ...]:
        return self.sizes

    @property
    def offsets(self) -> np.ndarray:
        return np.cumsum([0, *self.sizes])

    @property
    def num_states(self) -> int:
        return self.vectors.shape[0]

    @property
    def num_words(self) -> int:
        return self.vectors.shape[1]

    @property
    def width(self) -> int:
        return self.vectors.shape[2]

    def rows(self, text: int) -> slice:
        return slice(int(self.offsets[text]), int(self.offsets[text + 1]))

    def stacked(self, rows: torch.Tensor, layers: Sequence[int]) -> torch.Tensor:
        return self.vectors[list(layers)][:, rows]


def made_words(
    texts: int, classes: int, width: int, *, states: int, seed: int, signal: float = 3.0
) -> tuple[Any, np.ndarray]:
    """States of words and their classes [T]; the first says nothing of them, later ones more."""
    draw = np.random.default_rng(seed)
    sizes = tuple(int(size) for size in draw.integers(1, 9, size=texts))
    gold = draw.integers(classes, size=sum(sizes))
    vectors = draw.normal(size=(states, sum(sizes), width))
    for state in range(states):
        vectors[state, np.arange(len(gold)), gold] += signal * state
    return MadeStates(torch.tensor(vectors, dtype=torch.float32), sizes), gold


Pairs = Iterable[tuple[torch.Tensor, torch.Tensor]]
"""Vectors [R, D] and classes [R]."""


def plain_classifier(
    form: Form,
    seed: int,
    train: Callable[[int], Pairs],
    dev: Callable[[], Pairs],
    *,
    lr: float,
    schedule: Schedule,
) -> tuple[torch.nn.Linear, list[float], int]:
    """A linear classifier trained by a loop of its own; with its dev losses and best epoch.

    `torch.nn.Linear`, one Adam, the plateau and the stop written out.
    """
    linear = torch.nn.Linear(form.width, form.classes)
    weight, bias = first_weights(form, seed)
    with torch.no_grad():
        linear.weight.copy_(weight.T)
        linear.bias.copy_(bias)
    optimiser = torch.optim.Adam(linear.parameters(), lr=lr, foreach=False)
    losses: list[float] = []
    best, best_epoch, rated, kept = float("inf"), 0, float("inf"), copy.deepcopy(linear)
    for epoch in range(schedule.epochs):
        for vectors, gold in train(epoch):
            optimiser.zero_grad()
            loss = torch.nn.functional.cross_entropy(linear(vectors), gold)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        summed, words = 0.0, 0
        with torch.no_grad():
            for vectors, gold in dev():
                each = torch.nn.functional.cross_entropy(linear(vectors), gold, reduction="sum")
                summed, words = summed + each.item(), words + len(gold)
        losses.append(summed / words)
        if losses[-1] < best - schedule.min_gain:
            best, best_epoch, kept = losses[-1], epoch, copy.deepcopy(linear)
        if losses[-1] < rated * (1 - 1e-4):
            rated = losses[-1]
        else:
            optimiser.param_groups[0]["lr"] *= schedule.factor
        if epoch - best_epoch >= schedule.patience:
            break
    return kept, losses, best_epoch
