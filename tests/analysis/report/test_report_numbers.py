"""Every number of the report equals the cell of the CSV file that it names."""

import json
import re
from collections import Counter
from html.parser import HTMLParser

import pandas as pd
import pytest
from report_rows import report_rows, report_words, write_report_files
from run_rows import MadeRun, made_manifest
from subprobe.analysis.report.report import render_report
from subprobe.analysis.summary.summaries import summaries
from subprobe.analysis.verdict.material import answer_tables

pytestmark = pytest.mark.slow

DASH = "–"


class Numbers(HTMLParser):
    """Collects (file, line, columns, text) of every cell and every number in a sentence."""

    def __init__(self, page):
        super().__init__()
        self.found, self.specs = [], []
        self._table, self._columns, self._row, self._place = "", [], None, 0
        self._open = None
        self._script = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "table":
            self._table, self._columns = attrs["data-source"], []
        elif tag == "tr":
            self._row, self._place = attrs.get("data-row"), 0
        elif tag == "th" and attrs.get("scope") == "col":
            self._columns.append(attrs.get("data-column", ""))
        elif tag in ("td", "th"):
            columns = attrs.get("data-column") or self._columns[self._place]
            self._place += 1
            self._open = [self._table, attrs.get("data-row", self._row), columns, ""]
        elif "data-source" in attrs:
            self._open = [attrs["data-source"], attrs["data-row"], attrs["data-column"], ""]
        self._script = attrs.get("type", "") if tag == "script" else ""

    def handle_data(self, data):
        if self._script == "application/json":
            self.specs.append(json.loads(data))
        elif self._open:
            self._open[3] += data

    def handle_endtag(self, tag):
        if tag in ("td", "th", "span") and self._open:
            self.found.append(tuple(self._open))
            self._open = None
        self._script = ""


def numbers_in(text):
    return [float(part.replace(",", "")) for part in re.findall(r"-?\d*\.?\d+", text)]


def same(text, value):
    """Whether a text as the page writes it stands for a value of a CSV file."""
    if text == DASH:
        return pd.isna(value)
    if text == "p < .001":
        return value < 0.001
    if isinstance(value, str) or not numbers_in(text):
        return text == str(value)
    (shown,) = numbers_in(text)
    if text.endswith("%"):
        return shown == pytest.approx(100 * value, abs=0.5001)
    places = len(text.split(".")[1]) if "." in text else 0
    return shown == pytest.approx(value, abs=0.5001 * 10**-places)


@pytest.fixture(scope="module")
def rows():
    return report_rows(MadeRun(("acceptability", "entailment"), draws=29, layers=4, heads=8))


@pytest.fixture(scope="module")
def summarised(rows):
    return answer_tables(rows, made_manifest(), known=summaries(rows))


@pytest.fixture(scope="module")
def page(rows, summarised):
    words = report_words(rows)
    return Numbers(render_report(rows, made_manifest(), words=words, tables=summarised))


@pytest.fixture(scope="module")
def files(rows, summarised, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    write_report_files(rows, summarised, report_words(rows), folder)
    tables = {path.name: pd.read_csv(path) for path in folder.glob("*.csv")}
    return {**tables, "rows.parquet": pd.read_parquet(folder / "rows.parquet")}


def test_every_number_is_that_of_its_cell(page, files):
    checked = Counter()
    for source, row, columns, text in page.found:
        if row is None or not columns:
            continue
        line = files[source].iloc[int(row)]
        values = [line[column] for column in columns.split()]
        if len(values) == 2 and text != DASH:
            shown = [DASH if pd.isna(v) else f"{v:.3f}" for v in values]
            assert numbers_in(text) == pytest.approx([float(v) for v in shown]), (source, row, text)
        elif len(values) == 1:
            state = {"fine-tuned": "finetuned", "from random weights": "untrained"}
            assert same(state.get(text, text), values[0]), (source, row, columns, text)
        checked[source] += 1
    assert set(checked) == {
        "summary_performance.csv", "summary_against_random.csv", "summary_probes.csv",
        "summary_survival.csv", "summary_stability.csv", "summary_overlap.csv",
        "summary_layers.csv", "summary_patterns.csv", "rows.parquet",
        "attribution_examples.csv", "summary_headline.csv", "summary_survival_content.csv",
        "heads.csv",
    }  # fmt: skip
    assert sum(checked.values()) > 2000


def test_a_wrong_number_would_be_seen():
    assert not same(".83", 0.84)
    assert not same("58%", 0.57)
    assert not same(DASH, 0.5)
    assert not same("bad", "good")
    assert same(".83", 0.8349)


def test_numbers_without_a_cell_are_few(page):
    """Names of tasks and what is missing: no number stands alone."""
    alone = [text for _, row, columns, text in page.found if row is None or not columns]
    assert all(text == DASH or not numbers_in(text) for text in alone), alone


def test_charts_draw_the_numbers_of_the_files(page, files):
    known = {
        round(float(value), 9)
        for table in files.values()
        for name in table.select_dtypes("number")
        for value in table[name].dropna()
    }
    drawn = 0
    for spec in page.specs:
        for data in spec.get("datasets", {}).values():
            for record in data:
                for name in ("mean", "share", "sd", "value", "adjusted", "shared_mean"):
                    if record.get(name) is not None:
                        assert round(record[name], 9) in known, (name, record)
                        drawn += 1
    assert drawn > 500
