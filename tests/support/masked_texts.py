"""Texts to mask, as examples and as parts of the task `mlm`."""

from __future__ import annotations

from subprobe.data.sentences.sentence import Example, plain_sentence
from subprobe.data.tasks.by_name import MASKED
from subprobe.data.tasks.task import TaskParts
from tiny import CORPUS

PIECES, WORDS = MASKED["mlm"], MASKED["mlmwholeword"]


def masked_examples(count: int, start: int = 0) -> tuple[Example, ...]:
    """Texts of two sentences each, of which 144 differ."""
    pairs = [(a, b) for a in CORPUS for b in CORPUS]
    texts = [" ".join(pairs[place % 144]) for place in range(start, start + count)]
    return tuple(
        Example(f"t{place}", plain_sentence(f"t{place}", text)) for place, text in enumerate(texts)
    )


def masked_parts(train: int = 48, report: int = 12) -> TaskParts:
    """Train, selection and report texts."""
    return TaskParts(
        PIECES,
        train=masked_examples(train),
        selection=masked_examples(report, 60),
        report=masked_examples(report, 90),
        selection_name="validation",
        report_name="test",
    )
