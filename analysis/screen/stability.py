"""The stability of masks as plain tables on the screen."""

from __future__ import annotations

from typing import Any

import pandas as pd
from rich.console import Console

from ..stability.measure import Stability
from ..statistics.corrections import ALPHA
from ..wording import bare_p, between, counted, decimal, p_text
from .records import print_lines, print_records

_UNITS = {"head": "heads", "mlp": "MLPs", "weight": "weights"}


def print_stability(found: Stability, console: Console | None = None) -> None:
    """Print agreement over seeds, overlap of tasks, shares of variance, and what they lack."""
    print_lines(agreement_lines(found.stability), console)
    print_records(
        _agreement(found.stability), title="agreement of seeds", console=console,
        keep=("task", "unit", "kappa", "p", "95%", "in all", "kept ± sd", "Jaccard"),
    )  # fmt: skip
    same = found.overlap[found.overlap["seeds"] == "same"]
    if len(same):
        print_records(
            _overlap(same), title="units shared by two tasks, same seed", console=console,
            keep=("tasks", "unit", "size-adjusted", "p", "shared"),
        )  # fmt: skip
    if len(found.variance):
        print_records(_variance(found.variance), title="variance of the masks", console=console)
    print_lines(
        [
            f"kept: share of units, over {_seeds(found.stability)} (± standard deviation). "
            "95%: jackknife; what varies: seeds. In brackets: expected of random masks of the same "
            "sizes. p: of kappa, from permuting units. Q p: only whether the sizes differ.",
            *_notes(found.notes),
        ],
        console,
    )


def agreement_lines(rows: pd.DataFrame) -> list[str]:
    """How far the seeds of each task agree, in one sentence per task and unit."""
    lines = []
    for (task, unit), group in rows.groupby(["task", "unit"], sort=False):
        if unit == "weight":
            continue
        of = group.set_index("statistic")
        kappa, p_value = of.loc["fleiss_kappa"], of["value"].get("permutation_p")
        if pd.isna(p_value):
            agree = "cannot be tested against random masks: agreement"
        elif p_value <= ALPHA and kappa["value"] > 0:
            agree = "agree more than random masks of the same sizes"
        else:
            agree = "do not clearly agree more than random masks of the same sizes"
        p = "" if pd.isna(p_value) else f", {p_text(p_value)} (varies: units kept by each seed)"
        limits = between(kappa["ci_low"], kappa["ci_high"])
        varies = f" {limits} (95%, varies: seeds)" if limits else ""
        kept, expected = of["value"]["kept_in_all"], of["value"]["kept_in_all_expected"]
        lines.append(
            f"{task}: {counted(int(group['n_seeds'].max()), 'seed')} {agree} on which "
            f"{_UNITS[unit]} to keep: kappa {decimal(kappa['value'], 3)}{varies}{p}; "
            f"{kept:.0f} {_UNITS[unit]} are kept "
            f"in all seeds ({expected:.1f} expected)."
        )
    return lines


def _seeds(rows: pd.DataFrame) -> str:
    """How many seeds the tasks have."""
    least, most = rows["n_seeds"].min(), rows["n_seeds"].max()
    return f"{least} seeds" if least == most else f"{least} to {most} seeds"


def _agreement(rows: pd.DataFrame) -> list[dict[str, Any]]:
    lines = []
    for (task, unit), group in rows.groupby(["task", "unit"], sort=False):
        of = group.set_index("statistic")
        value = of["value"]
        spread = decimal(value["survival_sd"], 3)
        line: dict[str, Any] = {"task": task, "unit": _UNITS[unit]}
        line["kept ± sd"] = f"{decimal(value['survival_mean'], 3)}±{spread}"
        if unit != "weight":
            kappa = of.loc["fleiss_kappa"]
            line["kappa"] = decimal(kappa["value"], 3)
            line["95%"] = between(kappa["ci_low"], kappa["ci_high"])
            line["p"] = bare_p(value["permutation_p"])
            line["Q p"] = bare_p(value["cochran_p"])
            line["in all"] = f"{value['kept_in_all']:.0f} ({value['kept_in_all_expected']:.1f})"
            jaccard, chance = value["jaccard_mean"], value["jaccard_expected"]
            line["Jaccard"] = f"{decimal(jaccard)} ({decimal(chance)})"
        lines.append(line)
    return lines


def _overlap(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "tasks": f"{row.task_a}, {row.task_b}",
            "unit": _UNITS[row.unit],
            "shared": f"{row.shared_mean:.1f} ({row.shared_expected:.1f})",
            "size-adjusted": f"{decimal(row.adjusted)} {between(row.ci_low, row.ci_high)}".strip(),
            "p": bare_p(row.p_value),
        }
        for row in rows.itertuples()
    ]


def _variance(rows: pd.DataFrame) -> list[dict[str, Any]]:
    shares = rows.pivot_table(index="source", columns="unit", values="share", sort=False)
    p_values = rows.set_index(["source", "unit"])["p_value"]
    lines = []
    for source, line in shares.iterrows():
        cells = {
            _UNITS[unit]: _with_p(share, p_values[source, unit]) for unit, share in line.items()
        }
        lines.append({"source": source, **cells})
    return lines


def _with_p(share: float, p_value: float) -> str:
    return decimal(share) if pd.isna(p_value) else f"{decimal(share)}, {p_text(p_value)}"


def _notes(notes: pd.DataFrame) -> list[str]:
    """One line a note, with everything that it is about."""
    lines = []
    for note, group in notes[notes["task"] != ""].groupby("note", sort=False):
        about = group.groupby(["task", "unit"], sort=False)["statistic"].agg(list)
        named = [
            f"{task} {_UNITS[unit]}" + (f" ({', '.join(filter(None, of))})" if any(of) else "")
            for (task, unit), of in about.items()
        ]
        lines.append(f"{note}: {'; '.join(named)}")
    return lines
