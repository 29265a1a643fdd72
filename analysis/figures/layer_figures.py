"""Pictures of what probes say layer by layer, and of the patterns that heads have."""

from __future__ import annotations

from collections.abc import Iterator

import altair as alt
import pandas as pd

from ...probes.registry import entries_of
from ..verdict.answer import Answer
from ..wording import decimal, named
from .charts import GREY, Figure, file_name, kind_scales, spec_of, told

_NULLS = ("pretrained", "untrained")
"""States of the whole encoder that a probe which learns is compared with."""
MOST_PANELS = 6
"""Of a probe whose entry does not name the metrics of its curves."""


def layer_figures(answer: Answer) -> Iterator[Figure]:
    """For each probe with numbers about layers one figure: a curve for each kind."""
    table = answer.tables["summary_layers"]
    for probe, mine in table.groupby("probe", sort=False):
        entries = entries_of([str(probe)])
        named = [name for entry in entries for name in entry.curve_metrics]
        shown = named or mine["metric"].unique()
        mine = mine[mine["metric"].isin(list(shown))]
        state = "pruned" if (mine["state"] == "pruned").any() else mine["state"].iloc[-1]
        learns = any("training-part" in one.further for one in entries)
        drawn = mine[mine["state"].isin(["finetuned", state, *(_NULLS if learns else ())])].copy()
        drawn["kind"] = drawn["kind"].mask(drawn["state"] == "pretrained", "pretrained")
        drawn["panel"] = _panel(drawn)
        panels = drawn["panel"].drop_duplicates().tolist()[:MOST_PANELS]
        drawn = drawn[drawn["panel"].isin(panels)]
        if drawn["layer"].nunique() < 2:
            continue
        one = (drawn["n_seeds"] * drawn["n_draws"] == 1).all()
        intervals = bool(one and drawn["ci_low"].notna().any())
        spread = (
            "the 95% interval"
            if intervals
            else "from the lowest to the highest draw and seed: what was seen, no interval"
        )
        null = sorted(set(drawn["baseline"].dropna()))
        yield Figure(
            file_name(str(probe), answer.label),
            f"{_title(str(probe))} by layer after {answer.label}",
            f"One line a kind ({state}; full as fine-tuned), its band {spread}. Layers count from 0"
            + (
                "; hidden state 0 is the embeddings."
                if any(one.curves == "hidden states" for one in entries)
                else "."
            )
            + (f" Dashed: {', '.join(null)}." if null else "")
            + " A layer without a kept head has no value.",
            f"Curves over layers. {_said(drawn, panels)}.",
            spec_of(_curves(drawn, panels, intervals)),
            mine.drop(columns=["model", "task", "method"]),
            "summary_layers.csv",
        )


def _title(probe: str) -> str:
    name = named(probe.replace("-", " "))
    return name if name.isupper() else name[0].upper() + name[1:]


def _panel(table: pd.DataFrame) -> pd.Series:
    """The metric, with what else tells lines of the same metric apart."""
    name = table["metric"].map(named).astype("string")
    for column in ("variant", "relation", "target", "direction"):
        if table.groupby("metric")[column].nunique().gt(1).any():
            name = name + table[column].map(lambda value: f", {value}").astype("string").fillna("")
    return name


def _said(drawn: pd.DataFrame, panels: list[str]) -> str:
    first = drawn[drawn["panel"] == panels[0]]
    means = first.groupby("kind", sort=False)["mean"].mean()
    return f"{panels[0]}, mean over layers: " + ", ".join(
        f"{kind} {decimal(mean)}" for kind, mean in means.items()
    )


