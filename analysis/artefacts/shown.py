"""Annotation artefacts of a task as records for the screen."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..wording import bare_p, between, decimal
from .measure import HARD, Artefacts

Shown = tuple[str, list[dict[str, Any]], tuple[str, ...]]
"""A title, the records below it, and their columns by importance."""
LEGEND = (
    "Hard: examples that the classifier gets wrong. p: against the majority class, corrected by "
    "Holm. PMI: pointwise mutual information of word and class in nats, smoothed; share: of the "
    "class among the training texts with the word, next to its share of all texts."
)


def shown_artefacts(found: Artefacts) -> list[Shown]:
    """The scores of partial-input classifiers, the words of each class, and lengths."""
    first = found.scores.iloc[0]
    hard = found.examples.groupby("classifier")["difficulty"].apply(lambda one: (one == HARD).sum())
    return [
        (
            f"{first['corpus']} · {first['target']} alone · {first['split']}",
            [_score(line, hard) for line in found.scores.itertuples()],
            ("classifier", "metric", "value", "majority", "95%", "Holm p"),
        ),
        (
            "words by class",
            [_word(line) for line in found.words.itertuples()],
            ("class", "word", "PMI", "share", "Holm p"),
        ),
        (
            "words per text by class",
            [_length(line) for line in found.lengths.itertuples()],
            ("class", "mean", "95%"),
        ),
    ]


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
