"""Scores of subnetworks over their sizes."""

from __future__ import annotations

from pathlib import Path

import altair as alt
import pandas as pd

from ....data.output.folders import atomic_folder
from ....data.output.tables import write_csv
from ...curve.written import Curve
from ...wording import decimal, listed, named
from ..charts import (
    DASHES,
    GREY,
    Figure,
    file_name,
    kind_scales,
    merged_labels,
    spec_of,
    told,
    unchecked,
)

_WIDTH, _HEIGHT = 460, 300
_ASIDE = 0.016
_UNITS = {
    "joint": "heads and MLPs", "heads": "heads", "mlps": "MLPs", "neurons": "neurons",
    "weights": "weights",
}  # fmt: skip


def save_curve(found: Curve, out: Path, *, overwrite: bool = False) -> None:
    """Write `curve.csv` and the other tables, and the figure as SVG, PDF and PNG; all or none.

    Args:
        found: the curve.
        out: the folder; see `atomic_folder`.
        overwrite: accept a folder with files that subprobe did not write.
    """
    # the figures of runs include this one
    from ..figures import save_figure

    with unchecked():
        figure = curve_figure(found.points, found.areas)
    with atomic_folder(out, "curve", overwrite=overwrite) as temporary:
        for name, table in found.tables().items():
            write_csv(table, temporary / f"{name}.csv")
        save_figure(figure, temporary, "curve")


def curve_figure(points: pd.DataFrame, areas: pd.DataFrame) -> Figure:
    """One line per kind of subnetwork, from the smallest size to the full model.

    Args:
        points: the points of a curve (`curve.csv`).
        areas: its areas (`curve_areas.csv`).
    """
    first = points.iloc[0]
    units, metric = _UNITS[first["units"]], named(first["metric"])
    shown = ["kind", "share", "value", "ci_low", "ci_high", "lowest", "highest", "n_draws"]
    table = points[[*shown, "n_seeds", "faithfulness"]].copy()
    numbers = ("share", "value", "ci_low", "ci_high", "lowest", "highest", "faithfulness")
    table = table.astype(dict.fromkeys(numbers, float))
    # an interval over two seeds may leave the scale of the metric; the picture shows the points
    low = min(table["lowest"].min(), float(first["baseline_value"]))
    high = max(table["highest"].max(), float(first["baseline_value"]))
    margin = 0.06 * (high - low or 1)
    domain = [low - margin, high + margin]
    lines = _lines(first, table)
    title = f"Scores over the share of kept {units} on {first['task']}"
    layers = [_references(lines, metric, domain), *_layers(table, metric, units, domain)]
    labels = _labels(lines, domain)
    chart = alt.layer(*layers, *labels).properties(width=_WIDTH, height=_HEIGHT)
    seeds = int(first["n_seeds"])
    text = (
        "Each line is the mean of a kind of subnetwork"
        + (f" over {seeds} seeds" if seeds > 1 else "")
        + ", and its band goes from the lowest to the highest score of a draw or seed. Vertical "
        "lines are 95% intervals, cut at the edges of the figure. All lines end at the full model."
    )
    return Figure(
        file_name("curve", f"{first['task']}-{first['units']}"),
        title,
        text,
        f"Curves of {metric} over the share of kept {units}. {_said(points, areas)}.",
        spec_of(chart),
        table,
        "curve.csv",
    )


def _lines(first: pd.Series, table: pd.DataFrame) -> pd.DataFrame:
    """Scores that the curves are compared with."""
    full = table.loc[table["share"].eq(1), "value"].iloc[-1]
    return pd.DataFrame(
        {
            "name": ["full model", first["baseline"]],
            "value": [float(full), float(first["baseline_value"])],
        }
    ).dropna()


def _references(lines: pd.DataFrame, metric: str, domain: list[float]) -> alt.Chart:
    return (
        alt.Chart(lines)
        .mark_rule(color=GREY, strokeWidth=1, strokeDash=[3, 3])
        .encode(
            y=alt.Y("value:Q", title=metric, scale=alt.Scale(domain=domain, nice=False)),
            tooltip=told("name:N", alt.Tooltip("value:Q", format=".3f")),
        )
    )


