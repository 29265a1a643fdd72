"""Messages about texts that were cut, left out, or read in an unusual way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:  # messages need no Trainer
    from ...data.encoding.collate import TextBatches
    from ...models.training.evaluate import Evaluation
    from ...models.training.finetune import FineTuned

READING = ("texts_read", "texts_wordless", "texts_unlocated", "texts_cut", "pieces_shared")
"""The counts of the texts that probes read; see `probes.texts.Texts`."""


def cut_said(n_cut: int, count: int, max_length: int, what: str = "examples") -> str:
    """How many texts were too long, in words; empty if none was."""
    return f"{n_cut} of {count} {what} were cut at {max_length} subwords" if n_cut else ""


def read_said(
    found: Evaluation | FineTuned | TextBatches,
    count: int,
    max_length: int,
    what: str = "examples",
) -> list[str]:
    """Messages about texts that a task model reads: how many were cut, or have no word piece.

    Args:
        found: counts the examples that were cut, and those with a text without a word piece.
        count: total number of examples.
        max_length: maximum subwords per example.
        what: the plural noun for them.
    """
    lines = [cut_said(found.n_truncated, count, max_length, what)]
    if found.n_wordless:
        lines.append(
            f"{found.n_wordless} of {count} {what} have a text without a word piece; for these, "
            "the model reads only other tokens, such as special tokens"
        )
    return [line for line in lines if line]


def unscored_said(rows: pd.DataFrame) -> list[str]:
    """Messages about probes that scored nothing and therefore have no value in any row.

    This happens if all sentences are the same text: heads are chosen on one half of the corpus and
        scored on the other, and equal sentences stay in one half.
    """
    if rows.empty:
        return []
    unscored = rows["value"].isna() & rows["n"].eq(0)
    dead = rows["flag"].fillna("").str.contains("dead")
    empty = unscored.groupby(rows["probe"]).all() & ~dead.groupby(rows["probe"]).all()
    return [
        f"{probe}: no row has a value because nothing was scored: heads are chosen on one half "
        "of the distinct sentences and scored on the other; use more distinct sentences"
        for probe in sorted(empty.index[empty])
    ]


def reading_of(notes: Mapping[str, Any]) -> dict[str, int]:
    """The counts of the texts that one pass of probes read, from a result's notes."""
    return {name: int(notes[f"n_{name}"]) for name in READING}


def reading_said(
    readings: Mapping[str, Mapping[str, int]], lengths: Mapping[str, int]
) -> list[str]:
    """Messages about the texts that probes read.

    Args:
        readings: kind of texts (`sentences`, `examples`) -> its counts by the names of `READING`.
        lengths: kind of texts -> maximum subwords per text.
    """
    lines = []
    for what, counts in readings.items():
        every = sum(counts[f"texts_{name}"] for name in ("read", "wordless", "unlocated"))
        empty, lost = counts["texts_wordless"], counts["texts_unlocated"]
        if empty:
            lines.append(f"{empty} of {every} {what} left out: a text without a word piece")
        if lost:
            lines.append(
                f"{lost} of {every} {what} left out: the words do not match the raw text; "
                "`pre_split` reads them word by word"
            )
        if counts["texts_cut"]:
            lines.append(cut_said(counts["texts_cut"], every, lengths[what], what))
    return lines
