"""Summaries as LaTeX: booktabs, the numbers of the table, nothing that LaTeX would run."""

import re
import shutil
import subprocess

import pandas as pd
import pytest
from run_rows import MadeRun
from subprobe.analysis.report.latex import latex_table, save_latex
from subprobe.analysis.summary.summaries import summaries

pytestmark = pytest.mark.slow

EVIL = r"a_b & c% $x$ #1 {y} ~z^2 \input{/etc/passwd}"


@pytest.fixture(scope="module")
def rows():
    return MadeRun(tasks=("my_task", "other & one"), draws=3, layers=2, heads=4).rows()


def test_special_characters_are_escaped():
    table = pd.DataFrame({"na_me": [EVIL, "plain"], "value": [0.25, 1.5]})
    text = latex_table(table, "tab:x").split("\n", 2)[2]
    assert r"a\_b \& c\% \$x\$ \#1 \{y\} \textasciitilde z\textasciicircum 2" in text
    assert r"\textbackslash input\{/etc/passwd\}" in text
    assert r"na me" in text
    assert not re.search(r"(?<!\\)[%#$]", text)


def test_a_comment_stays_one_line():
    table = pd.DataFrame({"model": ["x\n\\input{y}"] * 2, "value": [1.0, 2.0]})
    lines = latex_table(table, "tab:x").splitlines()
    assert [line[0] for line in lines[:2]] == ["%", "%"]
    assert "input" not in "\n".join(lines[2:])


def test_numbers_are_those_of_the_summary(rows, tmp_path):
    written = {path.stem: path.read_text("utf-8") for path in save_latex(rows, tmp_path)}
    tables = summaries(rows)
    assert set(written) == {
        "summary_performance", "summary_against_random", "summary_probes", "summary_stability",
        "summary_overlap",
    }  # fmt: skip
    text = written["summary_performance"]
    assert r"\toprule" in text
    assert r"\bottomrule" in text
    body = text.split(r"\midrule")[1].split(r"\bottomrule")[0].strip().splitlines()
    table = tables["summary_performance"]
    assert len(body) == len(table)
    names = text.split(r"\toprule")[1].split(r"\\")[0].strip().split(" & ")
    place = names.index("mean")
    found = [float(line.removesuffix(r"\\").split(" & ")[place]) for line in body]
    assert found == pytest.approx(table["mean"].tolist(), abs=5e-4)
    assert text.count(r"my\_task") == (table["task"] == "my_task").sum()
    assert text.count(r"other \& one") == (table["task"] == "other & one").sum()


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no TeX on this machine")
def test_it_compiles(rows, tmp_path):
    paths = save_latex(rows, tmp_path)
    inputs = "\n\n".join(rf"\resizebox{{\textwidth}}{{!}}{{\input{{{p.stem}}}}}" for p in paths)
    (tmp_path / "all.tex").write_text(
        r"\documentclass{article}\usepackage{booktabs,graphicx}\begin{document}"
        + inputs
        + r"\end{document}"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 0
