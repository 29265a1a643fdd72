"""Annotation artefacts of a task: what part of the input already says about the class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...data.output.tables import rows_frame
from ...data.tasks.task import TaskParts
from ...models.training.evaluate import Evaluation
from ..statistics.clusters import units_of
from ..statistics.corrections import adjust_rows
from ..statistics.paired_tests import cluster_signs
from ..steps.performance import performance_rows
from .lengths import length_table
from .words import SMOOTHING, TOP, word_table

PARTIAL = "partial-input"
"""Value of the column `probe` in rows about classifiers of part of the input."""
EASY, HARD = "easy", "hard"
EXAMPLE_COLUMNS = (
    "example_id", "cluster_id", "text", "classifier", "label", "prediction",
    "gold_probability", "difficulty",
)  # fmt: skip
"""Columns of the table of examples, in file order."""


@dataclass(frozen=True)
class Artefacts:
    """Everything that `subprobe artefacts` writes.

    Attributes:
        scores: tidy rows: the metrics of each partial-input classifier, beside the majority.
        examples: one line per classifier and reported example: easy, or hard if it is wrong.
        words: the words with the highest PMI of each class.
        lengths: the number of words by class.
        notes: what is left out or cannot be said.
    """

    scores: pd.DataFrame
    examples: pd.DataFrame
    words: pd.DataFrame
    lengths: pd.DataFrame
    notes: tuple[str, ...] = ()

    def tables(self) -> dict[str, pd.DataFrame]:
        """File name without its ending -> frame."""
        return {
            "artefacts": self.scores,
            "artefacts_examples": self.examples,
            "artefacts_words": self.words,
            "artefacts_lengths": self.lengths,
        }


def measure_artefacts(
    parts: TaskParts,
    text: str,
    found: Mapping[str, Evaluation],
    *,
    smoothing: float = SMOOTHING,
    top: int = TOP,
    seed: int = 0,
) -> Artefacts:
    """The artefacts of one text of a task.

    Args:
        parts: examples with this text alone (`partial.only`); words and lengths are those of train.
        text: `first`, `second`, or `only`.
        found: classifier -> its predictions for `parts.report`.
        smoothing: added to each count of PMI.
        top: number of words of each class.
        seed: of the bootstraps.
    """
    texts = [one.texts()[0] for one in parts.train]
    labels = np.array([int(one.label or 0) for one in parts.train])
    units = units_of([one.cluster for one in parts.train])
    names = parts.spec.labels
    return Artefacts(
        artefact_rows(parts, text, found),
        pd.concat([_examples(text, name, one) for name, one in found.items()], ignore_index=True),
        word_table(texts, labels, names, units, smoothing=smoothing, top=top, seed=seed),
        length_table(texts, labels, names, units, seed=seed),
        _notes(text, found),
    )


def artefact_rows(parts: TaskParts, text: str, found: Mapping[str, Evaluation]) -> pd.DataFrame:
    """Tidy rows: every metric of the task of each classifier, beside the majority class of train.

    Accuracies have the exact two-sided test against the majority class (McNemar 1947; with groups,
    of their signs), corrected over the classifiers by Holm.
    """
    counts = np.bincount([int(one.label or 0) for one in parts.train], minlength=1)
    constant = int(counts.argmax())
    frames = []
    for name, evaluation in found.items():
        rows = performance_rows(evaluation, parts).assign(
            probe=PARTIAL, variant=variant_of(text, name), target=f"{text} text", better="higher"
        )
        right = evaluation.predictions == evaluation.labels
        tested = cluster_signs(right, evaluation.labels == constant, units_of(evaluation.clusters))
        accuracy = rows["metric"].eq("accuracy")
        rows["p_value"] = np.where(accuracy, tested.p_value, np.nan)
        if tested.flag:
            rows["flag"] = np.where(accuracy, tested.flag, "")
        frames.append(rows)
    return rows_frame(adjust_rows(rows_frame(pd.concat(frames, ignore_index=True))))


def variant_of(text: str, classifier: str) -> str:
    """The column `variant`: what a classifier sees, and which one it is."""
    return f"{text} text, {classifier}"


def difficulty_of(evaluation: Evaluation) -> list[str]:
    """`easy` or `hard` of each example [N]: hard if the partial-input classifier is wrong."""
    right = evaluation.predictions == evaluation.labels
    return [EASY if one else HARD for one in right]


def _examples(text: str, classifier: str, evaluation: Evaluation) -> pd.DataFrame:
    names = evaluation.spec.labels
    return pd.DataFrame(
        {
            "example_id": evaluation.ids,
            "cluster_id": [name or pd.NA for name in evaluation.clusters],
            "text": text,
            "classifier": classifier,
            "label": [names[int(k)] for k in evaluation.labels],
            "prediction": [names[int(k)] for k in evaluation.predictions],
            "gold_probability": evaluation.items()["score"].to_numpy(dtype=np.float64),
            "difficulty": difficulty_of(evaluation),
        },
        columns=list(EXAMPLE_COLUMNS),
    )


def _notes(text: str, found: Mapping[str, Evaluation]) -> tuple[str, ...]:
    said: list[Any] = []
    for name, one in found.items():
        if one.n_wordless:
            said.append(
                f"{name}: {one.n_wordless} of {len(one.ids)} texts ({text}) without a known word "
                "are classified all alike"
            )
        if len(set(difficulty_of(one))) < 2:
            said.append(f"{name}: all {len(one.ids)} examples are {difficulty_of(one)[0]}")
    return tuple(said)
