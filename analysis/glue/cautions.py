"""What a reader must know about a task before trusting its scores."""

from __future__ import annotations

from collections.abc import Iterable

WNLI = "wnli"
_CAUTIONS = {
    WNLI: "wnli has 71 validation pairs, of which 65 share their first text with training pairs "
    "that mostly have the other label: a model that learns the training pairs by heart scores far "
    "below the majority baseline (.563), which most models only equal. Its scores do not show what "
    "a subnetwork knows."
}


def cautions_of(tasks: Iterable[str]) -> list[str]:
    """The caution of each of these tasks that has one."""
    return [_CAUTIONS[task] for task in dict.fromkeys(tasks) if task in _CAUTIONS]
