"""Train the readers of a hidden state, or take them from the arrays of the full model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ...data.errors import ConfigError
from ..forward.shared_pass import Progress
from ..learning.chosen_rates import best_rates
from ..learning.fitting import Course, Schedule, fit
from ..learning.learning import Arrays
from ..learning.readouts import Form, Readouts
from ..learning.word_batches import WordReadouts, word_batches
from ..learning.word_classes import WordClasses, labels_of
from ..states.word_states import WordStates
from ..structural.gold_trees import gold_trees
from ..structural.stacked_probes import Place, StackedProbes
from ..structural.tree_batches import tree_batches

_SENTENCES = 20
"""Sentences per step when trees are learnt, as `structural` has them."""


@dataclass(frozen=True)
class Training:
    """How readers are trained.

    Attributes:
        state: the hidden state that is read.
        seeds: of the initial weights [S].
        rates: learning rates that are tried.
        epochs: maximum number of passes over the training part.
        order: seed of the order of texts.
        device: where training runs.
        progress: called with (epochs done, maximum).
        notes: receives the chosen rates.
    """

    state: int
    seeds: Sequence[int]
    rates: Sequence[float]
    epochs: int
    order: int
    device: torch.device
    progress: Progress | None
    notes: dict[str, int | float | str]

    @property
    def each(self) -> list[tuple[int, float]]:
        """Seed and rate of everything that is trained."""
        return [(seed, rate) for seed in self.seeds for rate in self.rates]

    def chosen(self, name: str, courses: Sequence[Course]) -> list[int]:
        """Places of those with the best rate, by seed."""
        [places] = best_rates(courses, [name] * len(courses)).values()
        self.notes[f"{name}_rate"] = courses[places[0]].lr
        self.notes[f"{name}_epochs"] = max(courses[place].best + 1 for place in places)
        return places


def learn_labels(
    name: str, task: str, classes: WordClasses, train: WordStates, dev: WordStates,
    training: Training,
) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
    """Weights [S, D, K] and biases [S, K] of linear classifiers of words.

    Args:
        name: of the probe, for errors and notes.
        task: a property of words.
        classes: its K labels.
        train: states to learn from.
        dev: states that stop training and choose the rate.
        training: how.

    Raises:
        InputError: if dev has none of the labels, or states contain NaN or infinity.
    """
    gold = classes.numbers(labels_of(train, task))
    checked = classes.known_numbers(labels_of(dev, task), task, "dev", where=name)
    form = Form(train.width, len(classes.names))
    readouts = Readouts(form, [seed for seed, _ in training.each], training.device)
    layers, device = [training.state], training.device
    courses = fit(
        WordReadouts(readouts, [0] * len(training.each)),
        lambda epoch: word_batches(
            train, gold, layers, seed=(training.order, epoch), device=device
        ),
        lambda: word_batches(dev, checked, layers, device=device),
        Schedule(epochs=training.epochs, factor=0.5, patience=4),
        rates=[rate for _, rate in training.each],
        progress=training.progress,
    )
    learnt = [readouts.parameters()[one] for one in training.chosen(f"{name}_{task}", courses)]
    weight, bias = (torch.stack(parts).detach() for parts in zip(*learnt, strict=True))
    return weight, bias


def learn_trees(
    name: str, rank: int, train: WordStates, dev: WordStates, training: Training
) -> torch.Tensor:
    """Matrices [S, D, k] of distance probes, as `structural` learns them.

    Args:
        name: of the probe, for notes.
        rank: k.
        train: states to learn from.
        dev: states that stop training and choose the rate.
        training: how.
    """
    state, device = training.state, training.device
    places = [Place("distance", state, rank, seed, rate) for seed, rate in training.each]
    stack = StackedProbes(places, train.width, device)
    learnt, checked = gold_trees(train), gold_trees(dev)
    courses = fit(
        stack,
        lambda epoch: tree_batches(
            train, learnt, sentences=_SENTENCES, seed=(training.order, epoch), device=device
        ),
        lambda: tree_batches(dev, checked, sentences=_SENTENCES, device=device),
        Schedule(epochs=training.epochs),
        rates=[place.lr for place in places],
        progress=training.progress,
    )  # fmt: skip
    every = stack.matrices()
    return torch.stack([every[one] for one in training.chosen(f"{name}_tree", courses)])


def as_arrays(tensors: Mapping[str, torch.Tensor]) -> Arrays:
    """Tensors by name, as a result keeps them."""
    return {name: one.double().cpu().numpy() for name, one in tensors.items()}


def from_arrays(
    name: str, whole: Arrays, shapes: Mapping[str, tuple[int, ...]], device: torch.device
) -> dict[str, torch.Tensor]:
    """The tensors of the full model.

    Args:
        name: of the probe, for errors.
        whole: its arrays.
        shapes: name -> shape of one seed's.
        device: where they go.

    Raises:
        ConfigError: if one is missing, or has another shape.
    """
    found = {}
    for key, shape in shapes.items():
        array = whole.get(key)
        if array is None or array.shape[1:] != shape:
            raise ConfigError(
                f"the full model has no {key} of shape {list(shape)}",
                where=name,
                remedy="probe the full model with the same options",
            )
        found[key] = torch.from_numpy(np.asarray(array, dtype=np.float32)).to(device)
    return found
