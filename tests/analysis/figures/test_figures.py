"""Figures: drawn from the rows alone, and saved as files for papers."""

import altair as alt
import pandas as pd
import pytest
from run_rows import MadeRun
from subprobe.analysis.figures.charts import COLOURS
from subprobe.analysis.figures.figures import figures, save_figures
from subprobe.analysis.summary.summaries import summaries
from subprobe.analysis.summary.survival import survival_table


@pytest.fixture(scope="module")
def rows():
    return MadeRun(layers=4, heads=4).rows()


@pytest.fixture(scope="module")
def tables(rows):
    return summaries(rows)


@pytest.fixture(scope="module")
def drawn(rows, tables):
    return figures(rows, tables)


def test_every_point_of_the_strip_plot_is_a_scored_subnetwork(rows, drawn):
    figure = next(f for f in drawn if f.name.startswith("performance"))
    scored = rows[(rows["probe"] == "performance") & (rows["metric"] == "accuracy")]
    scored = scored[scored["state"] != "untrained"]
    assert sorted(figure.table["value"]) == pytest.approx(sorted(scored["value"]))


@pytest.mark.slow
def test_sources_are_files_of_the_run(tables, drawn):
    names = {f"{name}.csv" for name in tables} | {"rows.parquet"}
    assert {figure.source for figure in drawn} <= names


def test_survival_is_the_mean_of_the_masks(rows):
    table = survival_table(rows)
    kept = rows[(rows["metric"] == "kept") & (rows["kind"] == "good") & (rows["unit"] == "head")]
    expected = kept.groupby(["layer", "head"])["value"].mean()
    heads = table[(table["kind"] == "good") & (table["unit"] == "head")]
    found = heads.set_index(["layer", "head"])["share"]
    pd.testing.assert_series_equal(
        found.sort_index(), expected.sort_index(), check_names=False, check_dtype=False,
        check_index_type=False,
    )  # fmt: skip
    assert set(table["n_seeds"]) == {2}


def test_every_specification_follows_the_schema(drawn):
    # charts are built unchecked, since that is many times faster
    for figure in drawn:
        alt.Chart.from_dict(figure.spec, validate=True)


def test_numbers_name_their_line(rows, tables, drawn):
    tables = {f"{name}.csv": table for name, table in tables.items()}
    tables["rows.parquet"] = rows.reset_index(drop=True)
    for figure in drawn:
        assert len(figure.table)
        same = tables[figure.source].loc[figure.table.index, figure.table.columns]
        pd.testing.assert_frame_equal(same, figure.table, check_dtype=False)


def test_a_kind_has_one_colour_everywhere(drawn):
    for figure in drawn:
        for kind in ("good", "bad"):
            if f'"{kind}"' in str(figure.spec) and "range" in str(figure.spec):
                assert COLOURS[kind] in str(figure.spec)


@pytest.mark.slow
def test_they_are_saved_as_files_for_papers(rows, tmp_path):
    chosen = MadeRun(probes=False).rows()
    written = save_figures(chosen, tmp_path / "figures")
    assert {path.suffix for path in written} == {".svg", ".png", ".pdf"}
    begins = {".svg": b"<svg", ".png": b"\x89PNG", ".pdf": b"%PDF"}
    for path in written:
        assert path.read_bytes().startswith(begins[path.suffix])


def test_rows_without_scores_give_no_figures(rows):
    assert figures(rows[rows["probe"] == "none"]) == []
