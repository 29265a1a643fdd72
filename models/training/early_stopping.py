"""Ending a training early, by a rule that is stated before it begins.

The model is scored on the selection examples every so many steps. The training ends once `patience`
scores in a row were no better than the best one before them. Ties are no better, nor is a score
that is not a number. The weights of the last step count, as in a training that is not ended.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from transformers import TrainerCallback

from ...data.errors import ConfigError
from ...data.tasks.task import TaskParts
from .evaluate import evaluate
from .precision import without_autocast
from .recipes import Recipe


def check_selection(recipe: Recipe, parts: TaskParts) -> None:
    """Check that there is something to stop a training by, if it is to be stopped.

    Raises:
        ConfigError: if there are no selection examples.
    """
    if recipe.patience and not parts.selection:
        raise ConfigError(
            "a training is stopped early by its selection examples, and there are none",
            where="`recipe.patience`",
            remedy="give it 0",
        )


def selection_score(
    model: Any, tokenizer: Any, parts: TaskParts, max_length: int
) -> Callable[[], float]:
    """A function that scores a model as it is: the task's primary metric, in its own precision."""

    def score() -> float:
        with without_autocast(model):
            found = evaluate(model, tokenizer, parts.selection, parts.spec, max_length=max_length)
        return found.metrics[parts.spec.metric]

    return score


class EarlyStopping(TrainerCallback):  # type: ignore[misc]
    """Scores a model while it trains, and ends its training.

    The score is taken in `on_step_end`, also at the end of an epoch: callbacks that come after
    this one, such as the one that writes checkpoints, find the state complete.

    Args:
        score: the model's score now; higher is better. It must leave the random state alone.
        every: steps between two scores.
        patience: scores in a row without a new best that end the training.
        scores: of the steps before those to come, where a training goes on.
    """

    def __init__(
        self,
        score: Callable[[], float],
        *,
        every: int,
        patience: int,
        scores: Iterable[Sequence[float]] = (),
    ):
        self._score, self._every, self._patience = score, every, patience
        self.scores: list[tuple[int, float]] = [(int(step), value) for step, value in scores]
        """Step and score of each evaluation so far."""
        self.stopped = False
        """Whether the training was ended."""

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Called by Trainer after each optimiser step."""
        if state.global_step % self._every or state.global_step == state.max_steps:
            return
        self.scores.append((state.global_step, self._score()))
        if without_progress([score for _, score in self.scores]) >= self._patience:
            self.stopped = control.should_training_stop = True


def without_progress(scores: Sequence[float]) -> int:
    """How many scores at the end are no better than the best one before them."""
    best, since = -math.inf, 0
    for score in scores:
        if score > best:
            best, since = score, 0
        else:
            since += 1
    return since
