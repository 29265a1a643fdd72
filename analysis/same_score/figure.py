"""The figure: each mask as a point, a second metric against the score."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..wording import decimal, named
from .measure import SameScore
from .points import FULL

_PANELS = 4


def svg_of(found: SameScore) -> str | None:
    """The figure as SVG; None without a second metric, or for masks of several sizes."""
    spec = spec_of_found(found)
    if spec is None:
        return None
    import vl_convert

    from ..figures.charts import vega_lite_version

    svg: str = vl_convert.vegalite_to_svg(spec, vl_version=vega_lite_version())
    return svg


def spec_of_found(found: SameScore) -> dict[str, Any] | None:
    """Its Vega-Lite specification: one panel for each of the first four other metrics."""
    panels = list(_panels(found))
    if not panels:
        return None
    from ..figures.charts import beside, spec_of

    return spec_of(beside(panels[:_PANELS], shared=False))


def scatter_table(points: pd.DataFrame) -> pd.DataFrame:
    """One line for each mask and other metric: `score`, `value`, and the names of both."""
    table = points[points["size"].isna()]
    if points["size"].notna().any():
        return table.head(0).assign(score=[], label=[])
    label = table["metric"] + (" " + table["relation"]).fillna("")
    table = table.assign(label=label)
    score = table[table["primary"].astype(bool)].set_index("mask")
    others = table[~table["primary"].astype(bool) & table["mask"].isin(score.index)]
    return others.assign(score=others["mask"].map(score["value"])).reset_index(drop=True)


def _panels(found: SameScore) -> Any:
    table = scatter_table(found.points)
    if table.empty:
        return
    import altair as alt

    from ..figures.charts import kind_scales, told

    first = found.points[found.points["primary"].astype(bool)].iloc[0]
    correlations = found.correlations[found.correlations["correlation"].eq("pearson")]
    for label, mine in table.groupby("label", sort=False):
        mine = mine.assign(kind=mine["kind"].where(mine["kind"].eq(FULL), "good"))
        mine = mine.astype({"score": float, "value": float})[["mask", "kind", "score", "value"]]
        colour, shape = kind_scales(mine["kind"].unique().tolist())
        names = correlations["metric"] + (" " + correlations["relation"]).fillna("")
        r = correlations[names.eq(label)]
        said = f", r = {decimal(r['r'].iloc[0])}" if len(r) and pd.notna(r["r"].iloc[0]) else ""
        metric, _, relation = str(label).partition(" ")
        yield (
            alt.Chart(mine, title=f"{named(metric)} {relation}".strip() + said, width=260,
                      height=260)
            .mark_point(filled=True, size=70, opacity=0.85)
            .encode(
                x=alt.X("score:Q", title=named(first["metric"]),
                        scale=alt.Scale(zero=False, padding=12, nice=False)),
                y=alt.Y("value:Q", title=named(metric),
                        scale=alt.Scale(zero=False, padding=12, nice=False)),
                color=alt.Color("kind:N", scale=colour, title=None),
                shape=alt.Shape("kind:N", scale=shape, title=None),
                tooltip=told("mask:N", "score:Q", "value:Q"),
            )
        )  # fmt: skip
