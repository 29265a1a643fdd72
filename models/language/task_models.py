"""Loading the model of a task: a classifier, a regressor, or another head."""

from __future__ import annotations

from typing import Any

from ...data.tasks.class_order import Pairs
from ...data.tasks.task import TaskSpec
from ..checkpoint.checkpoint import load_classifier
from ..checkpoint.choice_models import load_choice_model
from .loading import load_language_model


def load_task_model(
    name: str,
    spec: TaskSpec,
    *,
    attention: str = "sdpa",
    new_head: bool = False,
    seed: int = 0,
    labels: Pairs = (),
    any_task: bool = False,
) -> Any:
    """Load a model with the head that a task needs, in eval mode.

    Args:
        name: see `resolve_model`.
        spec: the task.
        attention: `sdpa` or `eager`; a family without sdpa always gets eager.
        new_head: give the encoder a new head, initialised by `seed`. A masked-LM head that the
            checkpoint has is kept: it is no head of another task.
        seed: the init seed.
        labels: see `load_classifier`.
        any_task: see `load_classifier`.

    Raises:
        CheckpointError, ConfigError, UnknownNameError: as `load_classifier`, and for a masked task
            as `load_language_model`; for a multiple-choice task as `load_choice_model`.
    """
    if spec.masked:
        return load_language_model(name, attention=attention, new_head=new_head, seed=seed)
    make = load_choice_model if spec.choices else load_classifier
    return make(
        name, spec, attention=attention, new_head=new_head, seed=seed, labels=labels,
        any_task=any_task,
    )  # fmt: skip
