"""The transfer matrix on the screen: sentences, the matrix, and its references."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
from rich.console import Console

from ...statistics.corrections import ALPHA
from ...wording import MISSING, bare_p, between, decimal, p_text, percent, seen
from ..records import print_lines, print_records
from .comparison_notes import notes_of

_SAID = {"pruned": "as pruned", "retrained": "retrained"}


def print_transfer(tables: Mapping[str, pd.DataFrame], console: Console | None = None) -> None:
    """Print what the mask of each task scores on each task, one matrix per method and reading."""
    primary = tables["transfer"][tables["transfer"]["primary"]]
    print_lines(transfer_lines(primary), console)
    for (model, method, reading), lines in primary.groupby(
        ["model", "method", "reading"], sort=False
    ):
        title = f"score of the mask of each task, {_SAID[reading]} · {method} · {model}"
        print_records(_matrix(lines), title=title, console=console, keep=("mask of",))
        print_records(
            _detail(lines), title="the same with references", console=console,
            keep=("mask of", "scored on", "score", "own mask", "random", "p", "95% (examples)",
                  "flag", "full", "heads shared"),
        )  # fmt: skip
    print_lines(
        [
            "own mask: the good mask of the task that is scored. random: mean of random masks of "
            "the same size as the mask, and the range of their draws. p: adjusted, of the mask "
            "against random, from exchanging answers to examples in all seeds and draws. What "
            "varies in the interval and in p: examples. * p <= .05 and above random. heads "
            "shared: Jaccard index with the own mask, in brackets that of random masks of the "
            "same sizes.",
            *notes_of(tables["comparison_notes"]),
        ],
        console,
    )


def transfer_lines(primary: pd.DataFrame) -> list[str]:
    """One sentence for each mask on each other task."""
    return [_sentence(line) for line in _others(primary)]


def _others(lines: pd.DataFrame) -> Iterator[Any]:
    yield from lines[lines["mask_task"] != lines["task"]].itertuples()


def _sentence(line: Any) -> str:
    limits = between(line.ci_low, line.ci_high)
    varies = f" {limits} (95%, varies: examples)" if limits else ""
    better = "above" if line.value > line.random else "below" if line.value < line.random else "at"
    p = f", adjusted {p_text(line.p_adjusted)}" if pd.notna(line.p_adjusted) else ", no p"
    return (
        f"{line.task}, {_SAID[line.reading]} ({line.method}): the mask of {line.mask_task} scores "
        f"{decimal(line.value)}{varies} in {line.metric}, {better} random masks of the same size "
        f"({decimal(line.random)}{p}); the mask of {line.task} itself scores {decimal(line.own)}, "
        f"the full model {decimal(line.full)}, the {line.baseline} baseline "
        f"{decimal(line.baseline_value)}."
    )


def starred(line: Any) -> str:
    """A star where a mask is significantly above random masks of its size."""
    above = pd.notna(line.p_adjusted) and line.p_adjusted <= ALPHA and line.value > line.random
    return "*" if above else ""


def _matrix(lines: pd.DataFrame) -> list[dict[str, Any]]:
    records = []
    for of, mine in lines.groupby("mask_task", sort=False):
        cells = {
            f"on {line.task} ({line.metric})": decimal(line.value) + starred(line)
            for line in mine.itertuples()
        }
        records.append({"mask of": of, **cells})
    return records


def _detail(lines: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "mask of": line.mask_task, "scored on": line.task, "metric": line.metric,
            "score": decimal(line.value) + starred(line),
            "95% (examples)": between(line.ci_low, line.ci_high) or MISSING,
            "over seeds": seen(line.seed_low, line.seed_high) if line.n_seeds > 1 else "",
            "full": decimal(line.full), "own mask": decimal(line.own),
            "random": f"{decimal(line.random)} ({seen(line.random_low, line.random_high)})",
            "p": bare_p(line.p_adjusted), "gain kept": percent(line.gain_kept),
            "heads kept": percent(line.kept_heads), "MLPs kept": percent(line.kept_mlps),
            "heads shared": _shared(line.jaccard_heads, line.jaccard_heads_expected),
            "MLPs shared": _shared(line.jaccard_mlps, line.jaccard_mlps_expected),
            "flag": line.flag,
        }
        for line in lines.itertuples()
    ]  # fmt: skip


def _shared(value: Any, expected: Any) -> str:
    return MISSING if pd.isna(value) else f"{decimal(value)} ({decimal(expected)})"
