"""The stability of masks as plain tables on the screen."""

from __future__ import annotations

from typing import Any

import pandas as pd
from rich.console import Console

from ..stability.measure import Stability
from ..wording import bare_p, between, decimal, p_text
from .records import print_lines, print_records

_UNITS = {"head": "heads", "mlp": "MLPs", "weight": "weights"}


def print_stability(found: Stability, console: Console | None = None) -> None:
    """Print agreement over seeds, overlap of tasks, shares of variance, and what they lack."""
    print_records(_agreement(found.stability), title="agreement of seeds", console=console)
    same = found.overlap[found.overlap["seeds"] == "same"]
    if len(same):
        print_records(_overlap(same), title="units shared by two tasks, same seed", console=console)
    if len(found.variance):
        print_records(_variance(found.variance), title="variance of the masks", console=console)
    print_lines(
        [
            f"kept: share of units over {_seeds(found.stability)}; 95%: jackknife over seeds; "
            "(by chance); p: kappa, by permutation; Q p: sizes alone",
            *_notes(found.notes),
        ],
        console,
    )


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
