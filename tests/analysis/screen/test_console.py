"""The screen shows whole numbers at 80 columns, and text is never taken for markup."""

from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from run_rows import made_rows
from subprobe.analysis.screen.console import (
    print_comparison,
    print_mask,
    print_performance,
    print_verdict,
)
from subprobe.analysis.screen.records import print_records
from subprobe.analysis.screen.rows import print_rows
from subprobe.analysis.summary.summaries import performance_table
from subprobe.analysis.wording import decimal
from subprobe.models.masks.subnetwork import Subnetwork


@pytest.fixture
def screen() -> Console:
    return Console(file=StringIO(), width=80)


def shown(screen: Console) -> str:
    assert isinstance(screen.file, StringIO)
    return screen.file.getvalue()


def test_performance_fits_a_narrow_screen(screen):
    rows = made_rows(("acceptability", "mrpc"))
    print_performance(performance_table(rows), screen)
    text = shown(screen)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert "2×30" in text
    assert "mrpc" in text
    assert "flag" not in text
    table = performance_table(rows)
    assert all(decimal(mean, 3) in text for mean in table["mean"])
    random = table[(table["kind"] == "random") & (table["state"] == "pruned")].iloc[0]
    assert f"{decimal(random['lowest'], 3)} to {decimal(random['highest'], 3)}" in text
    assert "[" not in text  # what was seen is no interval


def test_one_seed_has_no_range_and_flags_are_shown(screen):
    print_performance(
        performance_table(made_rows(seeds=(1,), degenerate=("acceptability",))), screen
    )
    line = next(line for line in shown(screen).splitlines() if "good" in line)
    assert " to " not in line
    assert "degenerate" in shown(screen)


def test_comparison_is_table_and_verdict(screen):
    print_comparison(made_rows(), {}, screen)
    assert "over seeds" in shown(screen)
    assert "On acceptability" in shown(screen)


def test_text_is_no_markup(screen):
    print_verdict("[bold]x[/bold] [.10, .20]", screen)
    print_records([{"name": "[red]", "ok": True, "n": 0.123456, "none": None}], console=screen)
    assert "[bold]x[/bold] [.10, .20]" in shown(screen)
    assert "[red]" in shown(screen)
    assert "0.1235" in shown(screen)
    assert "yes" in shown(screen)


def test_rows_say_what_they_share_once_and_count_what_they_hide(screen):
    rows = made_rows(draws=40)
    scores = rows[(rows["probe"] == "performance") & (rows["seed"] == 1)]
    print_rows(scores, screen)
    text = shown(screen)
    assert text.count("acceptability") == 1
    assert f"{len(scores) - 60} of {len(scores)} rows are not shown" in text.replace("\n", " ")
    assert ".61" in text


def test_rows_say_why_a_score_has_no_interval(screen):
    rows = made_rows(seeds=(1,))
    scores = rows[(rows["probe"] == "performance") & (rows["kind"] == "full")]
    print_rows(scores, screen)
    assert "no interval" not in shown(screen)
    why = "no interval: the prediction is the same for every example"
    print_rows(scores.assign(ci_method=why, ci_low=None, ci_high=None, n_clusters=100), screen)
    said = shown(screen).replace("\n", " ")
    assert said.count(why) == 1
    assert f"{', '.join(scores['metric'].drop_duplicates())}: {why}" in said
    assert "n_clusters 100" in said


def test_a_mask_is_one_sentence(screen):
    heads = np.array([[True, True, True], [True, False, False]])
    mask = Subnetwork(heads, np.array([True, False]), weight_masks={"a": heads})
    print_mask(mask, Path("good.safetensors"), screen)
    said = shown(screen).replace("\n", " ")
    expected = (
        "The good subnetwork in good.safetensors keeps 4 of 6 heads, 1 of 2 MLPs, 4 of 6 weights."
    )
    assert expected in said
