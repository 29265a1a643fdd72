"""The pictures of docs/figures.md: one of each kind of figure, drawn from finished runs."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from subprobe.analysis.calibration.of_folder import answered_tables
from subprobe.analysis.figures.charts import Figure, unchecked, vega_lite_version
from subprobe.analysis.figures.figures import DRAWN, OVER_ALL
from subprobe.analysis.run_folder.reading import load_manifest, load_rows
from subprobe.analysis.summary.summaries import summaries
from subprobe.analysis.verdict.answer import answers_of
from subprobe.data.files.atomic import write_text

KINDS = tuple(
    draw.__name__.rsplit("_", 1)[0].replace("_", "-")
    for draw in [*(one for draws in DRAWN.values() for one in draws), *OVER_ALL]
)
"""Every kind of figure that a report draws: the name of the function that draws it."""


def first_figures(run: Path) -> Iterator[tuple[str, Figure]]:
    """The first figure of each kind that a run has numbers for."""
    rows = load_rows(run)
    tables = {**summaries(rows), **answered_tables(rows, load_manifest(run), run)}
    answer = answers_of(rows, tables)[0]
    every: list[tuple[Any, Any]] = [(draw, answer) for draws in DRAWN.values() for draw in draws]
    with unchecked():
        for kind, (draw, of) in zip(KINDS, [*every, *((d, tables) for d in OVER_ALL)], strict=True):
            yield from ((kind, figure) for figure in list(draw(of))[:1])


def draw_pictures(runs: list[Path], folder: Path) -> list[Path]:
    """Write one SVG of each kind on white; a later run fills in what the earlier ones lack."""
    import vl_convert

    written: dict[str, Path] = {}
    for run in runs:
        for kind, figure in first_figures(run):
            if kind not in written:
                spec = {**figure.spec, "background": "white"}
                svg = vl_convert.vegalite_to_svg(spec, vl_version=vega_lite_version())
                written[kind] = folder / f"{kind}.svg"
                write_text(written[kind], _shorter(svg))
    return list(written.values())


def _shorter(svg: str) -> str:
    """The same picture in fewer bytes: an image has one text, and a tenth of a pixel is enough."""
    svg = re.sub(r' (?:aria-[a-z]+|role)="[^"]*"', "", svg)
    return re.sub(r"\d+\.\d{2,}", lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), svg)


if __name__ == "__main__":
    # python tests/support/figure_pictures.py docs/figures runs/quickstart [another run ...]
    for path in draw_pictures([Path(run) for run in sys.argv[2:]], Path(sys.argv[1])):
        print(path)
