"""The inputs of every benchmark: the embedded encoder and generated sentences with gold trees."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from subprobe.data.encoding.collate import text_batches
from subprobe.data.sentences.sentence import Example
from subprobe.data.tasks.by_name import load_task
from subprobe.models.checkpoint.checkpoint import load_classifier, load_encoder, load_tokenizer

MODEL = "embedded"


@dataclass(frozen=True)
class Ground:
    """A task model, its tokenizer, and examples.

    Attributes:
        model: classifier in eval mode.
        tokenizer: its tokenizer.
        examples: task examples.
        batches: the same, in batches of 32.
    """

    model: Any
    tokenizer: Any
    examples: tuple[Example, ...]
    batches: list[Any]


@cache
def examples(count: int) -> tuple[Example, ...]:
    """Sentences of the task `acceptability`, with their gold trees."""
    sizes = {"train": -(-count // 4) * 4, "validation": 4, "test": 4}
    return load_task("acceptability", sizes=sizes).splits["train"][:count]


def ground(count: int) -> Ground:
    """A fresh task model and `count` examples."""
    spec = load_task("acceptability", sizes={"train": 4, "validation": 4, "test": 4}).spec
    tokenizer = load_tokenizer(MODEL)
    model = load_classifier(MODEL, spec, new_head=True, seed=0)
    chosen = examples(count)
    batches = list(text_batches(tokenizer, chosen, batch_size=32, max_length=64))
    return Ground(model, tokenizer, chosen, batches)


def encoder() -> tuple[Any, Any]:
    """The bare encoder and its tokenizer."""
    return load_encoder(MODEL), load_tokenizer(MODEL)
