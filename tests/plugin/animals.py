"""A task: does a sentence speak of an animal?"""

from __future__ import annotations

from subprobe.data.sentences.sentence import Example, plain_sentence
from subprobe.data.tasks.plugin_tasks import TaskEntry
from subprobe.data.tasks.task import TaskSpec

NOUNS = ("cat", "table", "dog", "house", "fox", "envelope")
VERBS = ("saw", "liked", "followed", "drew", "wanted", "found", "lost", "missed")


def examples(split: str, names: tuple[str, ...]) -> list[Example]:
    """Every name with every verb and noun."""
    texts = [f"{name} {verb} the {noun}." for name in names for verb in VERBS for noun in NOUNS]
    return [
        Example(f"{split}-{n}", plain_sentence(f"{split}-{n}/1", text), label=1 - n % 2)
        for n, text in enumerate(texts)
    ]


def read() -> dict[str, list[Example]]:
    """Labelled examples of each split."""
    return {
        "train": examples("train", ("Mary", "John")),
        "validation": examples("validation", ("Anna",)),
        "test": examples("test", ("Peter",)),
    }


ENTRY = TaskEntry(
    TaskSpec(
        name="animals",
        labels=("thing", "animal"),
        metric="accuracy",
        metrics=("accuracy", "matthews"),
        pair=False,
        report_split="test",
    ),
    read,
)
