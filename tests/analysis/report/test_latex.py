"""Tables for papers: the numbers of the run, intervals of the scores, LaTeX that compiles."""

import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from paired_run import write_paired_run
from run_rows import MadeRun
from subprobe.analysis.cell_output import CellOutput
from subprobe.analysis.intervals.score_intervals import score_intervals
from subprobe.analysis.report.latex import escaped, latex_table, save_latex
from subprobe.analysis.report.paper_tables import PaperTable
from subprobe.analysis.summary.headline import headline_table
from subprobe.analysis.summary.summaries import SUMMARIES, performance_table
from subprobe.data.output.tables import rows_frame

EVIL = 'a_b & c% $x$ #1 {y} ~z^2 <|> \\input{/etc/passwd}\n"∂"'
READ = [f"summary_{name}" for name in
        ("performance", "against_random", "probes", "stability", "overlap")]  # fmt: skip
TASKS = ("my_task", "50% & more")


@pytest.fixture(scope="module")
def paired(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paired")
    rows = write_paired_run(folder, tasks=TASKS, seeds=(1, 2), unlearned=(2,), sentences=12)
    return folder / "cells", rows_frame(rows)


@pytest.fixture(scope="module")
def written(paired, tmp_path_factory):
    """File -> text of a run with items, and of one with masks and probes."""
    cells, rows = paired
    made = MadeRun(tasks=TASKS, draws=3, layers=2, heads=4, probe_draws=2).rows()
    texts = {}
    for name, (these, where) in {"paired": (rows, cells), "made": (made, cells / "none")}.items():
        folder = tmp_path_factory.mktemp(name)
        tables = {table: SUMMARIES[table](these) for table in READ}
        tables["summary_headline"] = headline_table(these, tables)
        for path in save_latex(these, folder, tables=tables, cells=where):
            texts[name, path.stem] = path.read_text("utf-8")
    return texts


def parsed(text):
    """Cells of the head and of the lines of a table."""
    head, body = text.split(r"\toprule")[1].split(r"\bottomrule")[0].split(r"\midrule")
    lines = [line.removesuffix(r" \\") for line in body.strip().splitlines()]
    return re.split(r" & ", head.strip().removesuffix(r" \\")), [
        re.split(r"(?<!\\) & ", line) for line in lines
    ]


def test_every_table_is_whole_latex(written):
    for name, text in written.items():
        opened = re.findall(r"\\begin\{(\w+)\}", text)
        closed = re.findall(r"\\end\{(\w+)\}", text)
        assert opened == ["table", "tabular"] == closed[::-1], name
        plain = re.sub(r"\\[{}\\]", "", text.replace(r"\\", ""))
        assert plain.count("{") == plain.count("}"), name
        header, lines = parsed(text)
        form = re.search(r"\\begin\{tabular\}\{([lr]+)\}", text)[1]
        assert lines, name
        assert {len(header), len(form)} == {len(line) for line in lines} | {len(form)}, name
        # nothing but the breaks, rules and separators of the table is a command of LaTeX
        cells = "".join(cell for line in [header, *lines] for cell in line)
        assert not re.findall(r"(?<!\\)[%#&]", cells), name
        assert text.isascii(), name
    labels = [re.search(r"\\label\{(.+)\}", text)[1] for text in written.values()]
    assert len(set(labels)) == len({stem for _, stem in written})


def test_scores_have_the_columns_of_a_paper(written, paired):
    _, rows = paired
    text = written["paired", "scores-my_task"]
    header, lines = parsed(text)
    assert header == [
        "subnetwork", "state", "heads kept", "MLPs kept", r"accuracy [95\%]",
        r"Matthews correlation [95\%]", "n", "seeds", "draws", "flag",
    ]  # fmt: skip
    table = performance_table(rows)
    mine = table[(table["task"] == "my_task") & table["primary"]]
    assert len(lines) == len(mine)
    for line, expected in zip(lines, mine.itertuples(), strict=True):
        score, low, high = map(float, re.findall(r"-?\.\d+", line[4]))
        assert score == pytest.approx(expected.mean, abs=6e-4)
        assert low < score < high
        assert line[6:9] == [str(expected.n), "2", str(expected.n_draws)]
    said = re.search(r"\\caption\{(.+)\}", text)[1]
    for words in (r"my\_task", "accuracy and Matthews correlation", r"95\% interval over examples",
                  "for these 2 seeds and these masks", "Majority baseline"):  # fmt: skip
        assert words in said
    assert [line[-1] for line in lines if line[0] == "bad"] == ["--", "unlearned"]


def test_shares_differences_and_probes_of_a_run(written):
    header, lines = parsed(written["made", "scores-50-more"])
    assert {line[header.index("MLPs kept")] for line in lines if line[0] != "full"} <= {
        r"50\%", r"67\%", r"100\%", "--"}  # fmt: skip
    assert "No brackets" in written["made", "scores-50-more"]
    header, lines = parsed(written["made", "against-random-my_task"])
    assert header[2:5] == ["accuracy", "random", r"difference [95\%]"]
    for line in lines:
        score, random, gap = (float(cell.split(" ")[0]) for cell in line[2:5])
        assert gap == pytest.approx(score - random, abs=2e-3)
    names = {stem for of, stem in written if of == "made"}
    assert {"stability-all", "overlap-all"} <= names
    header, lines = parsed(written["made", "probe-dependency-heads-offset-my_task"])
    assert header[:1] + header[-6:] == [
        "measure",
        "full",
        "good",
        "random",
        "bad",
        "offset baseline",
        "n",
    ]
    assert {"nsubj", "all-relations"} <= {line[1] for line in lines}


def test_the_column_of_the_full_model_is_never_that_of_the_pretrained_encoder(tmp_path):
    rows = MadeRun(draws=3, layers=2, heads=4, probe_draws=2).rows()
    tables = {table: SUMMARIES[table](rows) for table in READ}
    tables["summary_headline"] = headline_table(rows, tables)
    probes = tables["summary_probes"]
    before = probes[probes["kind"] == "full"].assign(state="pretrained", mean=0.123)
    masked = pd.concat([before, probes])
    alone = masked[masked["kind"] == "full"]
    for summary, kinds in ((masked, {"full", "good", "random", "bad"}), (alone, {"full"})):
        texts = {}
        for path in save_latex(
            rows, tmp_path, tables=tables | {"summary_probes": summary}, cells=tmp_path
        ):
            texts[path.stem] = path.read_text("utf-8")
        header, lines = parsed(
            next(text for name, text in texts.items() if "dependency-heads-offset" in name)
        )
        assert kinds == set(header) & {"full", "good", "random", "bad"}
        assert lines
        assert ".123" not in {line[header.index("full")] for line in lines}


def test_the_interval_of_a_score_equals_a_plain_bootstrap(paired):
    """Over examples, of the mean over seeds of each seed's mean over draws."""
    cells, rows = paired
    found = score_intervals(rows, cells, resamples=1500)
    place = (found["task"] == "my_task") & (found["kind"] == "random")
    line = found[place & (found["metric"] == "accuracy")].iloc[0]
    right = []
    for seed in (1, 2):
        draws = [CellOutput.load(cells / f"my_task-{seed}-random-pruned-{draw}.parquet").items
                 for draw in range(3)]  # fmt: skip
        scored = [items[items["probe"] == "performance"] for items in draws]
        right.append(np.mean([items["prediction"] == items["gold"] for items in scored], axis=0))
    chosen = np.random.default_rng(1).integers(0, 120, (4000, 120))
    plain = np.quantile(np.mean(right, axis=0)[chosen].mean(axis=1), [0.025, 0.975])
    width = plain[1] - plain[0]
    assert [line["ci_low"], line["ci_high"]] == pytest.approx(list(plain), abs=0.12 * width)
    assert line["ci_method"] == "percentile bootstrap over examples (1500), these seeds"


def test_a_model_with_one_answer_has_no_interval(paired, tmp_path):
    cells, rows = paired
    mine = rows[(rows["cell_id"] == "my_task-1-good-pruned-0") & (rows["probe"] == "performance")]
    output = CellOutput.load(cells / "my_task-1-good-pruned-0.parquet")
    same = CellOutput(output.rows, output.items.assign(prediction=1))
    same.save(tmp_path / "my_task-1-good-pruned-0.parquet")
    found = score_intervals(mine, tmp_path, resamples=50)
    assert found[["ci_low", "ci_high"]].isna().all(axis=None)
    assert found["ci_method"].str.startswith("no interval").all()
    assert score_intervals(mine, tmp_path / "none").empty


def test_no_interval_of_fewer_seeds_than_the_mean(paired, tmp_path):
    cells, rows = paired
    for path in cells.glob("my_task-*"):
        if path.stem not in ("my_task-2-good-pruned-0", "my_task-1-random-pruned-2"):
            shutil.copy(path, tmp_path)
    found = score_intervals(rows[rows["task"] == "my_task"], tmp_path, resamples=20)
    told = set(zip(found["kind"], found["state"], strict=True))
    assert {("full", "finetuned"), ("good", "retrained"), ("bad", "pruned")} <= told
    assert not {("good", "pruned"), ("random", "pruned")} & told


def test_the_interval_of_bits_is_that_of_the_losses_of_the_items(paired, tmp_path):
    cells, rows = paired
    name = "my_task-1-good-pruned-0"
    mine = rows[(rows["cell_id"] == name) & (rows["metric"] == "accuracy")]
    output = CellOutput.load(cells / f"{name}.parquet")
    lost = np.random.default_rng(3).exponential(6.0, len(output.items))
    CellOutput(output.rows, output.items.assign(score=lost)).save(tmp_path / f"{name}.parquet")
    found = score_intervals(mine.assign(metric="bits"), tmp_path, resamples=400).iloc[0]
    scored = lost[(output.items["probe"] == "performance").to_numpy()]
    error = scored.std() / np.sqrt(len(scored))
    assert found["ci_low"] == pytest.approx(scored.mean() - 1.96 * error, abs=0.5 * error)
    assert found["ci_high"] == pytest.approx(scored.mean() + 1.96 * error, abs=0.5 * error)


def test_special_characters_are_escaped():
    table = PaperTable("x", "y", EVIL, ("na_me",), ((EVIL,), ("[1] plain",), ("* star",)))
    text = latex_table(table, "tab:x").split("\n", 1)[1]
    assert text.count(r"a\_b \& c\% \$x\$ \#1 \{y\} \textasciitilde{}z\textasciicircum{}2") == 2
    assert r"\textbackslash{}input\{/etc/passwd\} {''}$\partial${''}" in text
    assert "\n{}[1] plain" in text
    assert "\n{}* star" in text
    assert r"na\_me" in text
    assert escaped("two\nlines") == "two lines"


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no TeX on this machine")
def test_it_compiles(written, tmp_path):
    inputs = "\n".join(text for text in written.values())
    (tmp_path / "all.tex").write_text(
        r"\documentclass[a3paper]{article}\usepackage{booktabs}\begin{document}"
        + inputs
        + r"\end{document}"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 0
