"""Pictures of what the good masks of seeds and tasks have in common."""

from __future__ import annotations

from collections.abc import Iterator

import altair as alt
import pandas as pd

from ...verdict.answer import Tables
from ...wording import decimal
from ..charts import GREY, Figure, beside, file_name, spec_of

_UNITS = {"head": "heads", "mlp": "MLPs"}
_MEASURES = {
    "jaccard_mean": ("Jaccard of two seeds", "jaccard_expected"),
    "kept_in_all": ("share kept in all seeds", "kept_in_all_expected"),
}
"""Statistic -> what the panel calls it, and the statistic of chance."""


def stability_figure(tables: Tables) -> Iterator[Figure]:
    """What seeds have in common, beside what random masks of these sizes have."""
    table = tables["summary_stability"]
    table = table[table["unit"].isin(list(_UNITS))]
    if table.empty:
        return
    several = len(set(table["method"])) > 1
    lines = table.assign(
        line=table["task"]
        + (" (" + table["method"] + ")" if several else "")
        + " "
        + table["unit"].map(_UNITS)
    )
    wide = lines.pivot_table(
        values="value", index=["line", "unit"], columns="statistic", sort=False
    )
    wide = wide.reset_index()
    wide["units"] = wide["unit"].map(_unit_counts(tables["summary_survival"]))
    panels = [_measure(wide, name, title, chance) for name, (title, chance) in _MEASURES.items()]
    said = [
        f"{line.line} {decimal(line.jaccard_mean)} (chance {decimal(line.jaccard_expected)})"
        for line in wide.itertuples()
    ]
    yield Figure(
        file_name("stability", "seeds"),
        "Do seeds keep the same units?",
        "Two good masks of one task from two seeds: units that both keep over units that either "
        "keeps, and units that every seed keeps. Grey ticks: random masks of the same sizes. "
        "Shared sizes alone make masks alike, so only what lies beyond the tick is agreement.",
        f"Agreement of seeds. Jaccard: {', '.join(said)}.",
        spec_of(beside(panels, shared=False)),
        table,
        "summary_stability.csv",
    )


def _unit_counts(survival: pd.DataFrame) -> dict[str, int]:
    """Heads and MLPs that the encoder has."""
    places = survival.drop_duplicates(["unit", "layer", "head"])
    return {str(unit): int(count) for unit, count in places["unit"].value_counts().items()}


def _measure(wide: pd.DataFrame, name: str, title: str, chance: str) -> alt.LayerChart:
    shown = wide[["line", name, chance]].astype({name: float, chance: float}).copy()
    if name == "kept_in_all":
        # units of all there are: heads and MLPs on one axis
        shown[[name, chance]] = shown[[name, chance]].div(wide["units"], axis=0)
    base = alt.Chart(shown)
    y = alt.Y("line:N", sort=None, title=None)
    x = alt.X(f"{name}:Q", title=title, scale=alt.Scale(domain=[0, 1]))
    tick = base.mark_tick(color=GREY, thickness=2, size=22).encode(
        x=alt.X(f"{chance}:Q", title=title), y=y
    )
    dot = base.mark_point(filled=True, size=70, opacity=1, color="#0072b2").encode(
        x=x,
        y=y,
        tooltip=[
            "line:N",
            alt.Tooltip(f"{name}:Q", format=".3f"),
            alt.Tooltip(f"{chance}:Q", format=".3f"),
        ],
    )
    return alt.layer(tick, dot).properties(width=230, height=alt.Step(26))


def overlap_figures(tables: Tables) -> Iterator[Figure]:
    """What each two tasks share beyond their sizes, a matrix for each method."""
    table = tables["summary_overlap"]
    for (_, method), mine in table.groupby(["model", "method"], sort=False):
        if mine["task_a"].nunique() < 2 and mine["task_b"].nunique() < 2:
            continue
        own = mine["task_a"] == mine["task_b"]
        drawn = mine[(mine["seeds"] == "same") | own]
        mirrored = drawn[drawn["task_a"] != drawn["task_b"]].rename(
            columns={"task_a": "task_b", "task_b": "task_a"}
        )
        both = pd.concat([drawn, mirrored], ignore_index=True)
        panels = [
            _matrix(both[both["unit"] == unit], title)
            for unit, title in _UNITS.items()
            if (both["unit"] == unit).any()
        ]
        said = [
            f"{line.task_a} and {line.task_b} {decimal(line.adjusted)}"
            for line in drawn[(drawn["unit"] == "head") & ~own.loc[drawn.index]].itertuples()
        ]
        several = len(set(table["method"])) > 1
        yield Figure(
            file_name("overlap", str(method)),
            "Do tasks keep the same units?" + (f" ({method})" if several else ""),
            "Size-adjusted overlap of the good masks of two tasks, with the mean number of units "
            "that both keep: 0 is what random masks of these sizes share, 1 is one mask inside the "
            "other. Two tasks: masks of the same seed. A task with itself: masks of other seeds.",
            f"Matrix of overlaps. Heads: {', '.join(said)}.",
            spec_of(beside(panels, shared=False)),
            mine.drop(columns=["model", "method"]),
            "summary_overlap.csv",
        )


def _matrix(table: pd.DataFrame, title: str) -> alt.LayerChart:
    table = table[["task_a", "task_b", "adjusted", "shared_mean", "shared_expected"]]
    table = table.assign(label=table["adjusted"].map(decimal))
    order = list(dict.fromkeys([*table["task_a"], *table["task_b"]]))
    cell = max(44, min(90, 330 // len(order)))
    base = alt.Chart(table).encode(
        x=alt.X("task_a:N", sort=order, title=None, axis=alt.Axis(labelAngle=-35)),
        y=alt.Y("task_b:N", sort=order, title=None),
    )
    scale = alt.Scale(scheme="blueorange", reverse=True, domain=[-1, 1], clamp=True)
    rect = base.mark_rect(stroke=GREY, strokeWidth=0.4).encode(
        color=alt.Color("adjusted:Q", scale=scale, title="size-adjusted overlap"),
        tooltip=["task_a:N", "task_b:N", alt.Tooltip("adjusted:Q", format=".3f"),
                 alt.Tooltip("shared_mean:Q", format=".1f"),
                 alt.Tooltip("shared_expected:Q", format=".1f")],
    )  # fmt: skip
    # dark on the pale middle of the scale, light on its dark ends
    ink = alt.condition("abs(datum.adjusted) > 0.6", alt.value("#ffffff"), alt.value("#1b1f24"))
    number = base.mark_text(fontSize=12, dy=-6).encode(text="label:N", color=ink)
    count = base.mark_text(fontSize=10, dy=9).encode(
        text=alt.Text("shared_mean:Q", format=".1f"), color=ink
    )
    step = alt.Step(cell)
    return alt.layer(rect, number, count).properties(width=step, height=step, title=title)
