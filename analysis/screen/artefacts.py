"""Annotation artefacts of a task, on the screen."""

from __future__ import annotations

from typing import Any

import pandas as pd
from rich.console import Console

from ..artefacts.measure import HARD, Artefacts
from ..wording import bare_p, between, decimal
from .records import print_lines, print_records

_LEGEND = (
    "Hard: examples that the classifier gets wrong. p: against the majority class, corrected by "
    "Holm. PMI: pointwise mutual information of word and class in nats, smoothed; share: of the "
    "class among the training texts with the word, next to its share of all texts."
)


def print_artefacts(found: Artefacts, console: Console | None = None) -> None:
    """Print the scores of partial-input classifiers, the words of each class, and lengths."""
    scores = found.scores
    first = scores.iloc[0]
    hard = found.examples.groupby("classifier")["difficulty"].apply(lambda one: (one == HARD).sum())
    print_records(
        [_score(line, hard) for line in scores.itertuples()],
        title=f"{first['corpus']} · {first['target']} alone · {first['split']}",
        console=console,
        keep=("classifier", "metric", "value", "majority", "95%", "Holm p"),
    )
    print_records(
        [_word(line) for line in found.words.itertuples()],
        title="words by class", console=console, keep=("class", "word", "PMI", "share", "Holm p"),
    )  # fmt: skip
    print_records(
        [_length(line) for line in found.lengths.itertuples()],
        title="words per text by class", console=console, keep=("class", "mean", "95%"),
    )  # fmt: skip
    print_lines([*found.notes, _LEGEND], console)


def _score(line: Any, hard: pd.Series) -> dict[str, Any]:
    classifier = str(line.variant).partition(", ")[2]
    return {
        "classifier": classifier,
        "metric": line.metric,
        "value": decimal(line.value, 3),
        "95%": between(line.ci_low, line.ci_high, 3),
        "majority": decimal(line.baseline_value, 3),
        "Holm p": bare_p(line.p_adjusted),
        "hard": f"{hard[classifier]} of {line.n}",
    }


def _word(line: Any) -> dict[str, Any]:
    return {
        "class": line[1],
        "word": line.word,
        "PMI": decimal(line.pmi, 3),
        "share": f"{decimal(line.share)} of {line.n}",
        "95%": between(line.ci_low, line.ci_high),
        "all": decimal(line.baseline_value),
        "Holm p": bare_p(line.p_adjusted),
    }


def _length(line: Any) -> dict[str, Any]:
    return {
        "class": line[1],
        "mean": decimal(line.mean),
        "95%": between(line.ci_low, line.ci_high),
        "median": decimal(line.median),
        "n": line.n,
        "p": bare_p(line.p_value),
    }
