"""The sentences of an answer as a table, one line each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ...data.output.tables import write_csv
from ..summary.headline import FILE as HEADLINE
from ..wording import uncited
from .material import answer_tables
from .verdict import Verdict, verdicts

FILE = "answers"
COLUMNS = ["model", "task", "method", "subject", "number", "text"]


def answers_table(told: Iterable[Verdict]) -> pd.DataFrame:
    """Every sentence of some verdicts.

    Returns:
        The columns of `COLUMNS`; `subject` is one of `verdict.SUBJECTS`, `number` counts the
        sentences of a subject from 1, `text` is the sentence without marks.
    """
    lines = [
        (one.model, one.task, one.method, subject, number, uncited(sentence))
        for one in told
        for subject, sentences in one.said.items()
        for number, sentence in enumerate(sentences, start=1)
    ]
    table = pd.DataFrame(lines, columns=COLUMNS)
    return table.astype({name: "Int64" if name == "number" else "string" for name in COLUMNS})


def write_answers(
    rows: pd.DataFrame,
    manifest: Mapping[str, Any],
    out: Path,
    known: Mapping[str, pd.DataFrame],
) -> dict[str, pd.DataFrame]:
    """Write the headline table and the sentences of the answers as CSV.

    Args:
        rows: every tidy row of the run.
        manifest: what `manifest.json` holds.
        out: where to.
        known: the tables of the run by name.

    Returns:
        The known tables with the headline table.
    """
    tables = answer_tables(rows, manifest, known=known)
    write_csv(tables[HEADLINE], out / f"{HEADLINE}.csv")
    said = answers_table(verdicts(rows, tables, manifest))
    write_csv(said, out / f"{FILE}.csv")
    return tables
