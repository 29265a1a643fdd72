"""The graph of a run as a picture: what is finished, what is left, and what reads what."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd

from ..plan.graph import Graph
from .charts import GREY, spec_of, unchecked, vega_lite_version

STATE_COLOURS = {
    "done": "#009e73",
    "missing": "#b0b0b0",
    "damaged": "#d55e00",
    "to check": "#e69f00",
}
"""State of a cell -> its colour, of those that `charts.COLOURS` is made of."""

MOST_CELLS = 200
"""Of more cells, only steps are drawn."""

_POINTS = 24
"""Of an arc."""

_ACROSS = 6
"""Cells beside each other in one row of a step."""


def graph_svg(graph: Graph, states: Mapping[str, str]) -> str:
    """The graph as SVG: every cell, or of a large one every step with how much of it is done.

    Args:
        graph: the cells.
        states: cell -> done, missing, damaged or to check.
    """
    import vl_convert

    spec = {**graph_spec(graph, states), "background": "white"}
    svg: str = vl_convert.vegalite_to_svg(spec, vl_version=vega_lite_version())
    return svg


def graph_spec(graph: Graph, states: Mapping[str, str]) -> dict[str, Any]:
    """The same as a Vega-Lite specification with its data."""
    with unchecked():
        draw = _of_cells if len(graph) <= MOST_CELLS else _of_steps
        return spec_of(draw(graph, states))


def columns_of(graph: Graph) -> dict[str, int]:
    """Step -> its column: steps that read others stand behind them, as far as they can."""
    depth: dict[str, int] = {}
    for name in graph.order:
        depth[name] = 1 + max((depth[one] for one in graph[name].inputs.values()), default=-1)
    steps = list(dict.fromkeys(cell.step for cell in graph))
    deepest = {step: max(depth[c.name] for c in graph if c.step == step) for step in steps}
    ranked = sorted(steps, key=lambda step: (deepest[step], steps.index(step)))
    return {step: place for place, step in enumerate(ranked)}


def _row_of(name: str) -> str:
    """The task and seed of a cell, or the task of what several seeds share."""
    return "/".join(name.split("/")[:2])


def _colour() -> alt.Color:
    scale = alt.Scale(domain=list(STATE_COLOURS), range=list(STATE_COLOURS.values()))
    return alt.Color("state:N", scale=scale, title=None)


def _hidden(name: str, size: float, *, reverse: bool = False) -> dict[str, Any]:
    scale = alt.Scale(domain=[-0.6, size - 0.4], reverse=reverse, nice=False, zero=False)
    return {"shorthand": f"{name}:Q", "scale": scale, "axis": None}


def _of_cells(graph: Graph, states: Mapping[str, str]) -> alt.LayerChart:
    """Every cell as a square, in the column of its step and the row of its task and seed."""
    columns = columns_of(graph)
    rows = list(dict.fromkeys(_row_of(name) for name in graph.cells))
    held = Counter((cell.step, _row_of(cell.name)) for cell in graph)
    # a row is as high as the fullest of its steps
    height = {
        row: max(math.ceil(held[step, row] / _ACROSS) for step in columns) + 1.2 for row in rows
    }
    top = {row: sum(height[one] for one in rows[:place]) for place, row in enumerate(rows)}
    places: dict[str, tuple[float, float]] = {}
    seen: Counter[tuple[str, str]] = Counter()
    for cell in graph:
        key = cell.step, _row_of(cell.name)
        across, down = seen[key] % _ACROSS, seen[key] // _ACROSS
        seen[key] += 1
        places[cell.name] = columns[cell.step] + (across - 2.5) * 0.11, top[key[1]] + down
    cells = pd.DataFrame(
        {"x": x, "y": y, "state": states[name], "said": f"{name}: {states[name]}"}
        for name, (x, y) in places.items()
    )
    edges = pd.DataFrame(
        [
            {"x": places[one][0], "y": places[one][1], "x2": places[cell.name][0],
             "y2": places[cell.name][1]}
            for cell in graph
            for one in dict.fromkeys(cell.inputs.values())
        ],
        columns=["x", "y", "x2", "y2"],
    )  # fmt: skip
    deep = sum(height.values())
    x, y = _hidden("x", len(columns)), _hidden("y", deep, reverse=True)
    heads = pd.DataFrame({"x": list(columns.values()), "step": list(columns)})
    sides = pd.DataFrame({"y": [top[row] for row in rows], "row": rows})
    lines = alt.Chart(edges).mark_rule(color=GREY, opacity=0.25, strokeWidth=0.7)
    squares = alt.Chart(cells).mark_square(size=70, opacity=1)
    words = alt.Chart(heads).mark_text(fontSize=12, fontWeight="bold", baseline="bottom")
    names = alt.Chart(sides).mark_text(fontSize=12, align="right", dx=-8)
    return alt.layer(
        lines.encode(x=alt.X(**x), y=alt.Y(**y), x2="x2:Q", y2="y2:Q"),
        squares.encode(x=alt.X(**x), y=alt.Y(**y), color=_colour(), description="said:N"),
        words.encode(x=alt.X(**x), y=alt.value(-4), text="step:N"),
        names.encode(x=alt.value(0), y=alt.Y(**y), text="row:N"),
    ).properties(width=100 * len(columns), height=max(60, 13 * deep), title=_title(graph, states))


def _of_steps(graph: Graph, states: Mapping[str, str]) -> alt.LayerChart:
    """Every step as a bar, filled as far as its cells are done."""
    columns = columns_of(graph)
    held = Counter(cell.step for cell in graph)
    of_state = Counter((cell.step, states[cell.name]) for cell in graph)
    links = {(graph[one].step, cell.step) for cell in graph for one in cell.inputs.values()}
    parts, named = [], []
    for step, column in columns.items():
        left = column - 0.4
        for state in STATE_COLOURS:
            share = 0.8 * of_state[step, state] / held[step]
            if share:
                parts.append({"x": left, "x2": left + share, "y": -0.2, "y2": 0.2, "state": state})
                left += share
        count = f"{of_state[step, 'done']:,} of {held[step]:,}"
        named.append({"x": column, "y": -0.3, "low": 0.3, "step": step, "count": count})
    arcs = [arc for one, other in sorted(links) if one != other
            for arc in _arc(f"{one} to {other}", columns[one], columns[other])]  # fmt: skip
    high = 1.2 + max((abs(point["y"]) for point in arcs), default=0.0)
    x = _hidden("x", len(columns))
    y = {**_hidden("y", 1, reverse=True), "scale": alt.Scale(domain=[high, -high])}
    base = alt.Chart(pd.DataFrame(named))
    return alt.layer(
        alt.Chart(pd.DataFrame(arcs, columns=["arc", "place", "x", "y"]))
        .mark_line(color=GREY, opacity=0.7, strokeWidth=1)
        .encode(x=alt.X(**x), y=alt.Y(**y), detail="arc:N", order="place:Q"),
        alt.Chart(pd.DataFrame(parts))
        .mark_rect(stroke="white", opacity=1)
        .encode(x=alt.X(**x), y=alt.Y(**y), x2="x2:Q", y2="y2:Q", color=_colour()),
        base.mark_text(fontSize=12, fontWeight="bold", baseline="bottom").encode(
            x=alt.X(**x), y=alt.Y(**y), text="step:N"
        ),
        base.mark_text(fontSize=11, baseline="top").encode(
            x=alt.X(**x), y=alt.Y(**{**y, "shorthand": "low:Q"}), text="count:N"
        ),
    ).properties(width=105 * len(columns), height=70 * high, title=_title(graph, states))


def _arc(name: str, one: int, other: int) -> list[dict[str, Any]]:
    """Points of a line from one column to another, around the steps that stand between.

    From even columns it passes them above, from odd ones below; the further it goes, the higher.
    """
    span = other - one
    height = 0.0 if abs(span) == 1 else (0.45 + 0.3 * abs(span)) * (-1 if one % 2 == 0 else 1)
    steps = [place / _POINTS for place in range(_POINTS + 1)]
    return [
        {"arc": name, "place": t, "x": one + span * t, "y": height * math.sin(math.pi * t)}
        for t in steps
    ]


def _title(graph: Graph, states: Mapping[str, str]) -> alt.TitleParams:
    done = sum(1 for name in graph.cells if states[name] == "done")
    text = f"{done:,} of {len(graph):,} cells are done"
    return alt.TitleParams(text, anchor="start", offset=26)
