"""Classifiers of many tasks on every state, trained together, and their test predictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ..forward.shared_pass import Progress
from ..learning.chosen_rates import best_rates
from ..learning.fitting import Course, Schedule, fit
from ..learning.joint_readouts import JointReadouts, case_batches
from ..learning.readouts import Form, Readouts
from ..learning.word_batches import WordReadouts
from ..states.word_states import WordStates
from .questions import Question

OWN, TRANSFERRED = "own", "transferred"
"""The states that classifiers were trained on: those that they read, or the full model's."""
NUMBERS_AT_ONCE = 8_000_000
"""Weights of classifiers that are trained at the same time; training holds several copies."""


@dataclass(frozen=True)
class Shape:
    """The form of classifiers: linear, with a hidden layer, or of low rank.

    Attributes:
        hidden: units of the hidden layer; 0 = none.
        rank: of the weights; 0 = full.
    """

    hidden: int = 0
    rank: int = 0

    @property
    def said(self) -> str:
        """What follows the variant of its rows."""
        hidden = f";hidden={self.hidden}" if self.hidden else ""
        return hidden + (f";rank={self.rank}" if self.rank else "")


@dataclass(frozen=True)
class Plan:
    """How many classifiers there are of a task and a state, and how they are trained.

    Attributes:
        seeds: of the initial weights [S].
        rates: learning rates that are tried [R].
        schedule: of training.
        order: seed of the order of texts.
    """

    seeds: tuple[int, ...]
    rates: tuple[float, ...]
    schedule: Schedule
    order: int = 0


