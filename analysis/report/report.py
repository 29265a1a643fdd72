"""The report of a run: one HTML page that needs no network."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup, escape

from ...data.files.atomic import write_text
from ..attributed.word_agreement import FILE as AGREEMENT_FILE
from ..attributed.word_agreement import read_agreement
from ..figures.charts import Figure
from ..figures.figures import drawn, overall
from ..glossary import TERMS
from ..hypotheses.of_run import NAME as HYPOTHESES
from ..running.attacked_texts import FILE as ATTACKED_FILE
from ..running.attacked_texts import read_attacked
from ..summary.kinds import WHO
from ..summary.summaries import summaries
from ..verdict.answer import Answer, Tables, answers_of
from ..verdict.limits import missing_part
from ..verdict.material import answer_tables, written_content
from ..verdict.verdict import Verdict, verdicts
from ..wording import CITED, cited_parts, decimal
from .asked import asked
from .attribution_examples import ShownExample, examples_of
from .page import SCRIPTS, STYLES, library, policy, render, resource, script_json
from .page_tables import Table, agreement_table, frame_table, headline_table, score_table
from .term_links import TermLinks, anchor_of


@dataclass(frozen=True)
class Section:
    """What the page shows of one model and task.

    Attributes:
        anchor: its place on the page.
        verdict: the answer; `said` holds its sentences by subject, numbers with their cells.
        metric: the primary metric.
        baseline: name and value of the baseline.
        selection: what masks were chosen on.
        split: what scores are reported on.
        scores: the performance table of the primary metric.
        further: the same of the other metrics, if there are any.
        figures: the pictures by part of the page, each with its table.
        profile: the linguistic profile, where probes are about phenomena.
        examples: real examples, word by word.
        word_agreement: agreement of subnetworks in their attributions to words, if there is any.
        attacked: texts before and after attacks, if there are any.
        hypotheses: tests of the good masks, if their complements were scored.
    """

    anchor: str
    verdict: Verdict
    said: Mapping[str, tuple[Markup, ...]]
    metric: str
    baseline: str
    selection: str
    split: str
    scores: Table
    further: Table | None
    figures: Mapping[str, tuple[Picture, ...]]
    profile: Table | None
    examples: list[ShownExample]
    word_agreement: Table | None
    attacked: Table | None
    hypotheses: Table | None


@dataclass(frozen=True)
class Picture:
    """A figure, its specification safe inside a script element, and its numbers."""

    figure: Figure
    spec: Markup
    table: Table


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
        words: attributed words (`attribution_examples.word_frame`), where there are some.
        folder: the run folder, which the page's links lead to; default: beside the page.
        tables: the summaries of the rows, where they are there already.
    """
    beside = ""
    if folder is not None and folder.resolve() != out_path.parent.resolve():
        beside = Path(os.path.relpath(folder.resolve(), out_path.parent.resolve())).as_posix() + "/"
    if tables is None and folder is not None:
        tables = report_tables(rows, manifest, folder)
    earlier = out_path if folder is None else folder / "report.html"
    page = render_report(rows, manifest, words=words, beside=beside, tables=tables, earlier=earlier)
    write_text(out_path, page)


def report_tables(
    rows: pd.DataFrame, manifest: Mapping[str, Any], folder: Path
) -> dict[str, pd.DataFrame]:
    """Every table that the page of a run in a folder shows, by name."""
    known = {
        **summaries(rows, written_content(rows, folder)),
        **read_agreement(folder),
        **read_attacked(folder),
    }
    return answer_tables(rows, manifest, folder, known)


def render_report(
    rows: pd.DataFrame,
    manifest: Mapping[str, Any],
    *,
    words: pd.DataFrame | None = None,
    beside: str = "",
    tables: Tables | None = None,
    earlier: Path | None = None,
) -> str:
    """The page as text; the same rows and manifest give the same page.

    Args:
        rows: tidy rows of a run.
        manifest: what `manifest.json` holds.
        words: attributed words, where there are some.
        beside: what stands before the name of a CSV file in a link.
        tables: the summaries of the rows, where they are there already.
        earlier: an earlier page of the run, where there may be one (`page.library`).
    """
    known = summaries(rows) if tables is None else tables
    tables = answer_tables(rows, manifest, known=known)
    answers = answers_of(rows, tables)
    style, script = resource(*STYLES, "words.css"), resource(*SCRIPTS)
    drawing = library(earlier)
    return render(
        "report.html.j2",
        sections=list(_sections(rows, tables, answers, words, manifest)),
        headline=headline_table(
            tables["summary_headline"], {answer.who: answer.label for answer in answers}
        ),
        asked=asked(manifest),
        agreement=agreement_table(tables["summary_stability"]),
        overall=[_picture(figure) for figure in overall(tables)],
        beside=beside,
        style=style,
        script=script,
        library=drawing,
        policy=policy(style, drawing, script),
        manifest=manifest,
        missing=missing_part(manifest),
        glossary=TERMS,
        links_of=TermLinks,
        anchor_of=anchor_of,
        # how long each cell took is in the manifest, and is hundreds of lines
        recorded=json.dumps(
            {name: value for name, value in manifest.items() if name != "cells"},
            indent=2,
            ensure_ascii=False,
        ),
    )


