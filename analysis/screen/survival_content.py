"""Survival against content as plain tables on the screen."""

from __future__ import annotations

from typing import Any

import pandas as pd
from rich.console import Console

from ..statistics.corrections import ALPHA
from ..survival_content.measure import JOINT, SurvivalContent
from ..wording import MISSING, bare_p, between, counted, decimal, p_text
from .records import print_lines, print_records

_ANSWER = ["model", "task", "method", "state"]
_LEGEND = (
    "odds ratio: per standard deviation at the same run and layer; correlation: at the same run "
    "and layer; p: heads permuted within "
    "layers, in all seeds alike; Holm: of all predictors; AUC: on held-out heads and layers "
    "(layer alone; under the null)"
)


def print_survival(found: SurvivalContent, console: Console | None = None) -> None:
    """Print what predicts survival, one table an answer, and what cannot be said."""
    for (model, task, method, state), lines in found.content.groupby(_ANSWER, sort=False):
        if lines["predictor"].isna().all():
            continue
        title = f"survival of heads · {task} · {method} · {model} ({state})"
        print_records([_line(line) for line in lines.itertuples()], title=title, console=console)
        print_lines([headline(lines)], console)
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
    named = ", ".join(
        f"{line.predictor} ({'kept' if line.z > 0 else 'dropped'} where it is high)"
        for line in clear.itertuples()
    )
    return f"{len(clear)} of {among} predict survival at the same layer: {named}."


def _line(row: Any) -> dict[str, str]:
    odds = f"{decimal(row.odds_ratio)} {between(row.ci_low, row.ci_high)}".strip()
    return {
        "predictor": row.predictor,
        "odds ratio": odds,
        "correlation": (
            f"{decimal(row.correlation)} {between(row.correlation_low, row.correlation_high)}"
        ).strip(),
        "p": bare_p(row.p_value),
        "Holm": bare_p(row.p_adjusted),
        "AUC, heads": _auc(row.heads_auc, row.heads_auc_layer, row.heads_auc_null),
        "AUC, layers": _auc(row.layers_auc, row.layers_auc_layer, row.layers_auc_null),
    }


def _auc(value: Any, alone: Any, null: Any) -> str:
    if pd.isna(value):
        return MISSING
    beside = f"{decimal(alone)}" if pd.isna(null) else f"{decimal(alone)}; {decimal(null)}"
    return f"{decimal(value)} ({beside})"
