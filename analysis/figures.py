"""The pictures of a run, drawn from its rows, and their files for papers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from ..data.atomic import atomic_path, write_text
from .charts import Figure, vega_lite_version
from .compare import performance_table
from .kinds import answers, by_method, of_answer
from .probe_figures import (
    attention_figure,
    attribution_figure,
    dependency_figure,
    survivor_figure,
)
from .probe_summary import probe_table
from .score_figures import performance_figure, survival_figure

Draw = Callable[[str, pd.DataFrame, pd.DataFrame, pd.DataFrame], Iterator[Figure]]
_DRAWN: tuple[Draw, ...] = (
    performance_figure,
    survival_figure,
    dependency_figure,
    survivor_figure,
    attention_figure,
    attribution_figure,
)


def figures(rows: pd.DataFrame) -> list[Figure]:
    """Every figure that the rows have numbers for, task by task and method by method."""
    return [figure for _, drawn in figures_by_answer(rows) for figure in drawn]


def figures_by_answer(rows: pd.DataFrame) -> list[tuple[tuple[str, str, str], list[Figure]]]:
    """(model, task, method) with its figures, in the order of the rows."""
    tables = (by_method(rows), performance_table(rows), probe_table(rows))
    return [
        (who, [f for draw in _DRAWN for f in draw(label, *(of_answer(t, key) for t in tables))])
        for who, label, key in answers(tables[1])
    ]


def save_figures(rows: pd.DataFrame, folder: Path) -> list[Path]:
    """Write every figure as SVG and PNG (on white) into `folder`; returns the files."""
    import vl_convert

    written = []
    for figure in figures(rows):
        spec = {**figure.spec, "background": "white"}
        svg, png = folder / f"{figure.name}.svg", folder / f"{figure.name}.png"
        write_text(svg, vl_convert.vegalite_to_svg(spec, vl_version=vega_lite_version()))
        with atomic_path(png) as temporary:
            temporary.write_bytes(
                vl_convert.vegalite_to_png(spec, vl_version=vega_lite_version(), scale=2)
            )
        written += [svg, png]
    return written
