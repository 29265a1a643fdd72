"""Examples that have no subword at all under a tokenizer without special tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..sentences.sentence import Example
from ..tasks.task import UNREADABLE, Reading, TaskData
from .literal import encode_literally


def without_unreadable(data: TaskData, tokenizer: Any) -> tuple[TaskData, int]:
    """The task without the examples that have no subword at all, and the number of these.

    An empty text still has its special tokens, so that there are none unless the tokenizer adds no
    special token. The readings count them under `UNREADABLE`.
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
