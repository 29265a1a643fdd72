"""Load the fine-tuned model that a command names, with its task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..options import tell


def open_for_task(
    model: str,
    choice: Any,
    *,
    labels: Sequence[str] | None,
    max_length: int,
    limit: int,
    device: str,
    allow_no_specials: bool,
    progress: Any,
    quiet: bool,
    selection: str = "",
) -> Any:
    """Load a fine-tuned model with its task, and report anything unusual.

    Returns:
        the model and its task (`Loaded`).
    """
    from ...analysis.single.loaded import load_for_task
    from ...data.tasks.class_order import parse_pairs

    loaded = load_for_task(
        model,
        choice,
        selection=selection,
        labels=parse_pairs(labels or ()),
        max_length=max_length,
        limit=limit,
        device=device,
        allow_no_specials=allow_no_specials,
        progress=progress,
    )
    tell(() if quiet else loaded.told)
    return loaded
