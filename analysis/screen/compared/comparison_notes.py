"""What the screens of comparisons share: names of pairs, and notes below the tables."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ...comparison.pairs import spoken

MOST_NOTES = 12


def called(pair: Any, several: bool) -> str:
    """Both models in few words: what is equal on both sides is said once."""
    if pair.state_a == pair.state_b:
        text = f"{pair.kind_a} - {pair.kind_b}, {pair.state_a}"
    else:
        first, second = spoken(pair.kind_a, pair.state_a), spoken(pair.kind_b, pair.state_b)
        text = f"{first} - {second}"
    methods = dict.fromkeys(m for m in (pair.method_a, pair.method_b) if m != "full")
    return f"{text} ({' - '.join(methods)})" if several and methods else text


def notes_of(notes: pd.DataFrame) -> list[str]:
    """The first notes, and how many more there are."""
    said = [str(note) for note in notes["note"]]
    left = len(said) - MOST_NOTES
    return said[:MOST_NOTES] + (
        [f"{left} more notes: name a folder with --out"] if left > 0 else []
    )
