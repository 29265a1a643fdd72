"""The expected best score of several trainings, beside the scores of their seeds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import altair as alt
import pandas as pd

from ..spread.expected_best import best_of
from ..summary.kinds import BESIDE_FULL, plain
from ..verdict.answer import Answer
from ..wording import decimal
from .charts import COLOURS, DASHES, Figure, beside, file_name, kind_scales, spec_of, told

LEAST_SEEDS = 3
_SIDE = 240


def expected_best_figure(answer: Answer) -> Iterator[Figure]:
    """Expected best of n trainings of each kind with three or more seeds."""
    points = answer.points
    points = plain(points[points["primary"] & points["kind"].isin(list(COLOURS))])
    lower = points["better"].eq("lower").any()
    seeds = points.groupby(["kind", "state", "seed"], sort=False, as_index=False)["value"].mean()
    seeds["value"] = seeds["value"].astype(float)
    enough = seeds.groupby(["kind", "state"])["seed"].transform("nunique") >= LEAST_SEEDS
    seeds = seeds[enough]
    if seeds.empty:
        return
    curves = pd.DataFrame(list(_curves(seeds, -1.0 if lower else 1.0)))
    metric = str(points["metric"].iloc[0])
    panels = [
        _panel(seeds, curves, metric, shown, state)
        for state, shown in BESIDE_FULL.items()
        if (seeds["state"] == state).any()
    ] or [_panel(seeds, curves, metric, ("finetuned",), "fine-tuned")]
    numbers = points.set_index("line").rename_axis(None)
    numbers = numbers[["kind", "state", "seed", "draw", "value", "flag"]]
    yield Figure(
        file_name("expected-best", answer.label),
        f"Expected best of several trainings on {answer.label}",
        "Each point at 1 is one seed, the mean over its draws. A line is the expected best score "
        "of n trainings, drawn with replacement from these seeds and chosen by the reported "
        "score; at 1 it is the mean over seeds.",
        f"Curves of the expected best {metric} of n trainings. {_said(curves)}.",
        spec_of(beside(panels)),
        numbers.astype({"value": float}),
        "rows.parquet",
    )


def _curves(seeds: pd.DataFrame, sign: float) -> Iterator[dict[str, Any]]:
    for (kind, state), mine in seeds.groupby(["kind", "state"], sort=False):
        values = sign * mine["value"].to_numpy()
        for n in range(1, len(values) + 1):
            best, _ = best_of(values, n)
            yield {"kind": kind, "state": state, "trainings": n, "best": sign * float(best)}


def _said(curves: pd.DataFrame) -> str:
    each = []
    for (kind, state), mine in curves.groupby(["kind", "state"], sort=False):
        first, last = mine.iloc[0], mine.iloc[-1]
        each.append(
            f"{kind} {state}: {decimal(first['best'])} of 1, {decimal(last['best'])} of "
            f"{last['trainings']}"
        )
    return "; ".join(each)


def _panel(
    seeds: pd.DataFrame, curves: pd.DataFrame, metric: str, states: tuple[str, ...], title: str
) -> alt.LayerChart:
    seeds, curves = (one[one["state"].isin(states)] for one in (seeds, curves))
    colour, shape = kind_scales(curves["kind"].unique().tolist())
    dash = alt.Scale(domain=colour.domain, range=[DASHES[kind] for kind in colour.domain])
    hue = alt.Color("kind:N", scale=colour, title=None)
    scale = alt.Scale(zero=False, padding=8)
    x = alt.X(
        "trainings:Q", title="trainings", scale=alt.Scale(nice=False, padding=8),
        axis=alt.Axis(tickMinStep=1, format="d"),
    )  # fmt: skip
    lines = (
        alt.Chart(curves)
        .mark_line(strokeWidth=2)
        .encode(
            x=x,
            y=alt.Y("best:Q", title=metric, scale=scale),
            color=hue,
            strokeDash=alt.StrokeDash("kind:N", scale=dash, legend=None),
            tooltip=told("kind:N", "trainings:Q", alt.Tooltip("best:Q", format=".3f")),
        )
    )
    strip = (
        alt.Chart(seeds.assign(trainings=1))
        .mark_point(filled=True, size=40, opacity=0.5)
        .encode(
            x=x,
            y=alt.Y("value:Q", title=metric, scale=scale),
            color=hue,
            shape=alt.Shape("kind:N", scale=shape, legend=None),
            tooltip=told("kind:N", "seed:O", alt.Tooltip("value:Q", format=".3f")),
        )
    )
    return alt.layer(lines, strip).properties(width=_SIDE, height=_SIDE, title=title)
