"""The screen of the spread: findings first, long tables cut short with a word about it."""

import re

import pytest
from rich.console import Console
from run_rows import made_rows
from subprobe.analysis.screen.spread import MOST_LINES, finding_lines, print_spread
from subprobe.analysis.spread.measure import Asked, measure_spread
from subprobe.data.seeds import seeds_of

SEEDS = (1, 1002, 2001, 2)


@pytest.fixture(scope="module")
def found():
    rows = made_rows(("alpha",), SEEDS, draws=1, layers=2, heads=2)
    rows = rows[rows["probe"].isin(["performance", "dependency-heads"])]
    pairs = {seed: seeds_of(seed, crossed=True) for seed in SEEDS}
    return measure_spread(rows, Asked(metrics=("best_head_accuracy",), pairs=pairs))


def test_every_relation_has_its_own_parts_of_variance(found):
    lines = found.spread
    assert len(found.parts) == 3 * len(lines)
    assert lines["relation"].nunique() > 10


def test_long_tables_end_with_how_many_lines_they_lack(found):
    console = Console(width=120, record=True, file=None, quiet=False)
    with console.capture() as shown:
        print_spread(found, console)
    text = shown.get()
    others = int((~found.spread["primary"]).sum())
    assert f"{others - MOST_LINES} more lines: `--out` writes all of them" in text
    assert len(re.findall(r"best head accuracy", text)) >= MOST_LINES
    assert text.startswith(finding_lines(found)[0][:40])


def test_the_finding_names_mean_interval_and_range(found):
    (line,) = finding_lines(found)
    full = found.spread[found.spread["primary"] & (found.spread["kind"] == "full")].iloc[0]
    for number in (full["mean"], full["ci_low"], full["sd"], full["lowest"], full["highest"]):
        assert f"{number:.3f}".removeprefix("0") in line
    assert "over 4 runs" in line
