"""The picture of the first screen: what full, good, random and bad score."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import altair as alt
import pandas as pd

from ..summary.kinds import BESIDE_FULL, plain
from ..verdict.answer import Answer
from ..wording import counted, decimal, named
from .charts import GREY, INK, LETTER_WIDTH, Figure, beside, file_name, kind_scales, spec_of, told
from .claims import score_claim

KINDS = ["full", "good", "random", "bad"]
MOST_POINTS = 1500
"""Points of one panel; of more, every so-many-th is drawn. The numbers count all of them."""
_ROW, _WIDTH = 40, 230


def headline_figure(answer: Answer) -> Iterator[Figure]:
    """Every score of the four kinds with intervals, means and the majority baseline."""
    scores = answer.tables["summary_performance"]
    primary = scores[scores["primary"] & scores["kind"].isin(KINDS)]
    states = [state for state in BESIDE_FULL if (primary["state"] == state).any()]
    points = answer.points
    points = plain(points[points["primary"] & points["kind"].isin(KINDS)])
    if not states or points.empty:
        return
    columns = ["kind", "state", "seed", "draw", "value", "ci_low", "ci_high", "n", "flag"]
    points = points.set_index("line").rename_axis(None)[columns]
    points = points.astype(dict.fromkeys(("value", "ci_low", "ci_high"), float))
    metric = named(primary["metric"].iloc[0])
    null = primary.iloc[0][["baseline", "baseline_value"]]
    scale = _scale(points, primary, float(null["baseline_value"]))
    panels = [_panel(points, primary, state, metric, null, scale) for state in states]
    said = ", ".join(
        f"{line.kind} {line.state} {decimal(line.mean, 3)}" for line in primary.itertuples()
    )
    yield Figure(
        file_name("headline", answer.label),
        score_claim(answer.label, primary, answer.tables["summary_against_random"]),
        _how(points, primary, states),
        f"{metric}: {said}; {null['baseline']} baseline {decimal(null['baseline_value'], 3)}.",
        spec_of(beside(panels, shared=False, spacing=16)),
        points,
        "rows.parquet",
    )


def _how(points: pd.DataFrame, primary: pd.DataFrame, states: list[str]) -> str:
    seeds = counted(int(primary["n_seeds"].max()), "seed")
    text = f"Each small mark is the score of one model ({seeds}"
    draws = primary[primary["kind"].isin(["random", "bad"])]
    if len(draws):
        told_of = [
            f"{counted(int(of['n_draws'].min()), 'draw')} per seed {state}"
            for state in states
            if len(of := draws[draws["state"] == state])
        ]
        text += f"; random and bad: {', '.join(told_of)}"
    text += "). Vertical bars and numbers are means over seeds."
    if len(states) > 1 and (points["kind"] == "full").any():
        text += " The fine-tuned full model counts in both states."
    if points.loc[_alone(points), "ci_low"].notna().any():
        text += " Thin lines: 95% intervals over examples, where a seed has one model."
    if draws["draw_low"].notna().any():
        text += " Shaded bars: the middle 95% of the draws of all seeds."
    return text


def _alone(points: pd.DataFrame) -> pd.Series[bool]:
    """Which points are the only one of their kind, state and seed."""
    return points.groupby(["kind", "state", "seed"])["value"].transform("size") == 1


def _scale(points: pd.DataFrame, primary: pd.DataFrame, null: float) -> alt.Scale:
    """One axis for all panels, from the lowest to the highest of what is drawn."""
    single = points[_alone(points)]
    ends = [points["value"], primary["mean"], single["ci_low"], single["ci_high"]]
    seen = pd.concat([*ends, pd.Series([null])]).dropna().astype(float)
    margin = 0.04 * (seen.max() - seen.min() or 1)
    return alt.Scale(domain=[seen.min() - margin, seen.max() + margin], nice=False, zero=False)


def _panel(
    points: pd.DataFrame,
    primary: pd.DataFrame,
    state: str,
    metric: str,
    null: pd.Series,
    scale: alt.Scale,
) -> alt.LayerChart:
    mine = points[points["state"].isin(BESIDE_FULL[state])]
    lines = primary[primary["state"].isin(BESIDE_FULL[state])]
    order = [kind for kind in KINDS if kind in set(lines["kind"])]
    colour, shape = kind_scales(order)
    step = -(-len(mine) // MOST_POINTS)
    shown = mine.iloc[::step][["kind", "seed", "draw", "value"]]
    shown = shown.assign(size=_alone(mine).map({True: 60, False: 24}))
    y = alt.Y("kind:N", sort=order, title=None, scale=alt.Scale(paddingInner=0.25))
    seeds = alt.YOffset("seed:O", scale=alt.Scale(paddingInner=0.3, paddingOuter=0.3))
    hue = alt.Color("kind:N", scale=colour, legend=None)

    def x(field: str) -> alt.X:
        return alt.X(f"{field}:Q", title=metric, scale=scale, axis=alt.Axis(tickCount=5))

    layers = _null(null, scale, x)
    middle = lines.loc[lines["draw_low"].notna(), ["kind", "draw_low", "draw_high", "n_draws"]]
    if len(middle):
        layers.append(
            alt.Chart(middle)
            .mark_bar(height=_ROW * 0.62, opacity=0.22)
            .encode(
                x=x("draw_low"),
                x2="draw_high:Q",
                y=y,
                color=hue,
                tooltip=told(
                    alt.Tooltip("kind:N", title="subnetwork"),
                    alt.Tooltip("draw_low:Q", title="2.5% of draws", format=".3f"),
                    alt.Tooltip("draw_high:Q", title="97.5% of draws", format=".3f"),
                    alt.Tooltip("n_draws:Q", title="draws per seed"),
                ),
            )
        )
    single = mine[_alone(mine) & mine["ci_low"].notna()]
    if len(single):
        layers.append(
            alt.Chart(single[["kind", "seed", "ci_low", "ci_high"]])
            .mark_rule(strokeWidth=1.5)
            .encode(x=x("ci_low"), x2="ci_high:Q", y=y, yOffset=seeds, color=hue)
        )
    layers.append(
        alt.Chart(shown)
        .mark_point(filled=True, opacity=0.75, stroke=INK, strokeWidth=0.4)
        .encode(
            x=x("value"),
            y=y,
            yOffset=seeds,
            color=hue,
            shape=alt.Shape("kind:N", scale=shape, legend=None),
            size=alt.Size("size:Q", scale=None),
            tooltip=told(
                alt.Tooltip("kind:N", title="subnetwork"),
                alt.Tooltip("value:Q", title=metric, format=".3f"),
                alt.Tooltip("seed:O", title="seed"),
                alt.Tooltip("draw:O", title="draw"),
            ),
        )
    )
    return alt.layer(*layers, *_means(lines, y, x, metric)).properties(
        width=_WIDTH,
        height=alt.Step(_ROW, **{"for": "position"}),
        title=alt.TitleParams(state, offset=18),
    )


def _null(null: pd.Series, scale: alt.Scale, x: Callable[[str], alt.X]) -> list[alt.Chart]:
    """The baseline as a dashed line, named above the panel."""
    name = f"{null['baseline']} baseline {decimal(null['baseline_value'], 3)}"
    data = pd.DataFrame([{"value": float(null["baseline_value"]), "label": name}])
    base = alt.Chart(data)
    rule = base.mark_rule(color=GREY, strokeDash=[5, 3], strokeWidth=1.5).encode(
        x=x("value"), tooltip=told(alt.Tooltip("label:N", title="line"))
    )
    low, high = scale.domain
    half = LETTER_WIDTH * len(name) / 2
    middle = _WIDTH * (float(null["baseline_value"]) - low) / (high - low)
    text = base.mark_text(fontSize=12, baseline="bottom").encode(
        x=alt.value(min(max(middle, half), _WIDTH - half)), y=alt.value(-4), text="label:N"
    )
    return [rule, text]


def _means(
    lines: pd.DataFrame, y: alt.Y, x: Callable[[str], alt.X], metric: str
) -> list[alt.Chart]:
    """Each mean as a bar through its row, and its number at the right."""
    shown = lines[["kind", "mean", "n_seeds", "n_draws"]].assign(
        label=lines["mean"].map(lambda value: decimal(value, 3))
    )
    base = alt.Chart(shown)
    return [
        base.mark_tick(color=INK, thickness=2.5, size=_ROW * 0.62, opacity=1).encode(
            x=x("mean"),
            y=y,
            tooltip=told(
                alt.Tooltip("kind:N", title="subnetwork"),
                alt.Tooltip("mean:Q", title=f"mean {metric}", format=".3f"),
                alt.Tooltip("n_seeds:Q", title="seeds"),
                alt.Tooltip("n_draws:Q", title="draws per seed"),
            ),
        ),
        base.mark_text(align="left", fontSize=13, fontWeight="bold").encode(
            x=alt.value(_WIDTH + 7), y=y, text="label:N"
        ),
    ]
