"""Charts of one measurement or of the difference of two, for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from ...data.errors import ConfigError, UnknownNameError
from .charts import COLOURS, GREY

MOST_PANELS = 12
_UNITS = ("head", "mlp", "neuron", "weight", "layer", "model")
"""From fine to coarse: a metric is drawn of the finest units that it has."""
_PANELS = ("variant", "relation", "direction", "target")


def chart_of(
    rows: pd.DataFrame,
    *,
    probe: str | None = None,
    metric: str | None = None,
    relation: str | None = None,
) -> Any:
    """A metric of a probe: a grid of heads, a line over layers, or marks with intervals.

    Args:
        rows: tidy rows of one model.
        probe: the probe; the first by default.
        metric: the metric; by default the first that fits on one page. All scores of a task are
            shown together.
        relation: of the rows that have one; all by default.

    Raises:
        UnknownNameError: if the rows have no such probe, metric or relation.
        ConfigError: if the grids of heads are too many for one page.
    """
    probe = _chosen("probe", probe, rows["probe"])
    mine = rows[rows["probe"] == probe]
    if relation is not None:
        mine = mine[mine["relation"] == _chosen("relation", relation, mine["relation"])]
    if probe == "performance" and metric is None:
        return _marks(mine, "metric", "score")
    metrics = list(dict.fromkeys(mine["metric"]))
    if metric is None:
        metric = next((one for one in metrics if _count(_finest(mine, one)) <= 1), metrics[0])
    mine = _finest(mine, _chosen("metric", metric, metrics))
    panels = _count(mine)
    if panels > MOST_PANELS:
        names = ", ".join(dict.fromkeys(mine["relation"].dropna()))
        raise ConfigError(
            f"{metric} has {panels} grids of heads, more than {MOST_PANELS} fit on a page",
            remedy=f"choose a relation: {names}",
        )
    unit = mine["unit"].iloc[0]
    if unit == "head":
        return _pairs(mine, metric) if mine["layer_b"].notna().any() else _heads(mine, metric)
    if unit == "layer":
        return _layers(mine, metric)
    return _marks(mine.assign(panel=_panel(mine, metric)), "panel", metric)


def difference_chart(table: pd.DataFrame, *, metric: str | None = None) -> Any:
    """Differences of one metric with their intervals; the line at 0 is no difference.

    Args:
        table: lines of a comparison.
        metric: the metric; the first by default.

    Raises:
        UnknownNameError: if nothing of that metric was compared.
    """
    metric = _chosen("metric", metric, table["metric"])
    mine = table[table["metric"] == metric]
    layer = mine["layer"].map(lambda one: "" if pd.isna(one) else f"layer {one}")
    named = pd.concat([mine[["relation", "direction"]].fillna(""), layer], axis=1)
    lines = named.agg(lambda parts: " ".join(filter(None, parts)), axis=1)
    shown = mine.assign(line=lines.mask(lines.eq(""), metric), zero=0.0)
    shown = shown[["line", "difference", "ci_low", "ci_high", "p_value", "n", "zero"]]
    title = f"difference in {metric}"
    base = alt.Chart(shown)
    y = alt.Y("line:N", sort=None, title=None)
    zero = base.mark_rule(color=GREY, strokeDash=[4, 3]).encode(x=alt.X("zero:Q", title=title))
    span = base.mark_rule(strokeWidth=2, color=COLOURS["good"]).encode(
        x=alt.X("ci_low:Q", title=title), x2="ci_high:Q", y=y
    )
    mark = base.mark_point(filled=True, size=60, opacity=1, color=COLOURS["good"]).encode(
        x=alt.X("difference:Q", title=title),
        y=y,
        tooltip=["line", *(alt.Tooltip(name, format=".3f") for name in _NUMBERS), "n"],
    )
    return alt.layer(zero, span, mark).properties(width=320, height=alt.Step(26))


_NUMBERS = ("difference", "ci_low", "ci_high", "p_value")


def _chosen(kind: str, name: str | None, there: Sequence[str] | pd.Series) -> str:
    known = [str(one) for one in dict.fromkeys(there) if not pd.isna(one)]
    if name is None:
        return known[0]
    if name not in known:
        raise UnknownNameError(kind, name, known)
    return name


def _finest(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The rows of a metric about its finest units."""
    mine = rows[rows["metric"] == metric]
    return mine[mine["unit"] == min(set(mine["unit"]), key=_UNITS.index)]


def _panel(rows: pd.DataFrame, otherwise: str) -> pd.Series:
    """What tells apart rows about one unit: their variant, relation, direction and target."""
    several = [name for name in _PANELS if len(set(rows[name].fillna(""))) > 1]
    if not several:
        return pd.Series(otherwise, index=rows.index)
    texts = rows[several].fillna("").astype(str)
    return texts.agg(lambda parts: " ".join(filter(None, parts)), axis=1)