def _curves(drawn: pd.DataFrame, panels: list[str], intervals: bool) -> alt.ConcatChart:
    low, high = ("ci_low", "ci_high") if intervals else ("lowest", "highest")
    wanted = ["panel", "kind", "layer", "mean", low, high, "baseline", "baseline_value"]
    drawn = drawn[wanted].astype({"layer": int, "mean": float})
    nulls = drawn[(drawn["kind"] == "full") & drawn["baseline_value"].notna()]
    # several baselines are several lines of the same numbers
    drawn = drawn.drop_duplicates(["panel", "kind", "layer"])
    drawn = drawn.drop(columns=["baseline", "baseline_value"])
    colour, shape = kind_scales(drawn["kind"].unique().tolist())
    x = alt.X("layer:O", title="layer", axis=alt.Axis(labelAngle=0, labelOverlap=True))
    hue = alt.Color("kind:N", scale=colour, title="subnetwork", legend=alt.Legend(symbolOpacity=1))
    made = []
    for panel in panels:
        base = alt.Chart(drawn[drawn["panel"] == panel].drop(columns="panel"))
        y = alt.Y("mean:Q", title=None, scale=alt.Scale(zero=False))
        band = base.mark_area(opacity=0.15).encode(
            x=x, y=alt.Y(f"{low}:Q", title=None), y2=alt.Y2(f"{high}:Q"), color=hue
        )
        line = base.mark_line(strokeWidth=2).encode(x=x, y=y, color=hue)
        points = base.mark_point(filled=True, size=40, opacity=1).encode(
            x=x,
            y=y,
            color=hue,
            shape=alt.Shape("kind:N", scale=shape, title="subnetwork"),
            tooltip=told("kind:N", "layer:O", alt.Tooltip("mean:Q", format=".3f")),
        )
        mine = nulls.loc[nulls["panel"] == panel, ["layer", "baseline", "baseline_value"]]
        null = (
            alt.Chart(mine)
            .mark_line(color=GREY, strokeDash=[5, 3])
            .encode(
                x=x,
                y=alt.Y("baseline_value:Q"),
                detail=alt.Detail("baseline:N"),
                tooltip=told("baseline:N"),
            )
        )
        layers = [band, null, line, points] if len(mine) else [band, line, points]
        made.append(alt.layer(*layers).properties(width=250, height=150, title=panel))
    return alt.concat(*made, columns=3, spacing=20)


def pattern_figure(answer: Answer) -> Iterator[Figure]:
    """Share of heads of each attention pattern."""
    table = answer.tables["summary_patterns"]
    if table.empty:
        return
    drawn = table[["variant", "class", "kind", "state", "mean"]].copy()
    drawn["of"] = drawn["kind"] + " " + drawn["state"]
    order = drawn["of"].drop_duplicates().tolist()
    chart = (
        alt.Chart(drawn[["variant", "class", "of", "mean"]])
        .mark_bar(stroke=GREY, strokeWidth=0.4)
        .encode(
            x=alt.X("sum(mean):Q", title="share of the maps", axis=alt.Axis(format=".0%")),
            y=alt.Y("of:N", sort=order, title=None),
            color=alt.Color("class:N", scale=alt.Scale(scheme="tableau10"), title="pattern"),
            tooltip=told("of:N", "class:N", alt.Tooltip("mean:Q", format=".1%")),
        )
        .properties(width=290, height=alt.Step(24))
    )
    if len(set(drawn["variant"].dropna())) > 1:
        chart = chart.facet(facet=alt.Facet("variant:N", title="maps"), columns=2)
    first = table[table["variant"].eq(table["variant"].iloc[0]) | table["variant"].isna()]
    said = [
        f"{part['kind'].iloc[0]} {part['state'].iloc[0]}: "
        + ", ".join(f"{c} {decimal(m)}" for c, m in zip(part["class"], part["mean"], strict=True))
        for _, part in first.groupby(["kind", "state"], sort=False)
    ]
    yield Figure(
        file_name("patterns", answer.label),
        f"Which patterns the kept heads have after {answer.label}",
        "Share of attention maps of each pattern class, as a classifier names them: raw reads "
        "attention weights, norm attention weighted by the length of what is carried.",
        f"Stacked bars. {'; '.join(said)}.",
        spec_of(chart),
        table.drop(columns=["model", "task", "method"]),
        "summary_patterns.csv",
    )
