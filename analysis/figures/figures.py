"""The pictures of a run, drawn from its rows, and their files for papers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from ...data.files.atomic import atomic_path, write_text
from ..summary.summaries import summaries
from ..verdict.answer import Answer, Tables, answers_of
from .best_figure import expected_best_figure
from .charts import Figure, unchecked, vega_lite_version
from .headline_figure import headline_figure
from .knowledge_figure import knowledge_figure
from .layer_figures import layer_figures, pattern_figure
from .masks.null_figure import untrained_null_figure
from .masks.run_curves import curve_figures
from .masks.same_score_figure import same_score_figures
from .probe_figures import (
    attention_figure,
    attribution_figure,
    dependency_figure,
    difficulty_figure,
    language_figure,
    survivor_figure,
)
from .score_figures import performance_figure, reliability_figure, survival_figure
from .setting_figures import setting_figure
from .units.head_map import head_map_figure
from .units.mask_figures import overlap_figures, stability_figure
from .units.unit_figure import unit_figure

DRAWN: dict[str, tuple[Callable[[Answer], Iterator[Figure]], ...]] = {
    "headline": (headline_figure,),
    "scores": (performance_figure, expected_best_figure, reliability_figure),
    "masks": (head_map_figure, survival_figure),
    "knowledge": (
        difficulty_figure,
        untrained_null_figure,
        language_figure,
        setting_figure,
        dependency_figure,
        survivor_figure,
        attention_figure,
        pattern_figure,
        knowledge_figure,
        layer_figures,
        attribution_figure,
        unit_figure,
    ),
}
"""Part of the report -> the figures of one answer that stand in it."""
OVER_ALL: tuple[Callable[[Tables], Iterator[Figure]], ...] = (
    curve_figures, same_score_figures, stability_figure, overlap_figures,
)  # fmt: skip
"""Figures about all answers of a run."""


def figures(rows: pd.DataFrame, tables: Tables | None = None) -> list[Figure]:
    """Every figure that the rows have numbers for, task by task and method by method.

    Args:
        rows: tidy rows of a run.
        tables: its summaries where they are known already.
    """
    tables = summaries(rows) if tables is None else tables
    found = [
        f for answer in answers_of(rows, tables) for part in drawn(answer).values() for f in part
    ]
    return found + overall(tables)


def drawn(answer: Answer) -> dict[str, list[Figure]]:
    """The figures of one answer by part of the report."""
    with unchecked():
        return {part: [f for draw in draws for f in draw(answer)] for part, draws in DRAWN.items()}


def overall(tables: Tables) -> list[Figure]:
    """The figures about all answers of a run."""
    with unchecked():
        return [figure for draw in OVER_ALL for figure in draw(tables)]


def save_figures(rows: pd.DataFrame, folder: Path, tables: Tables | None = None) -> list[Path]:
    """Write every figure as SVG, PDF and PNG (on white) into `folder`; returns the files."""
    return [path for figure in figures(rows, tables) for path in save_figure(figure, folder)]


def save_figure(figure: Figure, folder: Path, name: str = "") -> list[Path]:
    """Write one figure as SVG, PDF and PNG (on white) into `folder`; returns the files.

    Args:
        figure: the figure.
        folder: where to write.
        name: file name without suffix; empty = that of the figure.
    """
    import vl_convert

    spec, version = {**figure.spec, "background": "white"}, vega_lite_version()
    files = [folder / f"{name or figure.name}.{suffix}" for suffix in ("svg", "pdf", "png")]
    svg, pdf, png = files
    write_text(svg, vl_convert.vegalite_to_svg(spec, vl_version=version))
    with atomic_path(pdf) as temporary:
        temporary.write_bytes(vl_convert.vegalite_to_pdf(spec, vl_version=version))
    with atomic_path(png) as temporary:
        temporary.write_bytes(vl_convert.vegalite_to_png(spec, vl_version=version, scale=2))
    return files
