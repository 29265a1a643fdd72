"""Results on the screen. The caller decides whether that is stdout or stderr."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Console

from ..glue.cautions import cautions_of
from ..wording import decimal, percent, seen
from .records import console_of, print_lines, print_records

if TYPE_CHECKING:
    from pathlib import Path

    from ...models.masks.subnetwork import Subnetwork


def print_performance(table: pd.DataFrame, console: Console | None = None) -> None:
    """Print the primary metric of a `performance_table`, one table per task and method."""
    from ..summary.kinds import answers, of_answer
    from ..summary.summaries import kept_columns  # with the statistics: most tables need none

    console = console_of(console)
    primary = table[table["primary"]]
    for (model, _, _), label, key in answers(primary):
        lines = of_answer(primary, key)
        kept = kept_columns(lines)
        first = lines.iloc[0]
        metric = str(first["metric"])
        baseline = f"{first['baseline']} baseline {decimal(first['baseline_value'], 3)}"
        records = [
            {
                "subnetwork": line.kind,
                "state": line.state,
                **{name: percent(getattr(line, f"{of}_kept")) for name, of in kept.items()},
                metric: decimal(line.mean, 3),
                "over seeds": seen(line.seed_low, line.seed_high, 3) if line.n_seeds > 1 else "",
                "over draws": seen(line.lowest, line.highest, 3) if line.n_draws > 1 else "",
                "n": f"{line.n_seeds}×{line.n_draws}",
                **({"flag": line.flag} if lines["flag"].ne("").any() else {}),
            }
            for line in lines.itertuples()
        ]
        print_records(
            records,
            title=f"{label} · {metric} · {model} · {baseline}",
            console=console,
            keep=("subnetwork", "state", metric, "flag", "over draws", "over seeds", *kept),
        )
    print_lines(
        [
            "The score is the mean over seeds and draws; ranges are the lowest and highest of all "
            "seeds (mean over draws) and of all draws; n = seeds × draws per seed.",
            *(f"Caution: {said}" for said in cautions_of(primary["task"])),
        ],
        console,
    )


def print_verdict(text: str, console: Console | None = None) -> None:
    """Print the answer of a run, wrapped at the width of the screen."""
    print_lines([text], console)


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


def print_mask(mask: Subnetwork, where: Path, console: Console | None = None) -> None:
    """Print how much of the model a saved mask keeps."""
    layers, heads = mask.head_mask.shape
    counts = mask.counts()
    finer = "".join(
        f", {counts[name][0]} of {counts[name][1]} {name}"
        for name in ("neurons", "weights")
        if name in counts
    )
    print_lines(
        [
            f"The {mask.kind} subnetwork in {where} keeps {mask.n_heads} of {layers * heads} "
            f"heads, {mask.n_mlps} of {layers} MLPs{finer}."
        ],
        console,
    )


def print_latency(rows: pd.DataFrame, console: Console | None = None) -> None:
    """Print the rows of `latency_rows`, one table per batch size and length."""
    console = console_of(console)
    for target, cell in rows.groupby("target", sort=False):
        records = []
        for variant, lines in cell.groupby("variant", sort=False):
            by_metric = lines.set_index("metric")
            seconds, value = by_metric.loc["seconds"], by_metric["value"]
            records.append(
                {
                    "model": str(variant),
                    "ms": f"{1000 * seconds['value']:.1f}",
                    "lowest and highest": _milliseconds(seconds["ci_low"], seconds["ci_high"]),
                    "time / masked": f"{value['time_ratio']:.2f}",
                    "parameters": f"{value['parameters'] / 1e6:.2f} M",
                    "operations": f"{value['flops'] / 1e9:.2f} G",
                }
            )
        print_records(
            records, title=str(target), console=console, keep=("model", "ms", "time / masked")
        )
    print_lines(
        [
            f"ms: median of {int(rows['n'].max())} rounds in which the models take turns; "
            f"{rows['corpus'].iloc[0]}"
        ],
        console,
    )


def _milliseconds(low: float, high: float) -> str:
    return f"{1000 * low:.1f} to {1000 * high:.1f}"
