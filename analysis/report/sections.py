"""What a report shows of each model and task, ready for the page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup, escape

from ..attributed.word_agreement import FILE as AGREEMENT_FILE
from ..figures.charts import Figure
from ..figures.figures import drawn
from ..summary.kinds import WHO
from ..verdict.answer import Answer, Tables
from ..verdict.verdict import SUBJECTS, Verdict, verdicts
from ..wording import CITED, cited_parts, decimal
from .attribution_examples import ShownExample, examples_of
from .page import script_json
from .page_tables import Table, frame_table, score_table

_PARTS = ("headline", "scores", "masks", "knowledge")


@dataclass(frozen=True)
class Section:
    """What the page shows of one model and task.

    Attributes:
        anchor: its place on the page.
        verdict: the answer.
        said: its sentences by subject (`verdict.SUBJECTS`), each number with its cell.
        metric: the primary metric.
        baseline: name and value of the baseline.
        selection: the examples on which masks were chosen.
        split: the examples on which scores are reported.
        scores: the performance table of the primary metric.
        further: the same of the other metrics, if there are any.
        figures: the figures by part of the page (headline, scores, masks, knowledge).
        profile: the linguistic profile, where probes are about phenomena.
        examples: real examples, word by word.
        word_agreement: agreement of subnetworks in their attributions to words, if there is any.
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


@dataclass(frozen=True)
class Picture:
    """A figure, its specification safe inside a script element, and its numbers."""

    figure: Figure
    spec: Markup
    table: Table


def sections_of(
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
            said={name: tuple(map(_said, verdict.said.get(name, ()))) for name in SUBJECTS},
            metric=str(first["metric"]),
            baseline=f"{first['baseline']} {decimal(first['baseline_value'], 3)}",
            selection=str(first["selection"]),
            split=str(first["split"]),
            scores=score_table(primary, f"{first['metric']} on {answer.label}"),
            further=score_table(others, "Other metrics") if len(others) else None,
            figures=dict.fromkeys(_PARTS, ())
            | {part: tuple(map(picture_of, some)) for part, some in drawn(answer).items()},
            profile=_profile(answer),
            examples=examples,
            word_agreement=_word_agreement(answer),
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
        "Linguistic profile. Scores are means over hidden states 1 to L, draws and seeds; static: "
        "hidden state 0. Difference: good minus the mean of the random draws, tested over sentences"
    )
    return frame_table(shown, "profile.csv", caption)


def _word_agreement(answer: Answer) -> Table | None:
    """Agreement of kinds of subnetwork in their attributions, and of full models of two seeds."""
    table = answer.tables.get(Path(AGREEMENT_FILE).stem)
    if table is None or table.empty:
        return None
    caption = (
        "Agreement of two models in their attributions to the words of an example: mean over "
        "examples, draws and seeds. Ceiling: agreement of full models of two seeds. Difference: "
        "the mean minus the ceiling, tested over examples or groups of examples"
    )
    shown = [
        "variant", "metric", "first", "second", "mean", "ci_low", "ci_high", "chance", "ceiling",
        "difference", "p_adjusted", "n", "n_clusters", "note",
    ]  # fmt: skip
    return frame_table(table[shown], AGREEMENT_FILE, caption)


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


def picture_of(figure: Figure) -> Picture:
    spec = script_json(figure.spec, sort_keys=True, ensure_ascii=False)
    table = frame_table(figure.table, figure.source, f"Values of the figure: {figure.title}")
    return Picture(figure, spec, table)
