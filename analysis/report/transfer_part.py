"""The transfer matrix on the page of a comparison: a heat map and its tables."""

from __future__ import annotations

from collections.abc import Iterator

import altair as alt
import pandas as pd

from ..figures.charts import GREY, beside, file_name, spec_of
from ..wording import MISSING, between, decimal, p_text, percent
from .grids import Grid, grid_of
from .page import script_json
from .part import Part

TITLE = "Masks of one task on the models of another"
_READINGS = {"pruned": "as pruned", "retrained": "retrained"}


def transfer_parts(table: pd.DataFrame) -> Iterator[Part]:
    """One part for each method and reading.

    Args:
        table: the matrix, see `transfer_tables`.
    """
    primary = table[table["primary"]]
    for (model, method, reading), lines in primary.groupby(
        ["model", "method", "reading"], sort=False
    ):
        said = [f"{line.mask_task} on {line.task} {decimal(line.value)}"
                for line in lines.itertuples()]  # fmt: skip
        panels = [
            _heat_map(lines, "mask", "good masks"),
            _heat_map(lines, "random", "random masks"),
        ]
        yield Part(
            file_name("transfer", f"{model}-{method}-{reading}"),
            f"{TITLE}, {_READINGS[reading]} ({method})",
            "A row is the task that the mask was found on, a column the task that is scored. "
            "Numbers are scores in the primary metric of the column; the colour is the share of "
            "the full model's gain over its baseline that is kept. On the right random masks of "
            "the same size as the mask of the row, mean over draws. A star: significantly above "
            "these random masks (corrected p of the exchange of answers at most .05).",
            f"Two heat maps of scores. Good masks: {', '.join(said)}.",
            script_json(spec_of(beside(panels)), sort_keys=True, ensure_ascii=False),
            (_grid(lines),),
        )


def _heat_map(lines: pd.DataFrame, which: str, title: str) -> alt.LayerChart:
    order = list(dict.fromkeys(lines["mask_task"]))
    score = lines["value" if which == "mask" else "random"].astype(float)
    gain = (lines["full"] - lines["baseline_value"]).astype(float)
    kept = ((score - lines["baseline_value"].astype(float)) / gain).where(gain > 0)
    better = lines["p_adjusted"].le(0.05).fillna(False) & lines["value"].gt(lines["random"])
    stars = better.map({True: "*", False: ""}) if which == "mask" else ""
    shown = pd.DataFrame(
        {
            "mask_task": lines["mask_task"].astype(str), "task": lines["task"].astype(str),
            "metric": lines["metric"].astype(str), "score": score, "kept": kept.astype(float),
            "label": score.map(decimal) + stars,
        }
    )  # fmt: skip
    cell = max(56, min(90, 330 // len(order)))
    base = alt.Chart(shown).encode(
        x=alt.X("task:N", sort=order, title="scored on", axis=alt.Axis(labelAngle=-35)),
        y=alt.Y("mask_task:N", sort=order, title="mask of"),
    )
    scale = alt.Scale(scheme="blueorange", reverse=True, domain=[-1, 1], clamp=True)
    rect = base.mark_rect(stroke=GREY, strokeWidth=0.4).encode(
        color=alt.Color("kept:Q", scale=scale, title="share of the gain kept"),
        tooltip=["mask_task:N", "task:N", "metric:N", alt.Tooltip("score:Q", format=".3f"),
                 alt.Tooltip("kept:Q", format=".0%")],
    )  # fmt: skip
    ink = alt.condition("abs(datum.kept) > 0.6", alt.value("#ffffff"), alt.value("#1b1f24"))
    number = base.mark_text(fontSize=12).encode(text="label:N", color=ink)
    size = cell * len(order)
    return alt.layer(rect, number).properties(width=size, height=size, title=title)


def _grid(lines: pd.DataFrame) -> Grid:
    cells = [
        (
            line.mask_task, line.task, line.metric, decimal(line.value),
            between(line.ci_low, line.ci_high) or MISSING,
            between(line.beyond_low, line.beyond_high) or MISSING, decimal(line.full),
            decimal(line.own), decimal(line.random), p_text(line.p_adjusted),
            percent(line.gain_kept), percent(line.kept_heads), decimal(line.jaccard_heads),
            decimal(line.jaccard_heads_expected), str(line.n_seeds), line.flag or "",
        )
        for line in lines.itertuples()
    ]  # fmt: skip
    header = ("mask of", "scored on", "metric", "score", "95% (these seeds)",
              "95% (other seeds as well)", "full", "own mask", "random", "adjusted p, random",
              "gain kept", "heads kept", "Jaccard of heads", "by chance", "seeds",
              "flag")  # fmt: skip
    return grid_of("Scores and references", header, cells, "transfer.csv", lines)
