"""The tables of a curve, from the masks that were scored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from ...data.seeds import order_column, seed_of
from .area_lines import BETTER, area_lines, by_draw, on_resamples
from .areas import CMD, CPR, EFFECTIVE
from .better import corrected, tested_lines
from .columns import AREAS, MASKS, POINTS, TESTS, framed
from .panel import Panel
from .points import mask_lines, point_lines
from .scored import ScoredModel
from .sizes import METHODS, Sizes
from .written import PROBE, Curve

Records = dict[str, dict[str, list[Any]]]
"""Table -> column -> plain values."""


def curve_of(panel: Panel, *, within: float = 3.0, correction: str = "holm") -> Curve:
    """The tables of a curve.

    Args:
        panel: the scored masks.
        within: largest loss of a mask of effective size, in points: hundredths of the metric.
        correction: `holm` or `fdr_bh`.
    """
    tests = pd.DataFrame(list(tested_lines(panel)))
    return Curve(
        framed(pd.DataFrame(list(point_lines(panel))), POINTS),
        framed(pd.DataFrame(list(area_lines(panel, within / 100))), AREAS),
        framed(corrected(tests, correction) if len(tests) else tests, TESTS),
        framed(pd.DataFrame(list(mask_lines(panel))), MASKS),
    )


def tables_of(
    scored: Sequence[ScoredModel],
    sizes: Sizes,
    about: Mapping[str, Any],
    *,
    points: float,
    cell: str,
) -> tuple[pd.DataFrame, Records]:
    """The rows and the tables of the curve of one task.

    Args:
        scored: the models of the seeds.
        sizes: the sizes.
        about: columns that identify the curve.
        points: points that a mask of effective size may lose.
        cell: identity of the cell, for the rows.

    Returns:
        CPR, CMD and effective size of each seed and draw as tidy rows, and the tables over seeds.
    """
    if len({frozenset(one.answers) for one in scored}) > 1:
        # super masks of some seeds only
        scored = [_without(one, "super") for one in scored]
    found = curve_of(Panel(scored, sizes, about), within=points)
    rows = [row for one in scored for row in _rows(one, sizes, about, points / 100)]
    return pd.DataFrame(rows).assign(cell_id=cell), {
        name: _plain(table) for name, table in found.tables().items()
    }


def _without(one: ScoredModel, kind: str) -> ScoredModel:
    answers = {name: held for name, held in one.answers.items() if name != kind}
    marks = tuple(mark for mark in one.marks if mark.kind != kind)
    return replace(one, answers=answers, marks=marks)


def _rows(
    one: ScoredModel, sizes: Sizes, about: Mapping[str, Any], within: float
) -> Iterator[dict[str, Any]]:
    """Areas and effective size of each draw of one seed; the baseline is that of random masks."""
    panel = Panel([one], sizes, about)
    for kind, line in panel.lines.items():
        for measure in (CPR, CMD, EFFECTIVE) if kind != "super" else (EFFECTIVE,):
            (values,) = by_draw(panel, measure, line, within)
            (samples,) = on_resamples(panel, measure, line, within)
            (random,) = by_draw(panel, measure, panel.lines["random"], within)
            for draw, value in enumerate(values):
                limits = panel.interval(float(value), [samples[:, [draw]]])
                yield {
                    "model": one.name, "task": about["task"], "corpus": about["task"],
                    "split": about["split"], "selection": one.selection,
                    "seed": seed_of(*one.seeds), "seed_order": order_column(*one.seeds),
                    "draw": draw, "method": METHODS[sizes.units], "kind": kind, "state": "pruned",
                    "probe": PROBE, "variant": f"units={sizes.units}", "unit": "model",
                    "target": one.metric, "metric": measure, "better": BETTER[measure],
                    "value": float(value), "ci_low": limits["ci_low"],
                    "ci_high": limits["ci_high"], "ci_method": limits["ci_method"],
                    "n": panel.counts["n"], "n_clusters": panel.counts["n_clusters"],
                    "ablation": one.ablation, "baseline": "mean of random masks",
                    "baseline_value": float(random.mean()), "flag": panel.flag,
                }  # fmt: skip


def _plain(table: pd.DataFrame) -> dict[str, list[Any]]:
    return {
        name: [None if pd.isna(value) else value for value in table[name].tolist()]
        for name in table
    }
