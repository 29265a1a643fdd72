"""Pictures of scores and masks: what subnetworks reach, and which units they keep."""

from __future__ import annotations

from collections.abc import Iterator

import altair as alt
import pandas as pd

from ..summary.kinds import BESIDE_FULL, plain
from ..verdict.answer import Answer
from ..wording import counted, decimal, percent
from .charts import (
    COLOURS,
    GREY,
    Figure,
    beside,
    file_name,
    kind_scales,
    merged_labels,
    shade,
    spec_of,
    told,
)
from .claims import spread_claim

_KINDS = list(COLOURS)
_LETTERS = 32  # of all names below a panel that fit beside each other
_BASELINES = ("untrained", "bag-of-words")
"""Kinds that are lines and not points."""


_SIDE = 280
MOST_POINTS = 3000
"""Points of one strip plot; of more, every so-many-th is drawn. The numbers count all of them."""


def performance_figure(answer: Answer) -> Iterator[Figure]:
    """Every score as a point, beside the full model and the baselines."""
    points = answer.points
    points = plain(points[points["primary"] & ~points["kind"].isin(_BASELINES)])
    columns = ["kind", "state", "seed", "draw", "value", "ci_low", "ci_high", "n", "flag"]
    numbers = dict.fromkeys(("value", "ci_low", "ci_high"), float)
    points = points.set_index("line").rename_axis(None)[columns].astype(numbers)
    scores = answer.tables["summary_performance"]
    primary = scores[scores["primary"]]
    masked = points[points["kind"] != "full"]
    if masked.empty:
        return
    metric = primary["metric"].iloc[0]
    lines = _lines(primary)
    low = min(points["value"].min(), lines["value"].min())
    high = max(points["value"].max(), lines["value"].max())
    margin = 0.06 * (high - low or 1)
    scale = alt.Scale(domain=[low - margin, high + margin], nice=False)
    step = -(-len(masked) // MOST_POINTS)
    drawn = masked.iloc[::step][["kind", "state", "seed", "draw", "value"]]
    panels = [
        _strip(drawn[drawn["state"] == state], lines, metric, scale, state)
        for state in BESIDE_FULL
        if (drawn["state"] == state).any()
    ]
    said = [
        f"{line.kind} {line.state} {decimal(line.mean)}"
        for line in primary.itertuples()
        if line.kind not in _BASELINES
    ]
    yield Figure(
        file_name("performance", answer.label),
        f"What the subnetworks score on {answer.label}",
        "Every point is one subnetwork: one column of points per seed, one point per draw, and a "
        "bar at the median of each seed. The lines are the full model (mean over seeds) and the "
        "named baselines." + (f" One point in {step} is drawn." if step > 1 else ""),
        f"Strip plot of {metric}. Means: {', '.join(said)}; {primary['baseline'].iloc[0]} "
        f"{decimal(primary['baseline_value'].iloc[0])}.",
        spec_of(beside(panels, shared=False)),
        points,
        "rows.parquet",
    )


def _lines(primary: pd.DataFrame) -> pd.DataFrame:
    baseline = primary.iloc[0]
    records = [{"line": str(baseline["baseline"]), "value": float(baseline["baseline_value"])}]
    for kind in ("full", *_BASELINES):
        mean = primary.loc[primary["kind"] == kind, "mean"]
        records += [{"line": kind, "value": float(value)} for value in mean[:1]]
    return pd.DataFrame(records).dropna()


def _strip(
    points: pd.DataFrame, lines: pd.DataFrame, metric: str, scale: alt.Scale, state: str
) -> alt.LayerChart:
    colour, shape = kind_scales(points["kind"].unique().tolist())
    hue = alt.Color("kind:N", scale=colour, legend=None)
    angle = 0 if sum(map(len, points["kind"].unique())) <= _LETTERS else -35
    x = alt.X("kind:N", sort=_KINDS, title=None, axis=alt.Axis(labelAngle=angle))
    offset = alt.XOffset("seed:O")
    y = alt.Y("value:Q", title=metric, scale=scale)
    base = alt.Chart(points)
    marks = base.mark_point(filled=True, size=45, opacity=0.55).encode(
        x=x,
        xOffset=offset,
        y=y,
        color=hue,
        shape=alt.Shape("kind:N", scale=shape, legend=None),
        tooltip=told("kind:N", "seed:O", "draw:O", alt.Tooltip("value:Q", format=".3f")),
    )
    medians = base.mark_tick(thickness=3, size=22).encode(
        x=x, xOffset=offset, y=alt.Y("median(value):Q", title=metric, scale=scale), color=hue
    )
    rules = alt.Chart(lines).encode(y=alt.Y("value:Q", title=metric, scale=scale))
    dashes = alt.Scale(domain=["full", "majority", "chance", "mean", *_BASELINES],
                       range=[[1, 0], [6, 3], [6, 3], [6, 3], [2, 3], [4, 2]])  # fmt: skip
    drawn = rules.mark_rule(color=GREY, strokeWidth=1.5).encode(
        strokeDash=alt.StrokeDash("line:N", scale=dashes, legend=None)
    )
    low, high = scale.domain
    named = list(zip(lines["line"], lines["value"], strict=True))
    labels = [
        alt.Chart(pd.DataFrame([{"text": "\n".join(label.lines)}]))
        .mark_text(align="left", baseline="middle", lineBreak="\n", fontSize=11)
        .encode(x=alt.value(_SIDE + 4), y=alt.value(_SIDE - label.at), text=alt.Text("text:N"))
        for label in merged_labels(named, low, high, _SIDE)
    ]
    layers = [drawn, *labels, marks, medians]
    return alt.layer(*layers).properties(width=_SIDE, height=_SIDE, title=state)


# -- reliability ------------------------------------------------------------------------------


def reliability_figure(answer: Answer) -> Iterator[Figure]:
    """Accuracy against mean confidence, bin by bin, for the full model and each subnetwork."""
    curve = answer.tables.get("reliability")
    if curve is None or curve.empty:
        return
    numbers = dict.fromkeys(("value", "confidence", "ci_low", "ci_high"), float)
    curve = curve[~curve["kind"].isin(_BASELINES)].astype({**numbers, "n": int})
    states: dict[str, tuple[str, ...]] = {
        name: both for name, both in BESIDE_FULL.items() if (curve["state"] == name).any()
    }
    panels = [
        _reliability(curve[curve["state"].isin(both)], name)
        for name, both in (states or {"finetuned": ("finetuned",)}).items()
    ]
    errors = answer.tables["calibration"]
    errors = errors[(errors["metric"] == "ece") & ~errors["kind"].isin(_BASELINES)]
    said = [
        f"{line.kind} {line.state} {decimal(line.value)} (calibrated: "
        f"{decimal(line.baseline_value)})"
        for line in errors.itertuples()
    ]
    yield Figure(
        file_name("reliability", answer.label),
        f"How reliable the confidence of the subnetworks is on {answer.label}",
        "Each point is a bin of predictions by confidence, the probability of the predicted class: "
        "across, their mean confidence; up, the share that is right, with its 95% interval. Points "
        "on the diagonal are calibrated; below it, the model is overconfident. The size of a point "
        "shows how many predictions it holds, of all seeds and draws.",
        f"Reliability curves. Expected calibration error: {', '.join(said)}.",
        spec_of(beside(panels)),
        curve[["kind", "state", "bin_low", "bin_high", "confidence", "value", "ci_low", "ci_high",
               "n", "n_clusters"]],
        "reliability.csv",
    )  # fmt: skip


def _reliability(curve: pd.DataFrame, state: str) -> alt.LayerChart:
    colour, shape = kind_scales(curve["kind"].unique().tolist())
    unit = alt.Scale(domain=[0, 1])
    base = alt.Chart(curve[["kind", "confidence", "value", "ci_low", "ci_high", "n"]]).encode(
        x=alt.X("confidence:Q", title="mean confidence", scale=unit),
        color=alt.Color("kind:N", scale=colour, title=None),
    )
    y = alt.Y("value:Q", title="share that is right", scale=unit)
    points = base.mark_point(filled=True, opacity=0.8).encode(
        y=y, shape=alt.Shape("kind:N", scale=shape, title=None),
        size=alt.Size("n:Q", title="predictions", scale=alt.Scale(range=[20, 260])),
        tooltip=told("kind:N", "n:Q", *(alt.Tooltip(f"{name}:Q", format=".3f")
                                        for name in ("confidence", "value"))),
    )  # fmt: skip
    ends = base.mark_rule(opacity=0.5).encode(
        y=alt.Y("ci_low:Q", scale=unit, title="share that is right"), y2="ci_high:Q"
    )
    ideal = alt.Chart(pd.DataFrame({"confidence": [0, 1], "value": [0, 1]}))
    diagonal = ideal.mark_line(color=GREY, strokeDash=[4, 4]).encode(
        x=alt.X("confidence:Q", scale=unit), y=y
    )
    layers = [diagonal, ends, base.mark_line(strokeWidth=1).encode(y=y), points]
    return alt.layer(*layers).properties(width=_SIDE, height=_SIDE, title=state)


_KEPT = "share of seeds that keep it"
_SPREAD = "standard deviation over seeds"


# -- survival ---------------------------------------------------------------------------------


def survival_figure(answer: Answer) -> Iterator[Figure]:
    """How much seeds differ in what good masks keep, and what the other masks keep."""
    table = answer.tables["summary_survival"].astype({"share": float, "sd": float})
    # masks of single weights keep every head and MLP: nothing to see
    if table.empty or (table["share"] == 1).all():
        return
    n_seeds = int(table["n_seeds"].max())
    good = table[table["kind"] == "good"]
    panels = []
    if n_seeds > 1 and len(good):
        panels.append(heat_map(good, "sd", "good: spread over seeds", _SPREAD, kind="full"))
    panels += [
        heat_map(table[table["kind"] == kind], "share", kind, _KEPT, kind=kind)
        for kind in table["kind"].unique()
        if kind != "good"
    ]
    if not panels:
        return
    text = (
        "Each cell is a head (its layer down, its number across) or, to the right, a layer's MLP: "
        f"the share of {counted(n_seeds, 'seed')} in which the mask keeps it. Random and bad masks "
        "are represented by their first draw."
    )
    if n_seeds > 1 and len(good):
        text += (
            " The first map is the standard deviation over the good masks: 0 where all seeds agree."
        )
    heads = table[table["unit"] == "head"].groupby("kind", sort=False)["share"]
    said = ", ".join(
        f"{kind} keeps {percent((share == 1).mean())} of the heads in every seed and "
        f"{percent((share == 0).mean())} in none"
        for kind, share in heads
    )
    yield Figure(
        file_name("survival", answer.label),
        spread_claim(answer.label, good[good["unit"] == "head"]),
        text,
        f"Heat maps of kept units over {counted(n_seeds, 'seed')}: {said}.",
        spec_of(
            beside(panels, shared=False, columns=4, spacing=14).resolve_scale(color="independent")
        ),
        table[["kind", "unit", "layer", "head", "share", "sd", "n_seeds"]],
        "summary_survival.csv",
    )


_PLACES = (alt.Tooltip("layer:O", title="layer"), alt.Tooltip("head:O", title="head"))


def heat_map(
    table: pd.DataFrame, value: str, title: str, legend: str, shown: str = "", kind: str = ""
) -> alt.HConcatChart:
    """Heads of all layers, and to their right the MLPs.

    Args:
        table: one line per head and MLP.
        value: the column that colours them, from 0 to 1.
        title: of the map.
        legend: what the colours say.
        shown: the column whose numbers a tooltip tells, where that is another one.
        kind: the kind in whose colour cells are filled; by default a scale of many colours.
    """
    numbers = dict.fromkeys([value, shown or value])
    table = table[["unit", "layer", "head", *numbers]]
    heads = table[table["unit"] == "head"].astype({"head": int, "layer": int})
    mlps = table[table["unit"] == "mlp"].astype({"layer": int}).assign(name="MLP")
    cell = max(6, min(13, 156 // max(1, int(heads["head"].nunique()))))
    many = alt.Color(
        f"{value}:Q", scale=alt.Scale(scheme="cividis", domain=[0, 1]),
        title=legend,
        legend=alt.Legend(gradientLength=160, titleLimit=400),
    )  # fmt: skip
    colour = shade(value, kind, legend) if kind in COLOURS else many
    number = alt.Tooltip(
        f"{shown or value}:Q", title=shown or legend, format=".3g" if shown else ".2f"
    )
    step = alt.Step(cell)
    grid = (
        alt.Chart(heads)
        .mark_rect(stroke=GREY, strokeWidth=0.4)
        .encode(
            x=alt.X("head:O", title="head", axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            y=alt.Y("layer:O", title="layer", axis=alt.Axis(labelOverlap=True)),
            color=colour,
            tooltip=told(*_PLACES, number),
        )
        .properties(width=step, height=step, title=title)
    )
    column = (
        alt.Chart(mlps)
        .mark_rect(stroke=GREY, strokeWidth=0.4)
        .encode(
            x=alt.X("name:N", title=None, axis=alt.Axis(labelAngle=0)),
            y=alt.Y("layer:O", title=None, axis=None),
            color=colour,
            tooltip=told(alt.Tooltip("layer:O", title="MLP of layer"), number),
        )
        .properties(width=alt.Step(cell + 4), height=step)
    )
    maps = alt.hconcat(grid, column, spacing=4)
    return maps.resolve_scale(color="shared")
