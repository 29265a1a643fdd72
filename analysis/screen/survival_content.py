"""What predicts that a head survives, as a finding and a table on the screen."""

from __future__ import annotations

from typing import Any

import pandas as pd
from rich.console import Console

from ..statistics.corrections import ALPHA
from ..survival_content.measure import JOINT, SurvivalContent
from ..wording import MISSING, bare_p, between, counted, decimal, named, p_text
from .records import print_lines, print_records

_ANSWER = ["model", "task", "method", "state"]
_LEGEND = (
    "odds ratio: per standard deviation of the predictor, at the same run and layer; below 1, "
    "heads with a high value are pruned. 95%: what varies: heads, under these masks. r: "
    "correlation at the same run and layer. p: heads permuted within layers, in all seeds alike; "
    "Holm p: corrected over all predictors. AUC: on held-out heads and layers; in brackets that of "
    "the layer alone."
)


def print_survival(found: SurvivalContent, console: Console | None = None) -> None:
    """Print what predicts survival, a finding and a table per answer, and what cannot be said."""
    for (model, task, method, state), lines in found.content.groupby(_ANSWER, sort=False):
        if lines["predictor"].isna().all():
            continue
        print_lines([f"{task}, {method}: {headline(lines)}"], console)
        title = f"survival of heads · {task} · {method} · {model} ({state})"
        print_records(
            [_line(line) for line in lines.itertuples()], title=title, console=console,
            keep=("predictor", "odds ratio", "95%", "Holm p", "AUC heads", "AUC layers"),
        )  # fmt: skip
    notes = [
        f"{', '.join(about['task'] + ' ' + about['method'])}: {note}"
        for note, about in found.notes.groupby("note", sort=False)
    ]
    legend = [_LEGEND] if found.content["predictor"].notna().any() else []
    print_lines([*legend, *notes], console)


def headline(lines: pd.DataFrame) -> str:
    """How many predictors of one answer tell survivors from others, in words."""
    single = lines[lines["predictor"] != JOINT]
    tested = single[single["p_value"].notna()]
    if tested.empty:
        return "Nothing could be tested here; the notes say why."
    clear = tested[tested["p_adjusted"] <= ALPHA].sort_values("p_adjusted", kind="stable")
    heads, runs = int(single["n_heads"].max()), int(single["n_runs"].max())
    among = (
        f"{counted(len(tested), 'predictor')} ({counted(heads, 'head')}, {counted(runs, 'run')})"
    )
    if clear.empty:
        least = p_text(tested["p_adjusted"].min())
        return f"None of {among} predicts survival at the same layer (smallest Holm {least})."
    found = "; ".join(_finding(line) for line in clear.itertuples())
    verb = "predicts" if len(clear) == 1 else "predict"
    return (
        f"{len(clear)} of {among} {verb} survival at the same layer: {found}; "
        "95% intervals, varies: heads."
    )


def _finding(line: Any) -> str:
    """One predictor with its direction, odds ratio and p."""
    limits = between(line.ci_low, line.ci_high)
    return (
        f"heads with high {called(line)} are {'kept' if line.z > 0 else 'pruned'} "
        f"(odds ratio {decimal(line.odds_ratio)} {limits or 'without interval'}, "
        f"Holm {p_text(line.p_adjusted)})"
    )


def called(line: Any) -> str:
    """A predictor in words that a narrow column can wrap: its metric and its probe."""
    if pd.isna(line.metric):
        return str(line.predictor)
    extra = str(line.predictor).removeprefix(f"{line.probe}/{line.metric}").strip("/ ")
    return named(line.metric) + (f" {extra}" if extra else "")


def _line(row: Any) -> dict[str, str]:
    return {
        "predictor": called(row),
        "odds ratio": decimal(row.odds_ratio),
        "95%": between(row.ci_low, row.ci_high),
        "r": decimal(row.correlation),
        "p": bare_p(row.p_value),
        "Holm p": bare_p(row.p_adjusted),
        "AUC heads": _auc(row.heads_auc, row.heads_auc_layer),
        "AUC layers": _auc(row.layers_auc, row.layers_auc_layer),
    }


def _auc(value: Any, alone: Any) -> str:
    return MISSING if pd.isna(value) else f"{decimal(value)} ({decimal(alone)})"
