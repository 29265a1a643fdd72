"""The pictures of a run, drawn from its rows, and their files for papers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from ..data.atomic import atomic_path, write_text
from .charts import Figure, vega_lite_version
from .compare import performance_table
from .kinds import WHO
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
    """Every figure that the rows have numbers for, task by task."""
    scores, probes = performance_table(rows), probe_table(rows)
    drawn = []
    for model, task in scores[WHO].drop_duplicates().itertuples(index=False):
        part = [_of(table, model, task) for table in (rows, scores, probes)]
        drawn += [figure for draw in _DRAWN for figure in draw(task, *part)]
    return drawn


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


def _of(table: pd.DataFrame, model: str, task: str) -> pd.DataFrame:
    return table[(table["model"] == model) & (table["task"] == task)]
