"""The classifiers of a full model, kept as arrays and read on the states of its subnetworks."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import torch

from ...data.errors import ConfigError
from ..learning.joint_readouts import JointReadouts
from ..learning.learning import Arrays
from ..learning.readouts import Form, Readouts
from ..learning.word_batches import WordReadouts
from ..states.word_states import WordStates
from .answers import TRANSFERRED, Answers, Shape, predicted_classes
from .questions import Question

PROBE = "tokens"


def classifier_arrays(answered: Sequence[Answers]) -> Arrays:
    """The weights of classifiers, and of which labels they are, by name.

    Args:
        answered: answers with their weights.
    """
    found = {}
    for one in answered:
        name = _name(one.question, one.shape)
        found[f"{name}_labels"] = _labels(one.question)
        found |= {f"{name}_{number}": tensor for number, tensor in enumerate(one.weights)}
    return found


def transferred_answers(
    questions: Sequence[Question],
    shapes: Sequence[Shape],
    whole: Arrays,
    states: WordStates,
    *,
    seeds: int,
    device: torch.device | None = None,
) -> list[Answers]:
    """Predictions of the full model's classifiers for the states of a subnetwork.

    Args:
        questions: the tasks.
        shapes: of classifiers.
        whole: what `classifier_arrays` gave on the full model.
        states: the subnetwork's, of the test part.
        seeds: classifiers of each task and state.
        device: where they live.

    Raises:
        ConfigError: if the full model has none for a task, or they are of other labels, states or
            seeds.
    """
    shaped = states.num_states, seeds
    asked = [(question, shape) for shape in shapes for question in questions]
    tasks = []
    for question, shape in asked:
        form = Form(question.width(states.width), question.known, shape.hidden, shape.rank)
        readouts = Readouts(form, [0] * (shaped[0] * seeds), device)
        _hold(readouts, _read(whole, question, shape), shaped, question)
        tasks.append(
            WordReadouts(readouts, [layer for layer in range(shaped[0]) for _ in range(seeds)])
        )
    every = [list(range(shaped[0] * seeds))] * len(asked)
    said = predicted_classes(
        JointReadouts(tasks), [question for question, _ in asked], every, states,
        range(shaped[0]), device,
    )  # fmt: skip
    return [
        Answers(question, shape, predicted.reshape(*shaped, -1), asked=TRANSFERRED)
        for (question, shape), predicted in zip(asked, said, strict=True)
    ]


def _name(question: Question, shape: Shape) -> str:
    return f"{PROBE}_{question.name}{shape.said}"


def _labels(question: Question) -> np.ndarray:
    """A number for each label that classifiers know, in their order [K]."""
    known = question.classes[: question.known]
    return np.array([zlib.crc32(label.encode()) for label in known], dtype=np.float64)


def _read(whole: Arrays, question: Question, shape: Shape) -> list[np.ndarray]:
    """The tensors of a task's classifiers; none where they are of other labels, or not there."""
    name = _name(question, shape)
    if not np.array_equal(whole.get(f"{name}_labels", np.empty(0)), _labels(question)):
        return []
    found: list[np.ndarray] = []
    while (one := whole.get(f"{name}_{len(found)}")) is not None:
        found.append(one)
    return found


def _hold(
    readouts: Readouts, tensors: Sequence[np.ndarray], shaped: tuple[int, int], question: Question
) -> None:
    """Put the tensors [U, S, ...] into classifiers.

    Raises:
        ConfigError: if they do not fit.
    """
    own = readouts.parameters()
    wanted = [(*shaped, *one.shape) for one in own[0]]
    if [one.shape for one in tensors] != wanted:
        raise ConfigError(
            f"the full model has no classifiers of {question.name} for {shaped[0]} states, "
            f"{shaped[1]} seeds and these labels",
            where=PROBE,
            remedy="probe the full model with the same texts and options",
        )
    with torch.no_grad():
        for number, tensor in enumerate(tensors):
            flat = torch.from_numpy(tensor).reshape(-1, *tensor.shape[2:])
            for place, values in enumerate(flat):
                own[place][number].copy_(values)
