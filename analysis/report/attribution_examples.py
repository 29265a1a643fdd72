"""Real examples of a task, word by word: how much each word carries the prediction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ...data.errors import DataFileError
from ...data.files.reading import reading
from ..running.attributed_words import COLUMNS, FILE
from ..verdict.answer import Answer
from ..wording import MISSING, decimal
from .page_tables import Cell, Table
from .word_shades import Word, shaded

MOST_EXAMPLES = 12
"""Examples on a whole page; each answer shows its share of them."""
_KINDS = ("full", "good", "random", "bad")


def read_word_frame(folder: Path) -> pd.DataFrame | None:
    """The words of a finished run; None where it kept none."""
    path = folder / FILE
    if not path.is_file():
        return None
    text = dict.fromkeys(["model", "task", "method", "kind", "state", "variant", "item_id", "word",
                          "prediction", "gold"], "string")  # fmt: skip
    types = {**text, **dict.fromkeys(["seed", "draw", "sentence", "position"], "int64")}
    with reading(path, problem="is not a table of attributed words"):
        words = pd.read_csv(
            path, dtype=types, keep_default_na=False, na_values={"attribution": [""]}
        )
        values = words["attribution"].astype("float64")
    if "variant" not in words:  # runs of earlier versions had one method
        words["variant"] = ""
    missing = [name for name in COLUMNS if name not in words]
    if missing or not np.isfinite(values).all():
        problem = (
            f"has no column {missing[0]!r}"
            if missing
            else "has an attribution that is not a number"
        )
        raise DataFileError(problem, where=str(path), remedy="run the folder again")
    # a word that a spreadsheet would run as a formula was written behind a quote
    return words.assign(
        attribution=values, word=words["word"].str.replace(r"^'(?=[=+@\t\r-])", "", regex=True)
    )


@dataclass(frozen=True)
class Reading:
    """How one model reads an example."""

    kind: str
    prediction: str
    right: bool
    sentences: tuple[tuple[Word, ...], ...]


@dataclass(frozen=True)
class ShownExample:
    """One example as several models read it, and the numbers behind it."""

    title: str
    gold: str
    readings: tuple[Reading, ...]
    table: Table


def shown_examples(words: pd.DataFrame | None, answer: Answer, count: int) -> list[ShownExample]:
    """Examples of one answer, at equal distances among those that were attributed.

    Args:
        words: what `word_frame` gives; its index counts the lines of the file.
        answer: whose examples.
        count: maximum number of examples.
    """
    if words is None or words.empty:
        return []
    model, task, method = answer.who
    mine = words[(words["model"] == model) & (words["task"] == task) & (words["draw"] == 0)]
    mine = mine[mine["method"].isin([method, "full"]) & mine["kind"].isin(list(_KINDS))]
    if mine.empty:
        return []
    # of several methods the first that was asked for
    variants = mine["variant"].fillna("")
    mine = mine[(mine["seed"] == mine["seed"].min()) & (variants == variants.iloc[0])]
    ids = mine["item_id"].drop_duplicates().tolist()
    step = max(1, len(ids) // count)
    chosen = ids[step // 2 :: step][:count]
    return [_shown(n, mine[mine["item_id"] == one]) for n, one in enumerate(chosen, start=1)]


def _shown(number: int, mine: pd.DataFrame) -> ShownExample:
    kinds = [kind for kind in _KINDS if (mine["kind"] == kind).any()]
    parts = {
        kind: mine[mine["kind"] == kind].sort_values(["sentence", "position"]) for kind in kinds
    }
    first = parts[kinds[0]]
    return ShownExample(
        f"Example {number}",
        str(first["gold"].iloc[0]),
        tuple(_reading(kind, part) for kind, part in parts.items()),
        _numbers(number, parts),
    )


def _reading(kind: str, part: pd.DataFrame) -> Reading:
    largest = float(part["attribution"].abs().max())
    sentences = tuple(
        shaded(zip(one["word"].astype(str), one["attribution"], strict=True), largest)
        for _, one in part.groupby("sentence")
    )
    said, gold = str(part["prediction"].iloc[0]), str(part["gold"].iloc[0])
    return Reading(kind, said, said == gold, sentences)


def _numbers(number: int, parts: dict[str, pd.DataFrame]) -> Table:
    lines: dict[tuple[int, int], list[Cell]] = {}
    first = next(iter(parts.values()))
    for row, sentence, place, word in first[["sentence", "position", "word"]].itertuples(name=None):
        lines[sentence, place] = [Cell(str(word), int(row), "word")]
    for part in parts.values():
        found = {(s, p): (row, value) for row, s, p, value in
                 part[["sentence", "position", "attribution"]].itertuples(name=None)}  # fmt: skip
        for place, line in lines.items():
            row, value = found.get(place, (None, float("nan")))
            line.append(
                Cell(MISSING) if row is None else Cell(decimal(value, 3), int(row), "attribution")
            )
    header = ("word", *parts)
    return Table(
        f"Attribution of each word of example {number}, in logits of the attributed class",
        FILE,
        header,
        ("",) * len(header),
        (None,) * len(lines),
        tuple(tuple(line) for line in lines.values()),
    )


def examples_of(words: pd.DataFrame | None, answers: list[Answer]) -> Iterator[list[ShownExample]]:
    """For each answer the examples that the page shows of it."""
    each = max(1, min(4, MOST_EXAMPLES // max(1, len(answers))))
    for answer in answers[:MOST_EXAMPLES]:
        yield shown_examples(words, answer, each)
    for _ in answers[MOST_EXAMPLES:]:
        yield []
