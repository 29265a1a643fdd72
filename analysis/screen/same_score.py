"""Masks of equal score as findings and tables on the screen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from rich.console import Console

from ..same_score.measure import SameScore
from ..wording import bare_p, between, decimal, named, p_text, seen
from .records import print_lines, print_records

MOST_LINES = 20
_LEGEND = (
    "mean, sd and range: over masks. 95%: varies: masks; the examples and the model stay the same. "
    "sd at equal score: what remains after a linear regression on the score. sd by chance: masks "
    "exchanged within examples. r: correlation with the score."
)


def print_same_score(found: SameScore, console: Console | None = None) -> None:
    """Print what the masks share, in what they differ, and what their scores tell."""
    print_lines(finding_lines(found), console)
    lines = list(_spread(found))
    print_records(
        lines[:MOST_LINES], title="metrics over masks", console=console,
        keep=("metric", "mean", "sd", "range", "full", "p"),
    )  # fmt: skip
    if len(lines) > MOST_LINES:
        print_lines([f"{len(lines) - MOST_LINES} more lines: `--out` writes all"], console)
    if len(found.correlations):
        print_records(
            [_correlation(line) for line in found.correlations.head(MOST_LINES).itertuples()],
            title="correlation with the score", console=console,
            keep=("metric", "correlation", "r", "95%", "p"),
        )  # fmt: skip
    print_lines([_LEGEND], console)
    if "mask_agreement" in found.more and len(found.more["mask_agreement"]):
        print_records(
            [_agreement(line) for line in _main(found.more["mask_agreement"])],
            title="agreement of the masks", console=console,
        )  # fmt: skip
    if "core" in found.more:
        print_records(
            [_core(line) for line in found.more["core"].itertuples()],
            title="the units that all masks keep: the core", console=console,
            keep=("set", "metric", "value", "random sets", "p"),
        )  # fmt: skip
    print_lines(_notes(found.notes), console)


def finding_lines(found: SameScore) -> list[str]:
    """One sentence for the score, one for each other metric, and one for predictions."""
    lines = []
    for size, table in found.spread.groupby("size", sort=False, dropna=False):
        at = "" if pd.isna(size) else f"{size} sparsity: "
        score = table[table["primary"].fillna(False)]
        for line in score.itertuples():
            lines.append(
                f"{at}{line.n_masks} masks: {named(line.metric)} {decimal(line.mean)}, standard "
                f"deviation {decimal(line.sd, 4)}, {seen(line.lowest, line.highest)}"
                f"{_full(line)}."
            )
        others = table[~table["primary"].fillna(False)]
        for line in others.head(3).itertuples():
            lines.append(
                f"{at}{_name(line)}: {decimal(line.mean)}, standard deviation "
                f"{decimal(line.sd, 4)}, {seen(line.lowest, line.highest)}{_full(line)}"
                f"{_told(found, line)}."
            )
    if len(pairs := _between(found)):
        lines.append(
            "predictions: two masks are both right or both wrong on "
            f"{decimal(pairs['same_right'].mean())} of the examples; their accuracies alone give "
            f"{decimal(pairs['same_right_expected'].mean())} (error consistency "
            f"{decimal(pairs['error_consistency'].mean())}, mean over {len(pairs)} pairs)."
        )
    return lines


def _between(found: SameScore) -> pd.DataFrame:
    """The pairs of two masks, without the full model."""
    pairs = found.more.get("mask_predictions")
    if pairs is None or pairs.empty:
        return pd.DataFrame()
    return pairs[pairs["mask"].ne("full") & pairs["other"].ne("full")]


def _told(found: SameScore, line: Any) -> str:
    """What the score says about another metric."""
    table = found.correlations
    mine = table[
        table["correlation"].eq("pearson")
        & table["metric"].eq(line.metric)
        & table["relation"].fillna("").eq("" if pd.isna(line.relation) else line.relation)
        & table["size"].fillna("").eq("" if pd.isna(line.size) else line.size)
    ]
    if mine.empty or pd.isna(mine["r"].iloc[0]):
        return ""
    first = mine.iloc[0]
    limits = between(first["ci_low"], first["ci_high"])
    tested = f", {p_text(first['p_adjusted'])}" if pd.notna(first["p_adjusted"]) else ""
    return (
        f"; Pearson's r with the score {decimal(first['r'])} {limits or '(no interval)'}{tested}; "
        f"{first['n_masks']} masks can show |r| >= {decimal(first['smallest_r'])}"
    )


def _full(line: Any) -> str:
    return "" if pd.isna(line.full) else f"; full model {decimal(line.full)}"


def _name(line: Any) -> str:
    return named(line.metric) + ("" if pd.isna(line.relation) else f" {line.relation}")


def _spread(found: SameScore) -> Iterator[dict[str, str]]:
    for line in found.spread.itertuples():
        yield {
            **({} if pd.isna(line.size) else {"size": line.size}),
            "metric": _name(line), "masks": str(line.n_masks), "mean": decimal(line.mean),
            "95%": between(line.ci_low, line.ci_high), "sd": decimal(line.sd, 4),
            "range": seen(line.lowest, line.highest), "full": decimal(line.full),
            "sd at equal score": decimal(line.sd_at_equal_score, 4),
            "sd by chance": decimal(line.sd_expected, 4), "p": bare_p(line.p_adjusted),
        }  # fmt: skip


def _correlation(line: Any) -> dict[str, str]:
    return {
        **({} if pd.isna(line.size) else {"size": line.size}),
        "metric": _name(line), "correlation": named(line.correlation), "r": decimal(line.r),
        "95%": between(line.ci_low, line.ci_high), "p": bare_p(line.p_adjusted),
        "masks": str(line.n_masks),
    }  # fmt: skip


def _main(table: pd.DataFrame) -> Iterator[Any]:
    shown = ("fleiss_kappa", "jaccard_mean", "jaccard_expected", "kept_in_all",
             "kept_in_all_expected")  # fmt: skip
    for line in table.itertuples():
        if line.statistic in shown:
            yield line


def _agreement(line: Any) -> dict[str, str]:
    return {
        "unit": line.unit, "statistic": named(line.statistic), "value": decimal(line.value),
        "95%": between(line.ci_low, line.ci_high), "p": bare_p(line.p_value),
    }  # fmt: skip


def _core(line: Any) -> dict[str, str]:
    return {
        "set": line.set, "heads": str(line.heads), "MLPs": str(line.mlps), "metric": _name(line),
        "value": decimal(line.value),
        "random sets": "" if pd.isna(line.random_mean) else f"{decimal(line.random_mean)} "
        f"({seen(line.random_lowest, line.random_highest)})",
        "p": bare_p(line.p_adjusted),
    }  # fmt: skip


def _notes(notes: pd.DataFrame) -> list[str]:
    table = notes.fillna("")
    return [
        ": ".join(filter(None, [line.table, line.size, line.note])) for line in table.itertuples()
    ]
