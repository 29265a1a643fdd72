"""A small folder of data sets in Holmes's format."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

from tiny import CORPUS

WORDS = sorted({word for line in CORPUS for word in line.split()})


def write_data_set(
    folder: Path, name: str, kind: str, classes: int, rows: list[dict[str, Any]]
) -> Path:
    """Write one data set; rows have `inputs`, `context`, `label` and `set-0`."""
    place = folder / name
    place.mkdir(parents=True)
    (place / "config-none.yaml").write_text(
        f"control_task_type: NONE\nprobe_name: {name}\nnum_labels: {classes}\n"
        f"probe_task_type: {kind}\nnum_probe_folds: 1\n"
    )
    with (place / "samples.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["id", "inputs", "context", "label", "set-0"])
        writer.writeheader()
        for number, row in enumerate(rows):
            context = repr(row["context"]) if row.get("context") else ""
            writer.writerow(
                {"id": number, **row, "inputs": repr(row["inputs"]), "context": context}
            )
    return place


def part_of(number: int, count: int) -> str:
    """Three fifths to learn from, then one for each other part."""
    return "train" if number < count * 3 / 5 else "dev" if number < count * 4 / 5 else "test"


def write_holmes(folder: Path, *, count: int = 40, seed: int = 0) -> Path:
    """One data set of each kind: sentences, numbers of sentences, tokens, spans, pairs."""
    draw = random.Random(seed)
    texts = [" ".join(draw.choice(WORDS) for _ in range(draw.randint(4, 9))) for _ in range(count)]
    parts = [part_of(number, count) for number in range(count)]

    def word(text: str, place: int) -> tuple[str, int, int]:
        words = text.split()
        start = len(" ".join(words[:place])) + (place > 0)
        return words[place], start, start + len(words[place])

    def rows(inputs: Any, label: Any, context: Any = lambda n: None) -> list[dict[str, Any]]:
        return [
            {"inputs": inputs(n), "context": context(n), "label": label(n), "set-0": parts[n]}
            for n in range(count)
        ]

    def token(n: int, place: int, text: int = 0, *group: int) -> tuple[Any, ...]:
        found, start, end = word(texts[(n + text) % count], place)
        return found, text, start, end, *group

    own = lambda n: [texts[n]]  # noqa: E731
    both = lambda n: [texts[n], texts[(n + 1) % count]]  # noqa: E731
    for name, kind, classes, given in (
        ("blimp-passive_1", "SENTENCE", 2, rows(own, lambda n: n % 2)),
        ("flesch", "SENTENCE", 1, rows(own, lambda n: len(texts[n]) / 10)),
        ("upos", "SENTENCE_TOKENS", 3, rows(lambda n: [token(n, 1)],
                                            lambda n: len(texts[n].split()[1]) % 3, own)),
        ("srl", "SENTENCE_SPANS", 2, rows(
            lambda n: [token(n, 0, 0, 0), token(n, 1, 0, 0), token(n, 3, 0, 1)],
            lambda n: n % 2, own)),
        ("SemAntoNeg", "SENTENCE_PAIR_BI", 2, rows(both, lambda n: n % 2)),
        ("discourse-connective", "SENTENCE_PAIR_CROSS", 2, rows(both, lambda n: n % 2)),
        ("coref", "SENTENCE_PAIR_TOKENS_CROSS", 2, rows(
            lambda n: [token(n, 0, 0), token(n, 2, 1)], lambda n: n % 2, both)),
    ):  # fmt: skip
        write_data_set(folder, name, kind, classes, given)
    return folder
