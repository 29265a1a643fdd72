"""The tables of a run in LaTeX, with the columns of a paper (package booktabs)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from ...data.files.atomic import write_text
from ..figures.charts import file_name
from .paper_tables import PaperTable, paper_tables

_LETTERS = str.maketrans({
    "∂": r"$\partial$", "×": r"$\times$", "·": r"$\cdot$", "–": "--", "—": "---", "≥": r"$\geq$",
    "≤": r"$\leq$", "±": r"$\pm$", "−": "$-$", "→": r"$\to$", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%",
    "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}", '"': r"{''}", "`": r"\textasciigrave{}",
})  # fmt: skip
"""Character -> what sets it in text, in documents of any encoding of fonts."""


def save_latex(
    rows: pd.DataFrame, folder: Path, *, tables: Mapping[str, pd.DataFrame], cells: Path
) -> list[Path]:
    """Write the tables of a paper; returns the files.

    Args:
        rows: tidy rows of a run.
        folder: where to.
        tables: the tables of the run by name (`answer_tables` with the summaries).
        cells: the run's folder of cells, whose items give the scores their intervals.
    """
    written = []
    for table in paper_tables(rows, tables, cells):
        path = folder / f"{file_name(table.name, table.label)}.tex"
        write_text(path, latex_table(table, f"tab:{path.stem}"))
        written.append(path)
    return written


def latex_table(table: PaperTable, label: str) -> str:
    """A float with caption, label and a `tabular` with booktabs rules; all text is escaped."""
    form = "".join("r" if number else "l" for number in table.numeric)
    lines = [
        "% needs \\usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escaped(table.caption)}}}",
        rf"\label{{{label}}}",
        rf"\begin{{tabular}}{{{form}}}",
        r"\toprule",
        _line(table.header),
        r"\midrule",
        *map(_line, table.lines),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _line(cells: tuple[str, ...]) -> str:
    # an empty group: a bracket or star at the beginning belongs to the break before it
    found = " & ".join(map(escaped, cells))
    return (r"{}" if found.startswith(("[", "*")) else "") + found + r" \\"


def escaped(text: str) -> str:
    """A text as LaTeX sets it, on one line."""
    return " ".join(str(text).split()).translate(_LETTERS)
