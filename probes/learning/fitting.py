"""Train several probes at once on the same batches, each with its own learning rate and stopping.

The losses of P probes are summed, so that each gets the gradient that it would get alone, and Adam
works element by element: training them together gives what training each alone would give, makes
batches, labels and masks once, and takes one step for all probes that have the same learning rate.
A probe that has stopped leaves the stack.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import torch
from torch.nn.utils import clip_grad_norm_
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau
from transformers import get_linear_schedule_with_warmup

from ...data.errors import InputError

Batch = TypeVar("Batch")
Contra = TypeVar("Contra", contravariant=True)


@dataclass(frozen=True)
class Schedule:
    """How probes are trained (the defaults are those of Hewitt & Manning 2019).

    Attributes:
        epochs: maximum number of passes over the training part.
        lr: Adam's learning rate, where a probe has none of its own.
        weight_decay: of Adam.
        factor: factor by which the rate is multiplied when the dev loss has not improved.
        lr_patience: number of epochs without improvement before that.
        patience: number of epochs without improvement after which a probe stops.
        min_gain: minimum improvement of the dev loss.
        warmup: share of all steps in which the rate rises from 0 before it falls linearly to 0 at
            the last; None = it falls by `factor` when the dev loss has not improved.
        steps: number of steps per epoch; needed for `warmup`.
        clip: maximum gradient norm of a probe; 0 = no clipping.
    """

    epochs: int = 40
    lr: float = 1e-3
    weight_decay: float = 0.0
    factor: float = 0.1
    lr_patience: int = 0
    patience: int = 5
    min_gain: float = 1e-4
    warmup: float | None = None
    steps: int = 0
    clip: float = 0.0


@dataclass(frozen=True)
class Course:
    """The course of training of one probe.

    Attributes:
        lr: the initial learning rate.
        dev_losses: the mean loss on the dev part after each epoch.
        best: the epoch whose weights were kept, counted from 0.
    """

    lr: float
    dev_losses: tuple[float, ...]
    best: int

    @property
    def loss(self) -> float:
        """The dev loss of the weights that were kept."""
        return self.dev_losses[self.best]


class Stack(Protocol[Contra]):
    """P probes that read the same batches."""

    def parameters(self) -> Sequence[Sequence[torch.Tensor]]:
        """The tensors of each of the P probes, leaves that require a gradient."""

    def losses(self, active: Sequence[int], batch: Contra) -> torch.Tensor:
        """Mean loss of each active probe on a batch [len(active)]."""

    def size(self, batch: Contra) -> int | torch.Tensor:
        """How many things the mean of a batch is over, or how many it is for each probe [P].

        The dev loss is weighted by it. A batch with nothing for a probe leaves it as it is.
        """


@dataclass
class _State:
    """One probe in training.

    Attributes:
        plateau: lowers the rate of the only group of `rate`, an optimiser that takes no steps: the
            library's scheduler changes the rates of all groups of its optimiser alike.
    """

    parameters: Sequence[torch.Tensor]
    rate: SGD
    plateau: ReduceLROnPlateau
    lr: float
    losses: list[float]
    best: int
    kept: list[torch.Tensor]


def fit(
    stack: Stack[Batch],
    train: Callable[[int], Iterable[Batch]],
    dev: Callable[[], Iterable[Batch]],
    schedule: Schedule,
    *,
    rates: Sequence[float] = (),
    progress: Callable[[int, int], None] | None = None,
) -> list[Course]:
    """Train P probes; each is left with the weights of its best epoch.

    Args:
        stack: the probes.
        train: makes the batches of an epoch, counted from 0, in the order of that epoch.
        dev: makes the batches of the dev part.
        schedule: how.
        rates: the learning rate of each of the P probes; empty = `schedule.lr`.
        progress: called with (epochs done, maximum).

    Returns:
        the course of training of each of the P probes.

    Raises:
        InputError: if there is nothing to learn from or to stop by, or the loss of a probe is NaN
            or infinite in its first epoch.
    """
    with torch.inference_mode(False), torch.enable_grad():
        states = _begin(stack, schedule, rates)
        active = list(range(len(states)))
        optimiser = Adam(_groups(states), weight_decay=schedule.weight_decay, fused=True)
        rising = _rising(optimiser, schedule)
        for epoch in range(schedule.epochs):
            batch = None
            for batch in train(epoch):
                optimiser.zero_grad(set_to_none=True)
                summed = stack.losses(active, batch).sum()
                if summed.requires_grad:  # else the batch has nothing for those still learning
                    summed.backward()  # type: ignore[no-untyped-call]
                if schedule.clip:
                    for place in active:
                        clip_grad_norm_(states[place].parameters, schedule.clip)
                optimiser.step()
                if rising is not None:
                    rising.step()
            if batch is None:
                raise _nothing("learn from")
            with torch.no_grad():
                found = _mean_losses(stack, active, dev())
            for place, loss in zip(active, found, strict=True):
                _learn(states[place], loss, schedule)
            active = [place for place in active if not _ended(states[place], schedule)]
            if progress is not None:
                progress(schedule.epochs if not active else epoch + 1, schedule.epochs)
            if not active:
                break
            if rising is None:
                _regroup(optimiser, [states[place] for place in active])
        with torch.no_grad():
            for state in states:
                for parameter, kept in zip(state.parameters, state.kept, strict=True):
                    parameter.copy_(kept)
    return [Course(one.lr, tuple(one.losses), one.best) for one in states]


def _begin(stack: Stack[Batch], schedule: Schedule, rates: Sequence[float]) -> list[_State]:
    states: list[_State] = []
    for place, parameters in enumerate(stack.parameters()):
        lr = rates[place] if rates else schedule.lr
        rate = SGD([torch.zeros(0)], lr=lr)
        plateau = ReduceLROnPlateau(rate, factor=schedule.factor, patience=schedule.lr_patience)
        kept = [one.detach().clone() for one in parameters]
        states.append(_State(parameters, rate, plateau, lr, [], 0, kept))
    return states


def _groups(states: Sequence[_State]) -> list[dict[str, Any]]:
    """The parameters of probes by their present rate: a step is one call for each rate."""
    by_rate: dict[float, list[torch.Tensor]] = {}
    for state in states:
        by_rate.setdefault(state.rate.param_groups[0]["lr"], []).extend(state.parameters)
    return [{"lr": lr, "params": parameters} for lr, parameters in by_rate.items()]


def _regroup(optimiser: Adam, states: Sequence[_State]) -> None:
    """Let an optimiser step these probes alone, at their present rates; its moments stay."""
    optimiser.param_groups.clear()
    for group in _groups(states):
        optimiser.add_param_group(group)


def _rising(optimiser: Adam, schedule: Schedule) -> LambdaLR | None:
    """The scheduler of a rate that each step changes, if there is a warm-up."""
    if schedule.warmup is None:
        return None
    steps = schedule.steps * schedule.epochs
    # the library compares the number of a step with it, which need not be whole
    rising: Any = schedule.warmup * steps
    found: LambdaLR = get_linear_schedule_with_warmup(optimiser, rising, steps)
    return found


def _mean_losses(
    stack: Stack[Batch], active: Sequence[int], batches: Iterable[Batch]
) -> list[float]:
    """Mean dev loss of each active probe; 0 for one that has nothing there, where others have.

    Raises:
        InputError: if there is nothing for any of them.
    """
    total, count = torch.zeros(2, len(active), dtype=torch.float64)
    for batch in batches:
        size = torch.as_tensor(stack.size(batch), dtype=torch.float64)
        size = size[list(active)] if size.ndim else size
        total += stack.losses(active, batch).double().cpu() * size
        count += size
    if not count.any():
        raise _nothing("stop training by")
    return [float(one) for one in total / count.clamp(min=1)]


def _nothing(what: str) -> InputError:
    return InputError(
        f"a probe has nothing to {what}: no word of the part has a label",
        remedy="name a larger part, or one with this annotation",
    )


def _learn(state: _State, loss: float, schedule: Schedule) -> None:
    """Note the dev loss of an epoch, keep the weights if they are the best yet, set the rate.

    Raises:
        InputError: if the first loss is NaN or infinite, as there are no weights to return to.
    """
    if not math.isfinite(loss) and not state.losses:
        raise InputError(
            "the loss of a probe is NaN or infinite in its first epoch",
            remedy="check that the model's hidden states are finite, or lower the learning rate",
        )
    state.losses.append(loss)
    if len(state.losses) == 1 or loss < state.losses[state.best] - schedule.min_gain:
        state.best = len(state.losses) - 1
        state.kept = [one.detach().clone() for one in state.parameters]
    if schedule.warmup is None:
        state.plateau.step(loss)


def _ended(state: _State, schedule: Schedule) -> bool:
    return len(state.losses) - 1 - state.best >= schedule.patience
