"""How charts look: colours, shapes, and the few forms that the figures are built of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd
from altair.utils.schemapi import debug_mode

INK = "currentColor"
"""The colour of the text around a chart: black on white paper, nearly white on a dark page."""
COLOURS = {
    "full": INK,
    "good": "#0072b2",
    "random": "#8c8c8c",
    "bad": "#e69f00",
    "super": "#56b4e9",
    "middle": "#009e73",
    "anti": "#cc79a7",
    "reinit": "#f0e442",
    "shuffled": "#8a6fd1",
    "untrained": "#b8a000",
    "pretrained": "#7a4a1e",
}
"""Kind -> colour, everywhere: Okabe & Ito's blue and orange with ink and a grey between them.

Full, good, random and bad differ in lightness, so that they are told apart on grey paper too, and
remain apart for colour-blind readers. `SHAPES` says the same a second time.
"""
SHAPES = {
    "full": "diamond",
    "good": "circle",
    "random": "square",
    "bad": "triangle-up",
    "super": "cross",
    "middle": "triangle-right",
    "anti": "triangle-down",
    "reinit": "diamond",
    "shuffled": "wedge",
    "untrained": "stroke",
    "pretrained": "arrow",
}
DASHES: dict[str, list[int]] = {
    "full": [1, 0],
    "good": [1, 0],
    "random": [6, 3],
    "bad": [2, 2],
    "super": [8, 2, 2, 2],
    "middle": [4, 2],
    "anti": [10, 3],
    "reinit": [1, 3],
    "shuffled": [3, 1],
    "untrained": [1, 1],
    "pretrained": [5, 1, 1, 1],
}
"""Kind -> dash of its line."""
GREY = "#808080"

_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
CONFIG: dict[str, Any] = {
    "font": _FONT,
    "background": "transparent",
    "view": {"stroke": "#80808055"},
    "axis": {"gridColor": "#80808033", "domainColor": GREY, "tickColor": GREY,
             "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"},
    "legend": {"labelFontSize": 12, "titleFontSize": 12, "orient": "top", "symbolSize": 80},
    "title": {"fontSize": 13, "fontWeight": "bold", "anchor": "start"},
    "header": {"labelFontSize": 12, "titleFontSize": 12},
}  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """One picture.

    Attributes:
        name: file name without suffix; also its anchor in the report.
        title: what it shows, for one task.
        text: how to read it, in words.
        alt: what a reader who cannot see it should know.
        spec: Vega-Lite specification with its data.
        table: the numbers behind it; its index counts the rows of `source` from 0.
        source: the table of the run that holds these numbers, line by line.
    """

    name: str
    title: str
    text: str
    alt: str
    spec: dict[str, Any]
    table: pd.DataFrame
    source: str

    def _repr_mimebundle_(self, *_args: Any, **_options: Any) -> Any:
        """What a notebook shows, by the renderer of altair that is in use."""
        renderer = alt.renderers.get()
        return {"text/plain": self.alt} if renderer is None else renderer(self.spec)


def file_name(kind: str, task: str) -> str:
    """A file name that is also an anchor: letters, digits, dots and dashes."""
    return re.sub(r"[^\w.-]+", "-", f"{kind}-{task}")


def kind_scales(kinds: list[str]) -> tuple[alt.Scale, alt.Scale]:
    """Colour and shape scale of the kinds that occur."""
    known = [kind for kind in COLOURS if kind in kinds]
    return (
        alt.Scale(domain=known, range=[COLOURS[kind] for kind in known]),
        alt.Scale(domain=known, range=[SHAPES[kind] for kind in known]),
    )


MOST_DRAWS = 24
"""Points of one kind in one line of a chart; of more, the range from lowest to highest is drawn."""
SEEN = (
    f"Large: mean over seeds and draws. Small: each draw of each seed (of more than {MOST_DRAWS} a "
    "line from the lowest to the highest); they are what was seen, no interval."
)
"""How to read `dots`."""


def dots(
    table: pd.DataFrame,
    draws: pd.DataFrame,
    *,
    rows: str,
    order: list[str],
    unit: str,
    null: str,
    title: str,
    width: int = 250,
) -> alt.LayerChart:
    """One line a row of `rows`: each kind's mean among its draws, a tick for the null.

    Args:
        table: lines with `mean`, `lowest`, `highest`, `baseline_value`, `n_seeds`, `n_draws` and
            `kind`.
        draws: every draw of every seed of them, with `value`, `seed` and `draw`.
        rows: the column that names the lines.
        order: its values from top to bottom.
        unit: title of the horizontal axis.
        null: what the tick shows, for the tooltip.
        title: title of the panel.
        width: width in pixels.
    """
    needed = [rows, "kind", "mean", "lowest", "highest", "baseline_value", "n_seeds", "n_draws"]
    table = table[needed]
    colour, shape = kind_scales(table["kind"].unique().tolist())
    x = alt.X("mean:Q", title=unit, scale=alt.Scale(zero=False, nice=True))
    y = alt.Y(f"{rows}:N", sort=order, title=None)
    offset = alt.YOffset("kind:N", sort=list(COLOURS))
    legend = alt.Legend(symbolOpacity=1)
    hue = alt.Color("kind:N", scale=colour, title="subnetwork", legend=legend)
    base = alt.Chart(table)
    tick = base.mark_tick(color=GREY, thickness=2, size=24).encode(
        x=alt.X("baseline_value:Q", title=unit),
        y=y,
        tooltip=told(alt.Tooltip("baseline_value:Q", title=null, format=".3f"), f"{rows}:N"),
    )
    layers: list[Any] = [tick, *_seen(table, draws, rows, y, offset, hue, unit)]
    mean = base.mark_point(filled=True, size=55, opacity=1).encode(
        x=x,
        y=y,
        yOffset=offset,
        color=hue,
        shape=alt.Shape("kind:N", scale=shape, title="subnetwork"),
        tooltip=told("kind:N", f"{rows}:N", alt.Tooltip("mean:Q", format=".3f"), "n_seeds:Q",
                     "n_draws:Q"),
    )  # fmt: skip
    height = alt.Step(34, **{"for": "position"})
    return alt.layer(*layers, mean).properties(width=width, height=height, title=title)


def _seen(
    table: pd.DataFrame, draws: pd.DataFrame, rows: str, y: Any, offset: Any, hue: Any, unit: str
) -> list[Any]:
    """Small points where a kind has few draws, else a line over their range."""
    counts = draws.groupby([rows, "kind"])["value"].size()
    if counts.empty or counts.max() < 2:
        return []
    if counts.max() > MOST_DRAWS:
        spread = alt.Chart(table).mark_rule(strokeWidth=2, opacity=0.5)
        return [
            spread.encode(
                x=alt.X("lowest:Q", title=unit),
                x2=alt.X2("highest:Q"),
                y=y,
                yOffset=offset,
                color=hue,
            )
        ]
    points = alt.Chart(draws[[rows, "kind", "seed", "draw", "value"]])
    marks = points.mark_point(filled=True, size=12, opacity=0.5).encode(
        x=alt.X("value:Q", title=unit),
        y=y,
        yOffset=offset,
        color=hue,
        tooltip=told(
            "kind:N", f"{rows}:N", "seed:O", "draw:O", alt.Tooltip("value:Q", format=".3f")
        ),
    )
    return [marks]


def told(*fields: Any) -> list[Any]:
    """Fields of a tooltip; for each plain text altair would look through all of its classes."""
    return [alt.Tooltip(field) if isinstance(field, str) else field for field in fields]


def beside(
    panels: list[Any], *, shared: bool = True, columns: int = 2, spacing: int = 24
) -> alt.ConcatChart:
    """Panels beside each other, on a narrow page below each other; one legend.

    Args:
        panels: the charts.
        shared: whether they have equal axes.
        columns: how many stand in a row where there is room.
        spacing: pixels between them.
    """
    chart = alt.concat(*panels, columns=columns, spacing=spacing)
    return chart.resolve_scale(y="shared", x="shared") if shared else chart


def spec_of(chart: Any) -> dict[str, Any]:
    """The chart's Vega-Lite specification, complete with data and look."""
    with alt.data_transformers.enable("default", max_rows=None):
        # `properties` would copy every part of it
        looks = chart.copy(deep=False)
        looks.config = alt.Config(**CONFIG)
        spec: dict[str, Any] = looks.to_dict(validate=False)
    return spec


@contextmanager
def unchecked() -> Iterator[None]:
    """Build charts without checking each part against the schema, which takes most of the time.

    A test checks the finished specifications instead.
    """
    with debug_mode(False):
        yield


def vega_lite_version() -> str:
    """The Vega-Lite version that the charts are written in, as vl-convert names it."""
    return ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