@dataclass(frozen=True)
class Answers:
    """The predictions of the classifiers of one task and shape, for each of U states and S seeds.

    Attributes:
        question: the task.
        shape: of the classifiers.
        predicted: class of each of N test cases [U, S, N].
        courses: the training of the classifier with the rate that had the lowest dev loss [U][S].
        weights: of these classifiers, [U, S, ...] for each of their tensors, where they are kept.
        asked: `own`, or `transferred` where they were trained on the states of the full model.
    """

    question: Question
    shape: Shape
    predicted: npt.NDArray[np.int16]
    courses: tuple[tuple[Course, ...], ...] = ()
    weights: tuple[npt.NDArray[np.float64], ...] = ()
    asked: str = OWN

    @property
    def variant(self) -> str:
        """Its variant in rows and items."""
        return f"{self.asked}{self.shape.said}"

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Whether each is right [U, S, N]."""
        found: npt.NDArray[np.bool_] = self.predicted == self.question.test.gold
        return found

    def said(self) -> dict[str, str]:
        """What notes say: rate and best epoch by state, of one seed after the other."""
        by_seed = list(zip(*self.courses, strict=True))
        rates = [" ".join(f"{one.lr:g}" for one in of) for of in by_seed]
        epochs = [" ".join(str(one.best + 1) for one in of) for of in by_seed]
        return {"rates": " | ".join(rates), "epochs": " | ".join(epochs)}


def answers_to(
    questions: Sequence[Question],
    shapes: Sequence[Shape],
    parts: Mapping[str, WordStates],
    plan: Plan,
    *,
    device: torch.device | None = None,
    progress: Progress | None = None,
    keep_weights: bool = False,
) -> list[Answers]:
    """Learn every task on every state, in every shape, and answer its test cases.

    Args:
        questions: the tasks.
        shapes: of classifiers.
        parts: the states of each part.
        plan: seeds, rates and schedule.
        device: where classifiers live.
        progress: called with (epochs done, maximum).
        keep_weights: whether answers have the weights of classifiers.

    Returns:
        for each shape the answers to each task, in order.

    Raises:
        InputError: if states contain NaN or infinity.
    """
    states = parts["train"]
    asked = [(question, shape) for shape in shapes for question in questions]
    groups = list(_groups(asked, states, plan))
    found: list[Answers] = []
    for number, group in enumerate(groups):

        def passed(done: int, of: int, number: int = number) -> None:
            if progress is not None:
                progress(number * of + done, len(groups) * of)

        found += _learnt(group, parts, plan, device, passed, keep_weights=keep_weights)
    return found


Asked = tuple[Question, Shape]


def _groups(asked: Sequence[Asked], states: WordStates, plan: Plan) -> Iterator[list[Asked]]:
    """Tasks that are learnt at the same time."""
    group, held = list[Asked](), 0
    copies = states.num_states * len(plan.seeds) * len(plan.rates)
    for question, shape in asked:
        width, classes = question.width(states.width), question.known
        inner = shape.hidden or shape.rank
        numbers = copies * (inner * (width + classes) if inner else width * classes)
        if group and held + numbers > NUMBERS_AT_ONCE:
            yield group
            group, held = [], 0
        group.append((question, shape))
        held += numbers
    if group:
        yield group


def _learnt(
    group: Sequence[Asked],
    parts: Mapping[str, WordStates],
    plan: Plan,
    device: torch.device | None,
    progress: Progress,
    *,
    keep_weights: bool,
) -> list[Answers]:
    width, layers = parts["train"].width, list(range(parts["train"].num_states))
    # of a task: state by state, on each seed by seed, with each rate by rate
    each = [(u, s, r) for u in layers for s in plan.seeds for r in plan.rates]
    tasks = []
    for question, shape in group:
        form = Form(question.width(width), question.known, shape.hidden, shape.rank)
        readouts = Readouts(form, [seed for _, seed, _ in each], device)
        tasks.append(WordReadouts(readouts, [layer for layer, _, _ in each]))
    joint = JointReadouts(tasks)
    learnt, stopping = ([getattr(question, part) for question, _ in group]
                        for part in ("train", "dev"))  # fmt: skip
    courses = fit(
        joint,
        lambda epoch: case_batches(
            parts["train"], learnt, layers, seed=(plan.order, epoch), device=device
        ),
        lambda: case_batches(parts["dev"], stopping, layers, device=device),
        plan.schedule,
        rates=[rate for _ in group for _, _, rate in each],
        progress=progress,
    )
    purposes = [(u, s) for u, s, _ in each]
    chosen = [
        [place for [place] in best_rates(own, purposes).values()]
        for own in (courses[k * len(each) : (k + 1) * len(each)] for k in range(len(group)))
    ]
    said = predicted_classes(
        joint, [question for question, _ in group], chosen, parts["test"], layers, device
    )
    shaped = len(layers), len(plan.seeds)
    return [
        Answers(
            question, shape, predicted.reshape(*shaped, -1),
            tuple(
                tuple(courses[k * len(each) + place] for place in places)
                for places in np.reshape(chosen[k], shaped).tolist()
            ),
            _weights(tasks[k], chosen[k], shaped) if keep_weights else (),
        )
        for k, ((question, shape), predicted) in enumerate(zip(group, said, strict=True))
    ]  # fmt: skip


def _weights(
    task: WordReadouts, chosen: Sequence[int], shaped: tuple[int, int]
) -> tuple[npt.NDArray[np.float64], ...]:
    """The tensors of the chosen classifiers, each as [U, S, ...]."""
    every = [task.parameters()[place] for place in chosen]
    stacks = (torch.stack(list(of)).detach().double().cpu() for of in zip(*every, strict=True))
    return tuple(one.reshape(*shaped, *one.shape[1:]).numpy() for one in stacks)


def predicted_classes(
    joint: JointReadouts,
    questions: Sequence[Question],
    chosen: Sequence[Sequence[int]],
    states: WordStates,
    layers: Sequence[int],
    device: torch.device | None,
) -> list[npt.NDArray[np.int16]]:
    """The classes that the chosen classifiers of each task give to its test cases [chosen, N].

    Args:
        joint: the classifiers.
        questions: their tasks.
        chosen: the places of those that are asked, of each task.
        states: of the test part.
        layers: the states that are read.
        device: where classifiers live.
    """
    said: list[list[npt.NDArray[np.int16]]] = [
        [np.empty((len(places), 0), np.int16)] for places in chosen
    ]
    tests = [question.test for question in questions]
    with torch.inference_mode():
        for batch in case_batches(states, tests, layers, device=device):
            for k, part in enumerate(batch):
                if part is not None:
                    classes = joint.tasks[k].logits(chosen[k], part).argmax(dim=-1)
                    said[k].append(classes.cpu().numpy().astype(np.int16))
    return [np.concatenate(parts, axis=1) for parts in said]
