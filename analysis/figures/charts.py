"""How charts look: colours, shapes, and the few forms that the figures are built of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd
from altair.utils.schemapi import debug_mode

from ..wording import decimal

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
    "complement": "#d55e00",
    "random-complement": "#b3d0c4",
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
    "complement": "triangle-left",
    "random-complement": "square",
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
    "complement": [6, 2, 1, 2],
    "random-complement": [3, 3],
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


def shade(field: str, kind: str, title: str) -> alt.Color:
    """A share from 0 to 1 as the colour of a kind, from transparent to full."""
    full = COLOURS[kind] if COLOURS[kind] != INK else GREY
    red, green, blue = (int(full[place : place + 2], 16) for place in (1, 3, 5))
    scale = alt.Scale(domain=[0, 1], range=[f"rgba({red},{green},{blue},0)", full])
    legend = alt.Legend(
        gradientLength=120, titleLimit=400, format=".0%", values=[0, 0.5, 1],
        gradientStrokeColor=GREY, gradientStrokeWidth=0.6,
    )  # fmt: skip
    return alt.Color(f"{field}:Q", scale=scale, title=title, legend=legend)


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


# -- labels of lines ----------------------------------------------------------------------------

LINE_HEIGHT = 13
"""Pixels of one line of a label."""
LETTER_WIDTH = 6.4
"""Pixels of an average letter of a label in 12 pixels."""


@dataclass(frozen=True)
class Label:
    """The label of one line or of several that are near each other.

    Attributes:
        at: centre of the label in pixels, on the axis of the lines.
        lines: what it says, one text per line.
    """

    at: float
    lines: tuple[str, ...]

    @property
    def low(self) -> float:
        """Its first pixel."""
        return self.at - LINE_HEIGHT * len(self.lines) / 2

    @property
    def high(self) -> float:
        """Its last pixel."""
        return self.at + LINE_HEIGHT * len(self.lines) / 2


def merged_labels(
    named: Sequence[tuple[str, float]], low: float, high: float, pixels: float
) -> list[Label]:
    """Labels beside an axis, none of which covers another.

    Lines with the same printed value share one line of text ("majority and bag-of-words .500").
    Labels that would overlap become one label with several lines, and a label that would leave
    the axis is moved inside.

    Args:
        named: name and value of each line.
        low: value at pixel 0.
        high: value at the last pixel, other than `low`.
        pixels: length of the axis.
    """
    groups = [[one] for one in sorted(named, key=lambda pair: pair[1])]
    while True:
        labels = [_label(group, low, high, pixels) for group in groups]
        near = [
            place
            for place in range(len(labels) - 1)
            if labels[place].high > labels[place + 1].low
            or _text(groups[place][-1]) == _text(groups[place + 1][0])
        ]
        if not near:
            return labels
        groups[near[0] : near[0] + 2] = [groups[near[0]] + groups[near[0] + 1]]


def _text(pair: tuple[str, float]) -> str:
    return decimal(pair[1], 3)


def joined(names: Sequence[str]) -> str:
    """Names as a list in a sentence: `a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _label(group: list[tuple[str, float]], low: float, high: float, pixels: float) -> Label:
    names: dict[str, list[str]] = {}
    # the highest value stands on top, where its line is
    for pair in reversed(group):
        names.setdefault(_text(pair), []).insert(0, pair[0])
    lines = tuple(f"{joined(some)} {value}" for value, some in names.items())
    middle = sum(value for _, value in group) / len(group)
    half = LINE_HEIGHT * len(lines) / 2
    place = pixels * (middle - low) / (high - low)
    return Label(min(max(place, half), max(pixels - half, half)), lines)
