"""Tables and sentences on the screen. The caller decides whether that is stdout or stderr."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Console
from rich.markup import escape

from ..wording import decimal, percent, seen
from .records import cell_of, console_of, print_records, table_of

if TYPE_CHECKING:
    from pathlib import Path

    from ...models.masks.subnetwork import Subnetwork

_ROW_COLUMNS = (
    "task", "seed", "kind", "state", "probe", "unit", "layer", "head", "relation", "target",
    "metric", "value", "ci_low", "ci_high", "n", "n_clusters", "baseline", "baseline_value",
    "p_value", "flag",
)  # fmt: skip
MOST_LINES = 60


def print_performance(table: pd.DataFrame, console: Console | None = None) -> None:
    """Print the primary metric of a `performance_table`, one table a task and method."""
    from ..summary.kinds import answers, of_answer
    from ..summary.summaries import kept_columns  # with the statistics: most tables need none

    console = console_of(console)
    primary = table[table["primary"]]
    for (model, _, _), label, key in answers(primary):
        lines = of_answer(primary, key)
        kept = kept_columns(lines)
        metric = lines["metric"].iloc[0]
        baseline = f"{lines['baseline'].iloc[0]} {decimal(lines['baseline_value'].iloc[0], 3)}"
        shown = table_of(f"{label} · {metric} · {model} · {baseline}")
        for name in ("kind", "state"):
            shown.add_column(name, no_wrap=True)
        for name in (*kept, "mean", "over seeds", "over draws", "n"):
            shown.add_column(name, justify="right", no_wrap=True)
        flagged = bool(lines["flag"].ne("").any())
        if flagged:
            shown.add_column("flag", no_wrap=True)
        for line in lines.itertuples():
            cells = [
                line.kind,
                line.state,
                *(percent(getattr(line, f"{name}_kept")) for name in kept.values()),
                decimal(line.mean, 3),
                seen(line.seed_low, line.seed_high, 3) if line.n_seeds > 1 else "",
                seen(line.lowest, line.highest, 3) if line.n_draws > 1 else "",
                f"{line.n_seeds}×{line.n_draws}",
            ]
            shown.add_row(*map(escape, cells), *([escape(line.flag)] if flagged else []))
        console.print(shown)
    console.print(
        "mean over seeds; range of seeds; range of all draws; n = seeds × draws",
        markup=False,
        highlight=False,
        style="dim",
    )


def print_verdict(text: str, console: Console | None = None) -> None:
    """Print the answer of a run, wrapped at the width of the screen."""
    console_of(console).print(text, markup=False, highlight=False)


def print_comparison(
    rows: pd.DataFrame,
    manifest: Mapping[str, Any],
    console: Console | None = None,
    folder: Path | None = None,
) -> None:
    """Print the performance table of a run, then its answer."""
    from ..verdict.material import answer_tables
    from ..verdict.verdict import verdict

    console = console_of(console)
    tables = answer_tables(rows, manifest, folder)
    print_performance(tables["summary_performance"], console)
    print_verdict(verdict(rows, manifest, tables), console)


def print_rows(rows: pd.DataFrame, console: Console | None = None) -> None:
    """Print the filled columns of tidy rows, at most `MOST_LINES` of them.

    A column with one value for all rows is said once, above the table; why a score has no interval,
    below it.
    """
    filled = [name for name in _ROW_COLUMNS if name in rows and rows[name].notna().any()]
    shown = rows[filled] if filled else rows
    console = console_of(console)
    if len(rows) > 1:
        same = [name for name in shown if len(shown[name].drop_duplicates()) == 1]
        shown = shown.drop(columns=[name for name in same if not cell_of(shown[name].iloc[0])])
        same = [name for name in same if name in shown]
        about = [f"{name} {cell_of(shown[name].iloc[0])}" for name in same]
        console.print(", ".join(about), markup=False, highlight=False)
        shown = shown.drop(columns=same)
    print_records(shown.head(MOST_LINES).to_dict("records"), console=console)
    if len(rows) > MOST_LINES:
        left = f"{len(rows) - MOST_LINES} of {len(rows)} rows are not shown: name a file with --out"
        console.print(left, markup=False, highlight=False)
    methods = rows.get("ci_method", pd.Series(index=rows.index, dtype="string")).fillna("")
    missing = rows[methods.str.startswith("no interval")]
    for method, mine in missing.groupby("ci_method", sort=False):
        named = ", ".join(mine["metric"].drop_duplicates())
        console.print(f"{named}: {method}", markup=False, highlight=False)


def print_mask(mask: Subnetwork, where: Path, console: Console | None = None) -> None:
    """Print how much of the model a saved mask keeps."""
    layers, heads = mask.head_mask.shape
    counts = mask.counts()
    finer = "".join(
        f", {counts[name][0]} of {counts[name][1]} {name}"
        for name in ("neurons", "weights")
        if name in counts
    )
    console_of(console).print(
        f"{mask.kind} subnetwork in {where}: {mask.n_heads} of {layers * heads} heads, "
        f"{mask.n_mlps} of {layers} MLPs{finer}",
        markup=False,
        highlight=False,
    )


def print_latency(rows: pd.DataFrame, console: Console | None = None) -> None:
    """Print the rows of `latency_rows`, one table a batch and length."""
    console = console_of(console)
    for target, cell in rows.groupby("target", sort=False):
        shown = table_of(str(target))
        for name in ("", "ms", "lowest and highest", "of masked", "parameters", "operations"):
            shown.add_column(name, justify="right" if name else "left", no_wrap=True)
        for variant, lines in cell.groupby("variant", sort=False):
            by_metric = lines.set_index("metric")
            seconds, value = by_metric.loc["seconds"], by_metric["value"]
            shown.add_row(
                str(variant),
                f"{1000 * seconds['value']:.1f}",
                f"{1000 * seconds['ci_low']:.1f} to {1000 * seconds['ci_high']:.1f}",
                f"{value['time_ratio']:.2f}",
                f"{value['parameters'] / 1e6:.2f} M",
                f"{value['flops'] / 1e9:.2f} G",
            )
        console.print(shown)
    console.print(
        f"medians of {int(rows['n'].max())} rounds in turn; {rows['corpus'].iloc[0]}",
        markup=False, highlight=False, style="dim",
    )  # fmt: skip


def print_lines(lines: Iterable[str], console: Console | None = None) -> None:
    """Print plain lines, as they are."""
    for line in lines:
        console_of(console).print(line, markup=False, highlight=False, soft_wrap=True)
