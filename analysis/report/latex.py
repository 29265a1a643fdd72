"""The summaries of a run as LaTeX tables for papers (package booktabs)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from ...data.files.atomic import write_text
from ..summary.summaries import summaries
from ..wording import decimal

LEFT_OUT = {
    "summary_survival",
    "summary_layers",
    "summary_survival_content",
    "summary_probe_draws",
    "summary_head_attributions",
    "heads",
}
"""Summaries too long or too wide for a page."""
_MISSING = "--"


def save_latex(rows: pd.DataFrame, folder: Path) -> list[Path]:
    """Write every summary that is short enough to be a table; returns the files."""
    written = []
    for name, table in summaries(rows).items():
        if table.empty or name in LEFT_OUT:
            continue
        path = folder / f"{name}.tex"
        write_text(path, latex_table(table, f"tab:{name.replace('_', '-')}"))
        written.append(path)
    return written


def latex_table(table: pd.DataFrame, label: str) -> str:
    """A frame as `tabular` with booktabs rules, everything in it escaped.

    Columns that are empty in all of it are left out, and what is the same in all lines (the model,
    say) stands in a comment above instead.
    """
    table = table.dropna(axis=1, how="all").reset_index(drop=True)
    same = [c for c in table.columns if len(table) > 1 and len(set(table[c].dropna())) == 1
            and table[c].notna().all() and not pd.api.types.is_numeric_dtype(table[c])]  # fmt: skip
    about = "; ".join(f"{name} = {table[name].iloc[0]}" for name in same)
    shown = table.drop(columns=same)
    numeric = [pd.api.types.is_numeric_dtype(shown[name]) for name in shown.columns]
    texts = shown.astype(object).map(_text)
    texts.columns = [str(name).replace("_", " ") for name in shown.columns]
    body = (
        texts.style.hide(axis="index")
        .format(escape="latex")
        .format_index(escape="latex", axis="columns")
        .to_latex(
            hrules=True,
            column_format="".join("r" if number else "l" for number in numeric),
            label=None,
        )
    )
    comment = " ".join(about.split())
    return f"% {label}: \\usepackage{{booktabs}}\n% {comment}\n{body}"


def _text(value: Any) -> str:
    if value is None or pd.isna(value):
        return _MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) > 1 else decimal(value, 3)
    return str(value)
