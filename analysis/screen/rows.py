"""Tidy rows on the screen: the result of `evaluate` as sentences, those of probes as a table."""

from __future__ import annotations

from typing import Any

import pandas as pd
from rich.console import Console

from ..glue.cautions import cautions_of
from ..wording import bare_p, between, decimal
from .records import cell_of, console_of, print_lines, print_records

_NAMED = (
    "task", "seed", "seed_order", "kind", "state", "probe", "unit", "layer", "head", "relation",
    "target", "metric",
)  # fmt: skip
_SCORES = ("n", "n_clusters", "baseline", "flag")
_KEEP = (
    "value", "metric", "layer", "head", "relation", "target", "flag", "95%", "kind", "state",
    "probe", "baseline value", "baseline", "p", "n",
)  # fmt: skip
MOST_LINES = 60


def print_scores(rows: pd.DataFrame, console: Console | None = None) -> None:
    """Print the scores of one model on its task as sentences, the primary metric first.

    Args:
        rows: tidy rows of the probe `performance`, of one model, task and split; those of other
            probes follow as tables.
        console: where to print; None = the screen.
    """
    console, every = console_of(console), rows
    further = rows["probe"].ne("performance").fillna(False)
    rows = rows[~further]
    lines = []
    for place, row in enumerate(rows.to_dict("records")):
        limits = between(row.get("ci_low"), row.get("ci_high"), 3)
        varies = "sources" if _clustered(row) else "examples"
        found = f"{row['metric']} {decimal(row['value'], 3)}"
        found += f" {limits} (95%, varies: {varies})" if limits else ""
        if pd.notna(row.get("baseline_value")):
            found += f"; {row['baseline']} baseline {decimal(row['baseline_value'], 3)}"
        lines.append(f"Also {found}." if place else f"{_of(row)}: {found}.")
    flags = [str(flag) for flag in rows.get("flag", pd.Series(dtype=str)).dropna() if flag]
    lines += [f"Caution: {flag}" for flag in dict.fromkeys(flags)]
    lines += [f"Caution: {said}" for said in cautions_of(rows["task"].dropna())]
    print_lines([*lines, *_without_interval(rows)], console)
    for _, mine in every[further].groupby("probe", sort=False):
        print_rows(mine, console)


def _of(row: Any) -> str:
    """Which model was scored, on what."""
    mask = "" if row.get("kind") in ("full", None) else " subnetwork"
    clusters = f" from {int(row['n_clusters'])} sources" if _clustered(row) else ""
    return (
        f"The {cell_of(row.get('kind')) or 'full'}{mask or ' model'} "
        f"({cell_of(row.get('state'))}) on {int(row['n'])} examples{clusters} of {row['task']}"
    )


def _clustered(row: Any) -> bool:
    clusters = row.get("n_clusters")
    return clusters is not None and pd.notna(clusters) and int(clusters) < int(row["n"])


def print_rows(rows: pd.DataFrame, console: Console | None = None) -> None:
    """Print the filled columns of tidy rows, at most `MOST_LINES` of them.

    A column with one value for all rows is named once, above the table; why a score has no
    interval stands below it.
    """
    console = console_of(console)
    filled = [name for name in (*_NAMED, *_SCORES) if name in rows and rows[name].notna().any()]
    same = [name for name in filled if len(rows) > 1 and len(rows[name].drop_duplicates()) == 1]
    about = [f"{name} {cell_of(rows[name].iloc[0])}" for name in same]
    about = [text for text, name in zip(about, same, strict=True) if cell_of(rows[name].iloc[0])]
    if about:
        print_lines([", ".join(about)], console)
    shown = [name for name in filled if name not in same]
    records = [_record(row, shown) for row in rows.head(MOST_LINES).to_dict("records")]
    used = {name for record in records for name, value in record.items() if value != ""}
    records = [{name: record[name] for name in record if name in used} for record in records]
    print_records(records, console=console, keep=_KEEP)
    if len(rows) > MOST_LINES:
        hidden = f"{len(rows) - MOST_LINES} of {len(rows)} rows are not shown"
        print_lines([f"{hidden} here; a file holds all of them"], console)
    print_lines(_without_interval(rows), console)


def _record(row: Any, shown: list[str]) -> dict[str, Any]:
    named = {name: row[name] for name in _NAMED if name in shown}
    record = {
        **named,
        "value": number(row.get("value")),
        "95%": between(row.get("ci_low"), row.get("ci_high"), 3),
        **{name: row[name] for name in _SCORES if name in shown},
        "baseline value": number(row.get("baseline_value")),
        "p": bare_p(row.get("p_value")) if pd.notna(row.get("p_value")) else "",
    }
    return {name: "" if value is None or pd.isna(value) else value
            for name, value in record.items()}  # fmt: skip


def number(value: Any) -> str:
    """A value of any probe: three decimals as scores have, more digits where these say nothing."""
    if value is None or pd.isna(value):
        return ""
    plain = float(value)
    return decimal(plain, 3) if plain == 0 or 0.0005 <= abs(plain) < 1000 else f"{plain:.4g}"


def _without_interval(rows: pd.DataFrame) -> list[str]:
    """Why scores have no interval, one line per reason."""
    methods = rows.get("ci_method", pd.Series(index=rows.index, dtype="string")).fillna("")
    missing = rows[methods.str.startswith("no interval")]
    return [
        f"{', '.join(mine['metric'].drop_duplicates())}: {method}"
        for method, mine in missing.groupby("ci_method", sort=False)
    ]
