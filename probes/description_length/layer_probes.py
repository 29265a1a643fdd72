"""Classifiers of words for every state, task and seed, each with the best of several rates."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from ..learning.chosen_rates import best_rates
from ..learning.fitting import Course, Schedule, Stack, fit
from ..learning.readouts import Form, Readouts
from ..learning.word_batches import WordBatch, WordReadouts

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Probes = TypeVar("Probes", bound=Stack[WordBatch])
Make = Callable[[Sequence[int], Sequence[int], Sequence[int]], Probes]
"""Makes P probes of (seed of the initial weights, place of the state, task) of each."""


def bit_schedule(epochs: int) -> Schedule:
    """How probes that measure bits are trained (Voita & Titov 2020)."""
    return Schedule(epochs=epochs, factor=0.5, patience=4)


@dataclass(frozen=True)
class LayerProbes(Generic[Probes]):
    """Trained classifiers of U states for M tasks, from E seeds each.

    Attributes:
        stack: all that were trained.
        chosen: the place in it of each that is used [M, U, E].
        courses: how the training of each of these went, in the order of `chosen`, flat.
    """

    stack: Probes
    chosen: Ints
    courses: tuple[Course, ...]

    @property
    def rates(self) -> Floats:
        """The learning rate that was chosen for each task and state [M, U]."""
        every = np.array([course.lr for course in self.courses])
        return np.asarray(every.reshape(self.chosen.shape)[..., 0])

    @property
    def epochs(self) -> Floats:
        """The epoch of the weights of each, counted from 1, mean over seeds [M, U]."""
        every = np.array([course.best + 1.0 for course in self.courses])
        return np.asarray(every.reshape(self.chosen.shape).mean(-1))


def plain(form: Form, device: torch.device | None = None) -> Make[WordReadouts]:
    """Makes classifiers of a form."""
    return lambda seeds, reads, answers: WordReadouts(Readouts(form, seeds, device), reads, answers)


def fit_layer_probes(
    make: Make[Probes],
    states: int,
    tasks: int,
    train: Callable[[int], Iterable[WordBatch]],
    dev: Callable[[], Iterable[WordBatch]],
    *,
    rates: Sequence[float],
    seeds: Sequence[int],
    schedule: Schedule,
    progress: Callable[[int, int], None] | None = None,
) -> LayerProbes[Probes]:
    """Train all at once; for each task and state the rate with the lowest dev loss over all seeds.

    Args:
        make: makes the probes.
        states: U.
        tasks: M.
        train: makes the batches of an epoch; their classes are of M tasks [M, R].
        dev: makes those that stop training and choose the rate.
        rates: to choose from.
        seeds: of the initial weights.
        schedule: how they are trained.
        progress: see `fit`.
    """
    every = list(product(range(tasks), range(states), rates, seeds))
    stack = make(
        [seed for *_, seed in every],
        [state for _, state, *_ in every],
        [task for task, *_ in every],
    )
    given = [rate for *_, rate, _ in every]
    courses = fit(stack, train, dev, schedule, rates=given, progress=progress)
    best = best_rates(courses, [(task, state) for task, state, *_ in every])
    chosen = np.array(list(best.values())).reshape(tasks, states, len(seeds))
    return LayerProbes(stack, chosen, tuple(courses[place] for place in chosen.ravel()))


def word_bits(probes: LayerProbes[WordReadouts], batch: WordBatch) -> tuple[Floats, Ints]:
    """The code length of the labels of a batch for each classifier, and its predictions.

    Args:
        probes: trained ones.
        batch: R words.

    Returns:
        -log2 of the probability of the label [M, U, E, R], and the likeliest class, alike.
    """
    active = probes.chosen.ravel().tolist()
    with torch.no_grad():
        logits = probes.stack.logits(active, batch).double()
        gold = probes.stack.gold(active, batch).expand(len(active), -1)
        nats = -logits.log_softmax(-1).gather(-1, gold[..., None])[..., 0]
    shape = (*probes.chosen.shape, -1)
    said = logits.argmax(-1).cpu().numpy().reshape(shape)
    return in_bits(nats.cpu().numpy()).reshape(shape), said


def in_bits(nats: Floats) -> Floats:
    """Bits from nats: torch's cross-entropy is in nats."""
    return np.asarray(nats / math.log(2))
