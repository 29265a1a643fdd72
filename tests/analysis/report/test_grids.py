"""The page of a comparison tells what probes find draw by draw, from its table of tests."""

import pandas as pd
import pytest
from paired_run import write_paired_run
from subprobe.analysis.comparison.tables import comparison_tables
from subprobe.analysis.report.comparison_page import render_page
from subprobe.analysis.report.grids import draw_grid
from subprobe.analysis.wording import decimal, seen

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grids") / "run"
    rows = write_paired_run(folder, n=40, draws=3, sentences=40, probe_draws=3)
    return comparison_tables(rows, folder / "cells", resamples=100)


def test_each_line_is_the_mean_and_the_range_of_its_draws(tables):
    tests = tables["tests"]
    grid = draw_grid(tests)
    assert grid.lines
    for cells, place in zip(grid.lines, grid.row_ids, strict=True):
        line = tests.loc[place]
        assert line["level"] == "one seed"
        same = ["kind_a", "kind_b", "state_a", "state_b", "probe", "metric", "seed", "test"]
        mine = tests[(tests[same] == line[same]).all(axis=1) & (tests["level"] == "one draw")]
        mine = mine[mine["relation"].fillna("") == ("" if pd.isna(line["relation"]) else
                                                    line["relation"])]  # fmt: skip
        assert len(mine) == 3
        assert cells[4] == decimal(mine["difference"].mean(), 3) == decimal(line["difference"], 3)
        assert cells[5] == seen(mine["difference"].min(), mine["difference"].max(), 3)
        assert cells[8] == f"{int((mine['p_adjusted'] <= 0.05).sum())} of 3"
    assert grid.title in render_page(tables, ["run"])


def test_without_draws_there_is_no_such_table(tables):
    assert draw_grid(tables["tests"][tables["tests"]["level"] != "one draw"]) is None
