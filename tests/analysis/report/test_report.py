"""The report: whole, self-contained, inert, and the same for the same rows."""

import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from run_rows import MadeRun
from subprobe.analysis.report.report import render_report, write_report

MANIFEST = {"model": {"name": "embedded"}, "config": {"seeds": [1, 2]}, "versions": {}}
EVIL = "</script><img src=x onerror=alert(1)>"


class Page(HTMLParser):
    """Collects tags with their attributes, texts, and the contents of scripts."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.scripts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "img", "link", "br"}:
            self._open.append(tag)
        if tag == "script":
            self.scripts.append((dict(attrs).get("type", ""), ""))

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if self._open and self._open[-1] == "script":
            kind, text = self.scripts[-1]
            self.scripts[-1] = (kind, text + data)
        elif not self._open or self._open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """The file of a report."""
    target = tmp_path_factory.mktemp("report") / "deep" / "report.html"
    write_report(MadeRun().rows(), MANIFEST, target)
    return target


@pytest.fixture(scope="module")
def text(written) -> str:
    return written.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text) -> Page:
    return Page(text)


def test_it_says_the_answer_and_shows_every_kind(page):
    assert "On acceptability, the full model has accuracy" in page.text
    for word in ("full", "good", "random", "bad", "pruned", "retrained", "majority"):
        assert word in page.text


def test_every_figure_has_a_picture_a_reading_and_its_numbers(page):
    figures = [attributes["id"] for tag, attributes in page.tags if tag == "figure"]
    subjects = {name.split("-")[0] for name in figures}
    assert subjects == {
        "performance", "survival", "dependencies", "survivors", "attention", "attributions",
        "stability", "headline", "heads",
    }  # fmt: skip
    specs = [json.loads(text) for kind, text in page.scripts if kind == "application/json"]
    assert len(specs) == len(figures)
    assert all("data" in json.dumps(spec) for spec in specs)
    tags = [tag for tag, _ in page.tags]
    assert tags.count("figcaption") == len(figures)
    labels = [a["aria-label"] for tag, a in page.tags if a.get("role") == "img"]
    assert len(labels) == len(figures)
    assert all(labels)


def test_headings_landmarks_and_tables_are_in_order(page):
    tags = [tag for tag, _ in page.tags]
    levels = [int(tag[1]) for tag in tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert all(tags.count(tag) == 1 for tag in ("header", "nav", "main"))
    assert tags.count("caption") == tags.count("table")
    assert all("scope" in a for tag, a in page.tags if tag == "th")
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    goals = {a["href"][1:] for _, a in page.tags if a.get("href", "").startswith("#")}
    assert goals <= set(ids)
    assert "main" in goals


def test_the_numbers_are_those_of_the_rows(page):
    rows = MadeRun().rows()
    chosen = rows[(rows["probe"] == "performance") & (rows["metric"] == "accuracy")]
    full = chosen[(chosen["kind"] == "full") & (chosen["state"] == "finetuned")]["value"].mean()
    assert f"{full:.3f}".lstrip("0") in page.text


def test_it_loads_nothing(page, text):
    assert not [tag for tag, _ in page.tags if tag in {"link", "img", "iframe"}]
    assert not [a for _, a in page.tags if "src" in a]
    for _, attributes in page.tags:
        assert re.fullmatch(r"#[\w-]+|\w+\.csv|rows\.parquet", attributes.get("href", "#a")), (
            attributes
        )
    style = re.search(r"<style>(.*?)</style>", text, re.S)
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_names_from_outside_stay_text():
    rows = MadeRun(tasks=(EVIL,), seeds=(1,)).rows().assign(model=EVIL)
    manifest = {**MANIFEST, "model": {"name": EVIL}, "note": EVIL}
    page = Page(render_report(rows, manifest))
    assert "img" not in {tag for tag, _ in page.tags}
    assert EVIL in page.text
    for kind, text in page.scripts:
        if kind == "application/json":
            json.loads(text)


@pytest.mark.slow
def test_the_same_rows_give_the_same_page(text):
    assert render_report(MadeRun().rows(), MANIFEST) == text


@pytest.mark.parametrize(
    "made",
    [
        MadeRun(seeds=(1,), draws=1, retrained_draws=0, probes=False, metric="matthews"),
        pytest.param(MadeRun(seeds=(1,)), marks=pytest.mark.slow),
        pytest.param(MadeRun(draws=1, retrained_draws=0), marks=pytest.mark.slow),
        pytest.param(MadeRun(probes=False), marks=pytest.mark.slow),
        pytest.param(MadeRun(metric="matthews"), marks=pytest.mark.slow),
    ],
    ids=["all of this", "one seed", "no draws", "no probes", "another metric"],
)
def test_smaller_runs_have_a_report(made):
    assert "subnetworks keep" in render_report(made.rows(), MANIFEST)


@pytest.mark.slow
def test_each_task_has_its_own_figures_and_warnings():
    rows = MadeRun(tasks=("cola", "my-cola"), degenerate=("my-cola",), probes=False).rows()
    page = render_report(rows, MANIFEST)
    first, second = page.split('<section class="task"')[1:]
    assert 'id="performance-cola"' in first
    assert 'id="performance-my-cola"' in second
    assert 'id="performance-cola"' not in second
    assert "DEGENERATE" in second
    assert "DEGENERATE" not in first


def test_long_tables_are_cut_and_say_so(page):
    assert re.search(r"\d+ more lines are in summary_survival.csv", page.text)


@pytest.mark.slow
def test_an_empty_number_is_a_dash():
    rows = MadeRun(seeds=(1,)).rows()
    rows = rows[rows["probe"].isin(["performance", "mask", "attention-stats"])]
    some = (rows["probe"] == "attention-stats") & (rows["head"] == 0)
    rows.loc[some, "value"] = pd.NA
    assert "nan" not in Page(render_report(rows, MANIFEST)).text.lower().split()


def test_it_is_written_whole(written, text):
    assert text.rstrip().endswith("</html>")
    assert written.stat().st_size < 3_000_000
    assert [path.name for path in written.parent.iterdir()] == ["report.html"]
