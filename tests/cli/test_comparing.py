"""`compare` of one run and of several: the screen, the files, the page."""

import json
import re

import pandas as pd
import pytest
from paired_run import write_paired_run


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    write_paired_run(folder / "first", n=60, sentences=10, draws=2)
    write_paired_run(folder / "second", n=60, shift=-0.1, entropy=3, kinds=("full", "good"))
    return folder / "first", folder / "second"


@pytest.fixture(scope="module")
def page(two, tmp_path_factory):
    """Text of the page of one run, and the folder of its tables."""
    from subprobe.analysis.comparison.tables import comparison_tables
    from subprobe.analysis.report.comparison_page import render_page
    from subprobe.analysis.run_folder.reading import load_rows

    tables = comparison_tables(load_rows(two[0]), two[0] / "cells", resamples=200)
    return render_page(tables, [str(two[0])]), tables


def test_the_screen_shows_differences_and_what_cannot_be_said(subprobe_command, two):
    code, out, _ = subprobe_command("compare", two[0], "--no-probes")
    assert code == 0
    assert "differences in accuracy" in out
    assert "good - random, pruned" in out
    assert "no mixed model of structured" in out


def test_files_and_json_have_the_same_tables(subprobe_command, two, tmp_path):
    code, out, err = subprobe_command(
        "compare", two[0], "--out", tmp_path / "t", "--json", "--correction", "fdr_bh"
    )
    assert code == 0
    tables = json.loads(out)
    assert {f"{name}.csv" for name in tables} == {p.name for p in (tmp_path / "t").glob("*.csv")}
    assert f"{len(tables)} tables" in err
    tests = pd.read_csv(tmp_path / "t" / "tests.csv")
    assert len(tests) == len(tables["tests"])
    assert set(tests["correction"].dropna()) == {"Benjamini-Hochberg"}
    assert "dependency-heads" in set(tests["probe"])


def test_two_runs_are_shown_side_by_side(subprobe_command, two, tmp_path):
    target = tmp_path / "page.html"
    code, out, _ = subprobe_command("compare", *two, "--report", target, "--out", tmp_path / "t")
    assert code == 0
    assert {p.name for p in (tmp_path / "t").glob("*.csv")} == {
        "between_runs.csv", "between_tests.csv", "seed_points.csv", "comparison_notes.csv",
    }  # fmt: skip
    text = target.read_text("utf-8")
    assert "first against second" in text
    code, out, _ = subprobe_command("compare", *two)
    assert code == 0
    assert "first against second" in out


def test_the_numbers_of_the_page_are_those_of_its_tables(page):
    text, tables = page
    lines = re.findall(r'<tr data-source="comparisons.csv" data-row="(\d+)">(.*?)</tr>', text, re.S)
    assert lines
    for row, cells in lines:
        line = tables["comparisons"].iloc[int(row)]
        shown = re.findall(r"<td>(.*?)</td>", cells)
        for place, column in ((2, "value_a"), (3, "value_b"), (4, "difference")):
            assert float(shown[place]) == pytest.approx(float(line[column]), abs=5e-4)


def test_the_page_needs_no_network(page):
    text = re.sub(r"<script>.*?</script>", "", page[0], flags=re.S)
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert not re.search(r'(src|href)="', text)
    specs = re.findall(r'<script type="application/json">(.*?)</script>', text, re.S)
    assert specs
    assert all(json.loads(spec)["$schema"] for spec in specs)


def test_what_cannot_be_compared_is_one_line(subprobe_command, two, tmp_path):
    code, _, err = subprobe_command("compare", two[0], "--correction", "sidak")
    assert code == 2
    assert "sidak" in err
    code, _, err = subprobe_command("compare", two[0], tmp_path)
    assert code == 2
    assert err.count("\n") == 1
