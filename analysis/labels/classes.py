"""Tasks with classes, which some measures are about."""

from __future__ import annotations

from ...data.errors import InputError
from ...data.tasks.task import TaskSpec


def check_classes(spec: TaskSpec, what: str) -> None:
    """Raise unless a task has classes.

    Args:
        spec: the task.
        what: what is measured, in the message.

    Raises:
        InputError: naming what its labels are.
    """
    if not spec.labels:
        kind = "masked pieces" if spec.masked else "numbers"
        raise InputError(
            f"{what} needs classes, and the labels of {spec.name} are {kind}",
            remedy="name a task with classes",
        )
