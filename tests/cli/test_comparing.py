"""`compare` of one run and of several: the screen, the files, the page."""

import json
import re

import numpy as np
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
    assert "a mixed model needs at least 3 tasks and 5 seeds; this run has" in " ".join(out.split())
    answer = " ".join(out.split("findings of the run")[1].split())
    ((gap, low, high),) = re.findall(r"score (\.\d+) \[(\.\d+), (\.\d+)\] above", answer)
    assert float(low) < float(gap) < float(high)
    assert "95% interval over examples, for these 2 seeds and these masks" in answer


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
    assert "first compared with second" in out


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


def test_every_line_says_what_varies(two):
    from subprobe.analysis.comparison.between_runs import Run, between_runs
    from subprobe.analysis.comparison.tables import comparison_tables
    from subprobe.analysis.run_folder.reading import load_rows

    rows = [load_rows(folder) for folder in two]
    tables = comparison_tables(rows[0], two[0] / "cells", probes=False, resamples=50)
    runs = [Run(path.name, of, path / "cells") for path, of in zip(two, rows, strict=True)]
    tables |= between_runs(runs, resamples=50)
    varies = {
        "one draw": "examples", "one seed": "examples", "these seeds": "examples",
        "seeds and examples": "examples and seeds",
    }  # fmt: skip
    for name in ("comparisons", "between_runs"):
        assert (tables[name]["varies"] == tables[name]["level"].map(varies)).all()
        assert len(tables[name])
    tests = tables["tests"]
    over_seeds = tests["test"].eq("sign flips over seeds")
    assert set(tests.loc[over_seeds, "varies"]) == {"seeds"}
    assert set(tests.loc[~over_seeds, "varies"]) == {"examples"}
    assert set(tables["between_tests"]["varies"]) == {"seeds"}


def test_one_relation_is_answered_in_a_line_a_table_and_a_file(subprobe_command, tmp_path):
    from subprobe.analysis.comparison.tables import comparison_tables
    from subprobe.analysis.run_folder.reading import load_rows
    from subprobe.analysis.wording import decimal

    run = tmp_path / "run"
    write_paired_run(run, n=40, sentences=120, draws=2, probe_draws=2)
    asked = (run, "--relation", "nsubj")
    code, out, err = subprobe_command("compare", *asked, "--json", "--out", tmp_path / "a.csv")
    assert code == 0, err
    (line,) = (one for one in json.loads(out) if one["state"] == "pruned")
    table = pd.read_csv(tmp_path / "a.csv")
    assert table["difference"].iloc[0] == pytest.approx(line["difference"], abs=1e-6)
    assert (line["varies"], line["relation"], line["n_draws"]) == ("examples", "nsubj", 2)
    # the same difference and interval as `compare` gives without the question
    every = comparison_tables(load_rows(run), run / "cells")["comparisons"]
    same = every[
        (every["kind_a"] == "good") & (every["kind_b"] == "random")
        & (every["state_a"] == "pruned") & (every["relation"] == "nsubj")
        & (every["metric"] == "best_head_accuracy")
    ]  # fmt: skip
    mean = same[same["level"] == "these seeds"]
    assert len(mean) == 1
    for name, column in (
        ("good", "value_a"), ("random", "value_b"), ("difference", "difference"),
        ("ci_low", "ci_low"), ("ci_high", "ci_high"),
    ):  # fmt: skip
        assert line[name] == pytest.approx(float(mean[column].iloc[0]))
    draws = same.loc[same["level"] == "one draw", "value_b"].astype(float)
    assert (line["random_low"], line["random_high"]) == pytest.approx((draws.min(), draws.max()))
    # every second sentence is scored, with the sizes that the made items have
    sizes = np.random.default_rng(3).integers(1, 4, size=(120, 2))
    assert (line["n"], line["n_sentences"]) == (sizes[1::2, 0].sum(), 60)
    code, out, _ = subprobe_command("compare", *asked)
    said = " ".join(out.split())
    assert said.startswith("nsubj, pruned, acceptability: good is ")
    sure = line["p_adjusted"] <= 0.05
    assert ("not clearly better" in said) == (not sure)
    assert said.count(f"difference {decimal(line['difference'], 3)} [") == 1
    assert "(varies: sentences)" in said
    # corrected over the relations that were asked
    both = (run, "--relation", "nsubj", "--relation", "obj", "--json")
    code, out, _ = subprobe_command("compare", *both)
    assert {one["family_size"] for one in json.loads(out)} == {2}


def test_an_unknown_relation_or_metric_lists_those_that_exist(subprobe_command, two, tmp_path):
    for words, said in (
        (("--relation", "nsubjx"), "did you mean 'nsubj'? known relations: nsubj, obj"),
        (("--metric", "dependency-heads"), "a metric is written as PROBE/METRIC"),
        (("--metric", "dependency-heads/x"), "unknown metric 'dependency-heads/x'"),
    ):
        code, out, err = subprobe_command("compare", two[0], *words)
        assert (code, out) == (2, "")
        assert said in err
    page = tmp_path / "page.html"
    code, _, err = subprobe_command("compare", two[0], "--relation", "nsubj", "--report", page)
    assert code == 2
    assert "--report writes all comparisons, --relation and --metric choose some" in err
    assert not page.exists()
    code, _, err = subprobe_command("compare", *two, "--relation", "nsubj")
    assert code == 2
    assert "name one run folder" in err