def _count(rows: pd.DataFrame) -> int:
    """How many grids of heads the rows make; 1 for what is no grid."""
    of_heads = rows["unit"].iloc[0] == "head" and rows["layer_b"].isna().all()
    return int(_panel(rows, "").nunique()) if of_heads else 1


def _heads(rows: pd.DataFrame, metric: str) -> Any:
    rows = rows.assign(panel=_panel(rows, metric))
    shown = rows[["panel", "layer", "head", "value", "n"]]
    scale = alt.Scale(scheme="viridis")
    chart = (
        alt.Chart(shown)
        .mark_rect(stroke=GREY, strokeWidth=0.4, invalid=None)
        .encode(
            x=alt.X("head:O", title="head"),
            y=alt.Y("layer:O", title="layer"),
            # a pruned head has no value: its cell stays empty
            color=alt.condition(
                "isValid(datum.value)",
                alt.Color("value:Q", title=metric, scale=scale),
                alt.value("transparent"),
            ),
            tooltip=["layer:O", "head:O", alt.Tooltip("value:Q", format=".3f"), "n:Q"],
        )
        .properties(width=alt.Step(22), height=alt.Step(22))
    )
    if len(set(rows["panel"])) == 1:
        return chart
    return chart.facet(facet=alt.Facet("panel:N", title=None, sort=None), columns=3)


def _pairs(rows: pd.DataFrame, metric: str) -> Any:
    """A matrix of heads by heads; each pair is in the rows once."""
    ends = [rows[["layer", "head", "layer_b", "head_b", "value"]] for _ in range(2)]
    ends[1] = ends[1].rename(
        columns={"layer": "layer_b", "head": "head_b", "layer_b": "layer", "head_b": "head"}
    )
    both = pd.concat(ends, ignore_index=True)
    both["first"] = both["layer"].astype(str) + "." + both["head"].astype(str)
    both["second"] = both["layer_b"].astype(str) + "." + both["head_b"].astype(str)
    order = list(dict.fromkeys(both.sort_values(["layer", "head"], kind="stable")["first"]))
    return (
        alt.Chart(both[["first", "second", "value"]])
        .mark_rect()
        .encode(
            x=alt.X("first:N", sort=order, title="layer.head"),
            y=alt.Y("second:N", sort=order, title="layer.head"),
            color=alt.Color("value:Q", title=metric, scale=alt.Scale(scheme="viridis")),
            tooltip=["first:N", "second:N", alt.Tooltip("value:Q", format=".3f")],
        )
        .properties(width=alt.Step(14), height=alt.Step(14))
    )


def _layers(rows: pd.DataFrame, metric: str) -> Any:
    rows = rows.assign(panel=_panel(rows, metric))
    shown = rows[["panel", "layer", "value", "ci_low", "ci_high", "baseline_value"]]
    base = alt.Chart(shown).encode(x=alt.X("layer:O", title="layer"))
    colour = alt.Color("panel:N", title=None, sort=None)
    line = base.mark_line(point=True).encode(
        y=alt.Y("value:Q", title=metric, scale=alt.Scale(zero=False)),
        color=colour,
        tooltip=["panel:N", "layer:O", alt.Tooltip("value:Q", format=".3f")],
    )
    span = base.mark_rule().encode(y="ci_low:Q", y2="ci_high:Q", color=colour)
    null = base.mark_tick(color=GREY, thickness=2).encode(y="baseline_value:Q")
    return alt.layer(null, span, line).properties(width=alt.Step(34), height=200)


def _marks(rows: pd.DataFrame, label: str, title: str) -> Any:
    """One line a value: its mark, its interval, and a grey tick for its baseline."""
    names = ["value", "ci_low", "ci_high", "baseline", "baseline_value", "n"]
    shown = rows.assign(line=rows[label].astype(str))[["line", *names]]
    base = alt.Chart(shown)
    y = alt.Y("line:N", sort=None, title=None)
    tick = base.mark_tick(color=GREY, thickness=2, size=20).encode(
        x=alt.X("baseline_value:Q", title=title),
        y=y,
        tooltip=["baseline:N", alt.Tooltip("baseline_value:Q", format=".3f")],
    )
    span = base.mark_rule(strokeWidth=2, color=COLOURS["good"]).encode(
        x=alt.X("ci_low:Q", title=title), x2="ci_high:Q", y=y
    )
    mark = base.mark_point(filled=True, size=60, opacity=1, color=COLOURS["good"]).encode(
        x=alt.X("value:Q", title=title, scale=alt.Scale(zero=False)),
        y=y,
        tooltip=["line:N", alt.Tooltip("value:Q", format=".3f"), "n:Q"],
    )
    return alt.layer(tick, span, mark).properties(width=320, height=alt.Step(26))
