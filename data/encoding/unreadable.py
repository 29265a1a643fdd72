"""Remove examples without any subword, which occur with tokenizers that add no special tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..sentences.sentence import Example
from ..tasks.task import UNREADABLE, Reading, TaskData
from .literal import encode_literally


def without_unreadable(data: TaskData, tokenizer: Any) -> tuple[TaskData, int]:
    """Remove the examples without any subword from a task; return it and the number removed.

    With a tokenizer that adds special tokens nothing is removed, because an empty text still has
    these. The readings of the task record the number under `UNREADABLE`.
    """
    if encode_literally(tokenizer, [""], pre_split=False, max_length=99)[0].whole.ids:
        return data, 0
    splits, readings, lost = {}, dict(data.readings), 0
    for split, examples in data.splits.items():
        splits[split] = tuple(one for one in examples if _has_subwords(tokenizer, one))
        missing = len(examples) - len(splits[split])
        if missing:
            read = readings.get(split) or Reading((data.source,), len(examples), {})
            readings[split] = replace(read, left_out={**read.left_out, UNREADABLE: missing})
            lost += missing
    return replace(data, splits=splits, readings=readings), lost


def _has_subwords(tokenizer: Any, example: Example) -> bool:
    found = encode_literally(tokenizer, example.texts(), pre_split=False, max_length=99)
    return any(one.whole.ids for one in found)
