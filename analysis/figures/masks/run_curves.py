"""The curves over sizes of a run, each with what it shows in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ...curve.written import curves_in
from ...verdict.answer import Tables
from ...verdict.curve_findings import finding_lines
from ..charts import Figure
from .curve_figure import curve_figure


def curve_figures(tables: Tables) -> Iterator[Figure]:
    """One figure for each task whose subnetworks were scored over their sizes."""
    for curve in curves_in(tables):
        figure = curve_figure(curve.points, curve.areas)
        task = f"{curve.points['task'].iloc[0]}: "
        # the sizes, and whether good is better than other random masks would be
        lines = [line.removeprefix(task) for line in finding_lines(curve)[:2]]
        said = " ".join(f"{line[:1].upper()}{line[1:]}" for line in lines)
        yield replace(figure, text=f"{said} {figure.text}")
