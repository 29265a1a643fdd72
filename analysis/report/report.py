"""The report of a run: one HTML page that needs no network."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ...data.files.atomic import write_text
from ..attributed.word_agreement import read_agreement
from ..figures.figures import overall
from ..glossary import TERMS
from ..summary.headline import FILE as HEADLINE
from ..summary.summaries import summaries
from ..verdict.answer import Tables, answers_of
from ..verdict.limits import missing_part
from ..verdict.material import answer_tables
from .asked import asked
from .kind_style import kind_style
from .page import library, policy, render, resource
from .page_tables import agreement_table, headline_table
from .sections import picture_of, sections_of
from .term_links import TermLinks, anchor_of

STYLE = ("report.css", "layout.css", "tables.css", "print.css")
"""Style sheets of a report and of a comparison."""
SCRIPT = ("charts.js", "tables.js", "contents.js")
"""Their script: charts with their values, tables that sort and copy, the contents at the side."""


def write_report(
    rows: pd.DataFrame,
    manifest: Mapping[str, Any],
    out_path: Path,
    *,
    words: pd.DataFrame | None = None,
    folder: Path | None = None,
    tables: Tables | None = None,
) -> None:
    """Write the report.

    Args:
        rows: tidy rows of a run.
        manifest: what `manifest.json` holds.
        out_path: the HTML file.
        words: attributed words (`attribution_examples.word_frame`), if there are any.
        folder: the run folder, to which the links of the page lead; default: the folder of
            the page.
        tables: the tables of the run by name (`report_tables`), if they are known.
    """
    beside = ""
    if folder is not None and folder.resolve() != out_path.parent.resolve():
        beside = Path(os.path.relpath(folder.resolve(), out_path.parent.resolve())).as_posix() + "/"
    if tables is None and folder is not None:
        tables = report_tables(rows, manifest, folder)
    page = render_report(rows, manifest, words=words, beside=beside, tables=tables)
    write_text(out_path, page)


def report_tables(
    rows: pd.DataFrame, manifest: Mapping[str, Any], folder: Path
) -> dict[str, pd.DataFrame]:
    """Every table that the page of a run in a folder shows, by name."""
    known = {**summaries(rows), **read_agreement(folder)}
    return answer_tables(rows, manifest, folder, known)


def render_report(
    rows: pd.DataFrame,
    manifest: Mapping[str, Any],
    *,
    words: pd.DataFrame | None = None,
    beside: str = "",
    tables: Tables | None = None,
) -> str:
    """The page as text; the same rows and manifest give the same page.

    Args:
        rows: tidy rows of a run.
        manifest: what `manifest.json` holds.
        words: attributed words, if there are any.
        beside: the prefix of the names of CSV files in links.
        tables: the tables of the run by name (`report_tables`), if they are known.
    """
    tables = answer_tables(rows, manifest, known=summaries(rows) if tables is None else tables)
    answers = answers_of(rows, tables)
    script = resource(*SCRIPT)
    return render(
        "report.html.j2",
        sections=list(sections_of(rows, tables, answers, words, manifest)),
        headline=headline_table(
            tables[HEADLINE], {answer.who: answer.label for answer in answers}
        ),
        asked=asked(manifest),
        agreement=agreement_table(tables["summary_stability"]),
        overall=[picture_of(figure) for figure in overall(tables)],
        beside=beside,
        style=resource(*STYLE, "words.css") + kind_style(),
        script=script,
        library=library(),
        policy=policy(library(), script),
        manifest=manifest,
        missing=missing_part(manifest),
        glossary=[(anchor_of(term), term, meaning) for term, meaning in TERMS.items()],
        links_of=TermLinks,
        # how long each cell took is in the manifest, and is hundreds of lines
        recorded=json.dumps(
            {name: value for name, value in manifest.items() if name != "cells"},
            indent=2,
            ensure_ascii=False,
        ),
    )
