"""The report of a run: one HTML page that needs no network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from ..data.atomic import write_text
from .charts import Figure, vega_lite_version
from .compare import kept_columns, performance_table
from .figures import figures_by_answer
from .kinds import WHO, of_answer
from .verdict import Verdict, verdicts
from .wording import MISSING, between, decimal, percent

MOST_LINES = 40
"""Lines of a table that the page shows; the CSV file beside it has all of them."""

_STATES = {
    "finetuned": "fine-tuned",
    "pruned": "pruned",
    "retrained": "retrained",
    "untrained": "from random weights",
}


@dataclass(frozen=True)
class Section:
    """What the page shows of one model and task.

    Attributes:
        verdict: the answer in words.
        metric: the primary metric.
        baseline: name and value of what a blind guess scores.
        selection: what masks were chosen on.
        split: what scores are reported on.
        scores: the performance table of the primary metric.
        further: the same of the other metrics, if there are any.
        figures: the pictures, each with its table.
    """

    verdict: Verdict
    metric: str
    baseline: str
    selection: str
    split: str
    scores: Table
    further: Table | None
    figures: tuple[Picture, ...]


@dataclass(frozen=True)
class Table:
    """A table as text.

    Attributes:
        header: column titles.
        lines: cells of each line.
        left_out: lines that are only in the file.
    """

    header: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    left_out: int = 0


@dataclass(frozen=True)
class Picture:
    """A figure, its specification safe inside a script element, and its numbers."""

    figure: Figure
    spec: Markup
    table: Table


def write_report(rows: pd.DataFrame, manifest: Mapping[str, Any], out_path: Path) -> None:
    """Write the report.

    Args:
        rows: tidy rows of a run.
        manifest: what `manifest.json` holds.
        out_path: the HTML file.
    """
    write_text(out_path, render_report(rows, manifest))


def render_report(rows: pd.DataFrame, manifest: Mapping[str, Any]) -> str:
    """The page as text; the same rows and manifest give the same page."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_resource("report.html.j2")).render(
        sections=_sections(rows),
        style=Markup(_resource("report.css")),
        script=Markup(_resource("report.js")),
        library=_library(),
        manifest=manifest,
        recorded=json.dumps(manifest, indent=2, ensure_ascii=False),
    )


def _resource(name: str) -> str:
    return files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


@cache
def _library() -> Markup:
    """Vega, Vega-Lite and Vega-Embed, to stand inside a script element."""
    import vl_convert

    # its stub asks for a snippet, which the function itself does not
    text = vl_convert.javascript_bundle(vl_version=vega_lite_version())  # type: ignore[call-arg]
    return Markup(text.replace("</script", "<\\/script"))


def _sections(rows: pd.DataFrame) -> list[Section]:
    scores, drawn = performance_table(rows), dict(figures_by_answer(rows))
    sections = []
    for answer in verdicts(rows):
        who = (answer.model, answer.task, answer.method)
        mine = of_answer(scores, dict(zip(WHO, who, strict=True)))
        primary = mine[mine["primary"]]
        first = primary.iloc[0]
        sections.append(
            Section(
                verdict=answer,
                metric=str(first["metric"]),
                baseline=f"{first['baseline']} {decimal(first['baseline_value'], 3)}",
                selection=str(first["selection"]),
                split=str(first["split"]),
                scores=_scores(primary),
                further=_scores(mine[~mine["primary"]]) if not mine["primary"].all() else None,
                figures=tuple(_picture(figure) for figure in drawn[who]),
            )
        )
    return sections


def _picture(figure: Figure) -> Picture:
    # inside a script element only `<` could end it or open another
    spec = json.dumps(figure.spec, sort_keys=True, ensure_ascii=False).replace("<", "\\u003c")
    return Picture(figure, Markup(spec), _table(figure.table))


def _scores(scores: pd.DataFrame) -> Table:
    kept = kept_columns(scores)
    header: tuple[str, ...] = (
        "subnetwork", "state", "metric", *kept, "mean", "over seeds", "95% of draws",
        "seeds × draws", "n", "flag",
    )  # fmt: skip
    lines: list[tuple[str, ...]] = [
        (
            str(line.kind),
            _STATES.get(str(line.state), str(line.state)),
            str(line.metric),
            *(percent(getattr(line, f"{name}_kept")) for name in kept.values()),
            decimal(line.mean, 3),
            between(line.seed_low, line.seed_high, 3) if line.n_seeds > 1 else MISSING,
            between(line.draw_low, line.draw_high, 3) or MISSING,
            f"{line.n_seeds} × {line.n_draws}",
            str(int(line.n)),
            str(line.flag),
        )
        for line in scores.itertuples()
    ]
    if not any(line[-1] for line in lines):
        header, lines = header[:-1], [line[:-1] for line in lines]
    return Table(header, tuple(lines))


def _table(frame: pd.DataFrame) -> Table:
    """The first lines of a frame, without the columns that are empty in all of it."""
    frame = frame.dropna(axis=1, how="all")
    lines = tuple(
        tuple(_cell(value) for value in line)
        for line in frame.head(MOST_LINES).itertuples(index=False, name=None)
    )
    header = tuple(str(name).replace("_", " ") for name in frame.columns)
    return Table(header, lines, max(0, len(frame) - MOST_LINES))


def _cell(value: Any) -> str:
    if value is None or pd.isna(value):
        return MISSING
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) > 1 else decimal(value, 3)
    return str(value)