def _labels(lines: pd.DataFrame, domain: list[float]) -> list[alt.Chart]:
    """Names of the reference lines, to the right of the picture."""
    pairs = list(zip(lines["name"].astype(str), lines["value"].astype(float), strict=True))
    return [
        alt.Chart(pd.DataFrame({"label": ["\n".join(label.lines)]}))
        .mark_text(align="left", baseline="middle", dx=6, fontSize=11, color=GREY, lineBreak="\n")
        .encode(
            x=alt.value(_WIDTH),
            y=alt.value(_HEIGHT - label.at - 6 * (len(label.lines) - 1)),
            text="label:N",
        )
        for label in merged_labels(pairs, domain[0], domain[1], _HEIGHT)
    ]


def _layers(
    table: pd.DataFrame, metric: str, units: str, domain: list[float]
) -> list[alt.Chart]:  # fmt: skip
    colour, shape = kind_scales(table["kind"].unique().tolist())
    dash = alt.Scale(domain=colour.domain, range=[DASHES[kind] for kind in colour.domain])
    hue = alt.Color(
        "kind:N", scale=colour, title=None, legend=alt.Legend(orient="top", symbolOpacity=1)
    )
    x = alt.X(
        "share:Q", title=f"share of kept {units}",
        axis=alt.Axis(format=".0%", values=[0, 0.2, 0.4, 0.6, 0.8, 1]),
        scale=alt.Scale(domain=[0, 1 + _ASIDE], nice=False),
    )  # fmt: skip
    scale = alt.Scale(domain=domain, nice=False)
    y = alt.Y("value:Q", title=metric, scale=scale)
    several = table[table["highest"] > table["lowest"]]
    kinds = several["kind"].unique()
    bands = (
        alt.Chart(table[table["kind"].isin(kinds)])
        .mark_area(opacity=0.16, line=False)
        .encode(
            x=x,
            y=alt.Y("lowest:Q", title=metric, scale=scale),
            y2="highest:Q",
            color=hue,
        )
    )
    cut = table.dropna(subset=["ci_low", "ci_high"])
    kinds_in_order = colour.domain
    # beside each other, so that none hides another
    aside = cut["kind"].map(lambda kind: kinds_in_order.index(kind) - (len(kinds_in_order) - 1) / 2)
    cut = cut.assign(
        share=cut["share"] + _ASIDE / 2 * aside.astype(float),
        ci_low=cut["ci_low"].clip(*domain),
        ci_high=cut["ci_high"].clip(*domain),
    )
    rules = (
        alt.Chart(cut)
        .mark_rule(strokeWidth=1, opacity=0.7)
        .encode(
            x=x,
            y=alt.Y("ci_low:Q", title=metric, scale=scale),
            y2="ci_high:Q",
            color=hue,
        )
    )
    lines = (
        alt.Chart(table)
        .mark_line(strokeWidth=2)
        .encode(
            x=x, y=y, color=hue, strokeDash=alt.StrokeDash("kind:N", scale=dash, legend=None)
        )
    )  # fmt: skip
    points = (
        alt.Chart(table)
        .mark_point(filled=True, size=45, opacity=1)
        .encode(
            x=x,
            y=y,
            color=hue,
            shape=alt.Shape("kind:N", scale=shape, legend=None),
            tooltip=told(
                "kind:N",
                alt.Tooltip("share:Q", format=".1%"),
                alt.Tooltip("value:Q", format=".3f"),
                alt.Tooltip("lowest:Q", format=".3f"),
                alt.Tooltip("highest:Q", format=".3f"),
                "n_draws:Q",
                "n_seeds:Q",
            ),
        )
    )
    return [bands, rules, lines, points]


def _said(points: pd.DataFrame, areas: pd.DataFrame) -> str:
    """The areas and the scores at the middle size, in words."""
    cpr = areas[areas["measure"].eq("cpr")].set_index("kind")["value"].dropna()
    said = [f"CPR: {listed([f'{kind} {decimal(value)}' for kind, value in cpr.items()])}"]
    middle = points.iloc[(points["share"].astype(float) - 0.5).abs().argmin()]["share_asked"]
    here = points[points["share_asked"].eq(middle)]
    each = [f"{line.kind} {decimal(line.value)}" for line in here.itertuples()]
    said.append(f"at a share of {float(middle):g}: {listed(each)}")
    return "; ".join(said if len(cpr) else said[1:])