def _sections(
    rows: pd.DataFrame,
    tables: Tables,
    answers: list[Answer],
    words: pd.DataFrame | None,
    manifest: Mapping[str, Any],
) -> Iterator[Section]:
    told = {(v.model, v.task, v.method): v for v in verdicts(rows, tables, manifest)}
    for number, (answer, examples) in enumerate(
        zip(answers, examples_of(words, answers), strict=True), start=1
    ):
        scores = answer.tables["summary_performance"]
        primary, others = scores[scores["primary"]], scores[~scores["primary"]]
        first = primary.iloc[0]
        verdict = told[answer.who]
        yield Section(
            anchor=f"answer-{number}",
            verdict=verdict,
            said={name: tuple(map(_said, said)) for name, said in verdict.said.items()},
            metric=str(first["metric"]),
            baseline=f"{first['baseline']} {decimal(first['baseline_value'], 3)}",
            selection=str(first["selection"]),
            split=str(first["split"]),
            scores=score_table(primary, f"{first['metric']} on {answer.label}"),
            further=score_table(others, "Other metrics") if len(others) else None,
            figures={part: tuple(map(_picture, some)) for part, some in drawn(answer).items()},
            profile=_profile(answer),
            examples=examples,
            word_agreement=_word_agreement(answer),
            attacked=_attacked(answer, tables.get(Path(ATTACKED_FILE).stem)),
            hypotheses=_hypotheses(answer),
        )


def _profile(answer: Answer) -> Table | None:
    """The linguistic profile of an answer, without what the caption and other columns say."""
    table = answer.tables.get("profile")
    if table is None or table.empty:
        return None
    hidden = [*WHO, "correction", "family_size", "note"]
    if table["static_vectors"].isna().all():
        hidden.append("static_vectors")
    shown = table.drop(columns=hidden)
    caption = (
        "Linguistic profile: scores are means over hidden states 1 to L, draws and seeds; static = "
        "state 0; the difference is good minus the mean of the random draws, tested over sentences"
    )
    return frame_table(shown, "profile.csv", caption)


def _word_agreement(answer: Answer) -> Table | None:
    """Agreement of kinds of subnetwork in their attributions, and of full models of two seeds."""
    table = answer.tables.get(Path(AGREEMENT_FILE).stem)
    if table is None or table.empty:
        return None
    caption = (
        "Agreement between two models in their attributions to the words of an example, averaged "
        "over examples, draws and seeds; ceiling = agreement of full models of two seeds; "
        "difference = the mean minus the ceiling, tested over examples or their clusters"
    )
    shown = [
        "variant", "metric", "first", "second", "mean", "ci_low", "ci_high", "chance", "ceiling",
        "difference", "p_adjusted", "n", "n_clusters", "note",
    ]  # fmt: skip
    return frame_table(table[shown], AGREEMENT_FILE, caption)


def _hypotheses(answer: Answer) -> Table | None:
    """The tests of the good mask of each seed."""
    table = answer.tables.get(HYPOTHESES)
    if table is None or table.empty:
        return None
    caption = (
        "Tests of the good masks: against random masks and their complements, and against the full "
        "model; value = share of random masks that are beaten, share of examples on which the mask "
        "scores higher, or HSIC; least n = draws or examples with which p can reach .05"
    )
    shown = [
        "seed", "hypothesis", "answer", "match", "observed", "compared", "value", "ci_low",
        "ci_high", "n", "least_n", "n_clusters", "p_adjusted", "flag",
    ]  # fmt: skip
    return frame_table(table[shown], f"{HYPOTHESES}.csv", caption)


def _attacked(answer: Answer, table: pd.DataFrame | None) -> Table | None:
    """Texts before and after the attacks on the models of the first seed and draw."""
    if table is None:
        return None
    model, task, method = answer.who
    mine = (table["model"] == model) & (table["task"] == task)
    table = table[mine & table["method"].isin([method, "full"])]
    if table.empty:
        return None
    first = (table["seed"] == table["seed"].min()) & (table["draw"].fillna(0) == 0)
    caption = (
        "Texts whose words an attack replaced, in the models of the first seed and draw; gold and "
        "prediction are numbers of classes, and the attack succeeded where they differ"
    )
    shown = ["kind", "state", "item_id", "original", "adversarial", "gold", "prediction"]
    return frame_table(table[first][shown], ATTACKED_FILE, caption)


def _said(sentence: str) -> Markup:
    """A sentence of the verdict, each number an element that names its cell."""
    done, last = Markup(""), 0
    for found in CITED.finditer(sentence):
        source, row, column, text = cited_parts(found[1])
        done += _named(sentence[last : found.start()])
        done += Markup(
            '<span class="number" data-source="{}" data-row="{}" data-column="{}">{}</span>'
        ).format(source, row, column, text)
        last = found.end()
    return done + _named(sentence[last:])


def _named(text: str) -> Markup:
    """A text whose names between backticks are set as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _picture(figure: Figure) -> Picture:
    spec = script_json(figure.spec, sort_keys=True, ensure_ascii=False)
    table = frame_table(figure.table, figure.source, f"Numbers behind: {figure.title}")
    return Picture(figure, spec, table)
