"""Score a training at a fixed interval, and stop it early by a rule that is set in advance.

The model is scored on the selection examples at a fixed interval of steps. The training ends after
`patience` consecutive scores that do not exceed the best previous one; with a patience of 0 it
never ends early, and the scores are only recorded. Ties and NaN do not exceed the best. The weights
of the last step are used, as in a training without early stopping.
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
    """Check that there are selection examples if a training is scored on them.

    Raises:
        ConfigError: if there are no selection examples.
    """
    for name, needs in (("patience", "early stopping"), ("evaluate_every", "the curve of scores")):
        if getattr(recipe, name) and not parts.selection:
            raise ConfigError(
                f"{needs} needs selection examples, and there are none",
                where=f"`recipe.{name}`",
                remedy="set it to 0",
            )


def selection_score(
    model: Any, tokenizer: Any, parts: TaskParts, max_length: int
) -> Callable[[], float]:
    """A function that scores a model by the task's primary metric, in the model's precision."""

    def score() -> float:
        with without_autocast(model):
            found = evaluate(model, tokenizer, parts.selection, parts.spec, max_length=max_length)
        return found.metrics[parts.spec.metric]

    return score


class EarlyStopping(TrainerCallback):  # type: ignore[misc]
    """Callback that scores a model during training and may stop the training early.

    The score is computed in `on_step_end`, also at the end of an epoch, so that later callbacks,
    such as the one that writes checkpoints, see the complete state.

    Args:
        score: returns the current score of the model; higher is better. It must not change the
            random state.
        every: number of steps between two scores.
        patience: number of consecutive scores without a new best after which the training ends;
            0 = it never does.
        scores: scores of previous steps, if a training is resumed.
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
        """Whether the training was stopped."""

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Called by Trainer after each optimiser step."""
        if state.global_step % self._every or state.global_step == state.max_steps:
            return
        self.scores.append((state.global_step, self._score()))
        since = without_progress([score for _, score in self.scores])
        if self._patience and since >= self._patience:
            self.stopped = control.should_training_stop = True


def without_progress(scores: Sequence[float]) -> int:
    """Number of final scores that do not exceed the best score before them."""
    best, since = -math.inf, 0
    for score in scores:
        if score > best:
            best, since = score, 0
        else:
            since += 1
    return since
