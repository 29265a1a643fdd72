"""Multiple-choice questions for tests: generated ones, and files in the format of QuAIL."""

import json
from pathlib import Path
from typing import Any

from subprobe.data.choices.choice_batches import choice_batches
from subprobe.data.sentences.sentence import Example, plain_sentence
from subprobe.data.tasks.choices.generated import READING, reading
from subprobe.data.tasks.task import TaskParts
from tiny import TOKENIZER_OF, tiny_model, tiny_tokenizer

WITH_HEAD = (
    "bert", "roberta", "xlm-roberta", "camembert", "electra", "distilbert", "mpnet", "deberta-v2",
    "albert", "modernbert",
)  # fmt: skip
"""Families for which transformers has a multiple-choice head: all but the first DeBERTa."""


def questions(count: int = 8) -> tuple[Example, ...]:
    """The first generated questions; the texts have different lengths."""
    found = list(reading(0, {"train": -(-count // 4) * 4})["train"][:count])
    for place in range(0, count, 3):
        one = found[place]
        longer = plain_sentence(one.first.id, f"{one.first.raw_text()} A dog.")
        found[place] = one.with_sentences(longer, one.second)
    return tuple(found)


def question_parts(train: int = 48, report: int = 16) -> TaskParts:
    """The generated task, small."""
    found = reading(0, {"train": train, "validation": report, "test": report})
    return TaskParts(
        READING, found["train"], found["validation"], found["test"], "validation", "test"
    )


def chooser(family: str = "bert", **options: Any) -> tuple[Any, Any]:
    """A tiny random multiple-choice model with room for the questions, and its tokenizer."""
    model = tiny_model(family, "choice", num_labels=1, **{"positions": 192, **options})
    return model, tiny_tokenizer(TOKENIZER_OF[family])


def batches_of(tokenizer: Any, examples: tuple[Example, ...], size: int, length: int = 192) -> Any:
    """Their batches."""
    return choice_batches(tokenizer, examples, batch_size=size, max_length=length)


def quail_rows(count: int = 12, *, contexts: int = 3, options: int = 4) -> list[dict[str, Any]]:
    """Rows with the keys of QuAIL 1.3."""
    kinds = ("Causality", "Unanswerable", "Factual")
    return [
        {
            "id": f"f{place % contexts:03}_{place}",
            "question_type": kinds[place % len(kinds)],
            "question": f"What did the dog number {place} see?",
            "answers": [f"the {word} {place}" for word in ("cat", "fox", "bird", "cow")[:options]],
            "correct_answer_id": str(place % options),
            "metadata": {"title": "none"},
            "domain": "fiction",
            "context_id": f"f{place % contexts:03}",
            "context": f"Text {place % contexts}. The dog saw an animal.\nIt slept.",
        }
        for place in range(count)
    ]


def write_quail(folder: Path, **changed: list[dict[str, Any]]) -> Path:
    """Write `train.jsonl`, `dev.jsonl` and `challenge.jsonl`; `changed` gives other rows."""
    folder.mkdir(parents=True, exist_ok=True)
    for split in ("train", "dev", "challenge"):
        rows = changed.get(split, quail_rows())
        text = "".join(f"{json.dumps(row)}\n" for row in rows)
        (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")
    return folder
