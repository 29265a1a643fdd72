"""An answer is read from what a run wrote, and computed again where that is gone or changed."""

import shutil

import pandas as pd
import pytest
from subprobe.analysis.run_folder.reading import load_manifest, load_rows
from subprobe.analysis.summary.survival import content_summary
from subprobe.analysis.verdict.answers_table import answers_table
from subprobe.analysis.verdict.material import CONTENT, answer_tables, written_content
from subprobe.analysis.verdict.verdict import verdicts


@pytest.fixture(scope="module")
def told(finished_run):
    """Rows, manifest, and what the run wrote of its answer."""
    names = ("summary_headline", "answers", "comparisons")
    written = {name: pd.read_csv(finished_run / f"{name}.csv") for name in names}
    return load_rows(finished_run), load_manifest(finished_run), written


def again(told, folder, manifest=None):
    rows = told[0]
    manifest = told[1] if manifest is None else manifest
    tables = answer_tables(rows, manifest, folder)
    return tables, answers_table(verdicts(rows, tables, manifest))


def same(table, written):
    for name in written.select_dtypes("number"):
        found = pd.to_numeric(table[name]).astype(float).tolist()
        assert found == pytest.approx(written[name].tolist(), nan_ok=True), name


def test_a_finished_run_says_what_it_wrote(told, finished_run):
    tables, answers = again(told, finished_run)
    same(tables["summary_headline"], told[2]["summary_headline"])
    assert answers["text"].tolist() == told[2]["answers"]["text"].tolist()
    assert set(answers["subject"]) >= {"question", "answer", "scores", "limits"}


def test_a_run_of_an_earlier_version_says_the_same(told, finished_run, tmp_path):
    """Without the tables of comparisons, and without the sizes in its manifest."""
    folder = tmp_path / "run"
    shutil.copytree(finished_run, folder)
    for name in ("comparisons", "tests", "answers", "summary_headline", "probe_differences"):
        (folder / f"{name}.csv").unlink()
    manifest = {name: value for name, value in told[1].items() if name != "sizes"}
    tables, answers = again(told, folder, manifest)
    same(tables["summary_headline"], told[2]["summary_headline"])
    assert answers["text"].tolist() == told[2]["answers"]["text"].tolist()


def test_tables_that_were_changed_are_not_believed(told, finished_run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(finished_run, folder)
    path = folder / "comparisons.csv"
    changed = pd.read_csv(path)
    changed.assign(difference=0.5).to_csv(path, index=False)
    tables, _ = again(told, folder)
    same(tables["summary_headline"], told[2]["summary_headline"])


def test_the_sizes_are_those_of_the_model(told):
    sizes = told[1]["sizes"]["acceptability"]
    line = told[2]["summary_headline"].set_index("kind").loc["good"]
    assert 0 < line["flops"] < 1
    assert sizes["heads"] % sizes["mlps"] == 0
    assert 0 < line["parameters"] < 1


def test_what_survival_depends_on_is_read_only_where_the_run_wrote_it_of_these_rows(
    told, finished_run, tmp_path
):
    made = content_summary(told[0])
    read = written_content(told[0], finished_run)[CONTENT]
    pd.testing.assert_frame_equal(read, made, check_exact=True)
    assert not written_content(told[0].iloc[1:], finished_run)
    folder = tmp_path / "run"
    shutil.copytree(finished_run, folder)
    path = folder / f"{CONTENT}.csv"
    path.write_text(path.read_text().replace("finetuned", "pruned"))
    assert not written_content(told[0], folder)
    tables, _ = again(told, folder)
    pd.testing.assert_frame_equal(tables[CONTENT], made, check_exact=True)
    shutil.copy(finished_run / path.name, path)
    assert written_content(told[0], folder)
    (folder / "rows.parquet").unlink()
    assert not written_content(told[0], folder)
