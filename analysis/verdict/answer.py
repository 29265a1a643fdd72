"""One answer of a run: all tables about one model, task and method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..summary.kinds import WHO, answers, of_answer, performance_of

Tables = Mapping[str, pd.DataFrame]
"""Name of a CSV file of the run, without its ending -> its lines; the index counts from 0."""


@dataclass(frozen=True)
class Answer:
    """One model, task and method of a run.

    Attributes:
        label: the task, with the method where the task has several.
        who: values of model, task and method.
        tables: its lines of every summary; their index counts the lines of the CSV file.
        points: its performance rows; `line` counts the lines of `rows.parquet`.
    """

    label: str
    who: tuple[str, str, str]
    tables: Tables
    points: pd.DataFrame

    @property
    def key(self) -> dict[str, str]:
        """Column -> value."""
        return dict(zip(WHO, self.who, strict=True))


def answers_of(rows: pd.DataFrame, tables: Tables) -> list[Answer]:
    """The answers of a run, in the order of its rows.

    Args:
        rows: tidy rows.
        tables: the summaries of these rows (`summaries.summaries`).
    """
    numbered = rows.assign(line=np.arange(len(rows)))
    points = performance_of(numbered[numbered["probe"] == "performance"])
    return [
        Answer(
            label,
            who,
            {name: of_answer(t, key) for name, t in tables.items() if set(WHO) <= set(t.columns)},
            of_answer(points, key),
        )
        for who, label, key in answers(tables["summary_performance"])
    ]
