"""The examples of a task, and the length of a text, that a model can read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...data.encoding.unreadable import without_unreadable
from ...data.tasks.task import TaskData
from ...models.folder.text_lengths import USUAL_LENGTH
from .progress import Progress


def recorded_length(meta: Mapping[str, Any]) -> int:
    """The length that a model was fine-tuned with, by its folder's record, else 128."""
    return int(meta.get("recipe", {}).get("max_length", USUAL_LENGTH))


def readable(data: TaskData, tokenizer: Any, progress: Progress) -> TaskData:
    """The task without examples that have no subwords; their number is reported."""
    data, lost = without_unreadable(data, tokenizer)
    if lost:
        progress.say(f"{lost} examples left out: without special tokens they have no subwords")
    return data
