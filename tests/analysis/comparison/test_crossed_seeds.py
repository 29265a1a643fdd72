"""Crossed seeds in comparisons and summaries: runs that share a seed are not independent."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paired_run import of, write_paired_run
from scipy import stats
from subprobe.analysis.comparison.between_runs import Run, between_runs
from subprobe.analysis.comparison.mixed_model import mixed_models
from subprobe.analysis.comparison.probe_comparisons import compare_probes
from subprobe.analysis.comparison.tables import comparison_tables
from subprobe.analysis.statistics.checks import checks_table
from subprobe.analysis.statistics.paired import error_of_mean, run_weights
from subprobe.analysis.statistics.paired_coverage import CROSSED_COVERAGE_FILE, CROSSED_SIZE_FILE
from subprobe.analysis.statistics.paired_tests import crossed_groups, crossed_t
from subprobe.analysis.statistics.variation import CROSSED_GROUPS, CROSSED_T, pairs_in
from subprobe.analysis.summary.agreement import stability_summary
from subprobe.analysis.summary.headline import headline_table
from subprobe.analysis.summary.ranks import OF_CROSSED
from subprobe.analysis.summary.summaries import summaries
from subprobe.analysis.verdict.limits import limits_of
from subprobe.data.output.tables import rows_frame
from subprobe.data.seeds import Grid, design_of, grid_of, init_and_order, meet, seed_of

SEEDS = (1, 2, 1002, 2001)
"""Two seeds of the initialisation with two of the data order."""
ORDER = {1002: 2, 2001: 1}
PAIR = ("good", "pruned"), ("random", "pruned")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("runs") / "grid"
    write_paired_run(made, seeds=SEEDS, n=60, sentences=12, draws=2)
    return made


@pytest.fixture(scope="module")
def independent(folder):
    return rows_frame(pd.read_parquet(folder / "rows.parquet"))


@pytest.fixture(scope="module")
def rows(independent):
    return independent.assign(seed_order=independent["seed"].map(ORDER).astype("Int64"))


@pytest.fixture(scope="module")
def tables(folder, rows):
    return comparison_tables(rows, folder / "cells", probes=False, resamples=60)


def beyond(tables, metric="accuracy"):
    lines = of(tables["comparisons"], *PAIR, metric=metric)
    lines = lines[(lines["level"] == "seeds and examples") & lines["probe"].eq("performance")]
    return lines.iloc[0]


def over_seeds(tables, metric="accuracy"):
    lines = of(tables["tests"], *PAIR, metric=metric)
    return lines[lines["test"].isin(["sign flips over seeds", CROSSED_T])].iloc[0]


def test_seeds_of_rows_are_pairs(rows, independent):
    assert pairs_in(rows) == {1002: (1, 2), 2001: (2, 1)}
    assert pairs_in(independent) == {}
    design = design_of(SEEDS, pairs_in(rows))
    assert design.seeds == (1, 1002, 2001, 2)
    assert design.grid == Grid((1, 2), (1, 2))
    assert design_of(SEEDS).grid is None
    assert design_of(SEEDS[:3], pairs_in(rows)).incomplete
    assert not design_of((1, 1002), pairs_in(rows)).crossed  # one initialisation
    assert not design_of((1002, 2001), pairs_in(rows)).crossed  # no seed in common
    assert not design_of((1, 2), pairs_in(rows)).crossed


@given(st.integers(0, 2**31), st.integers(0, 2**31))
def test_two_columns_give_both_seeds_whatever_their_size(init, order):
    if init != order:
        assert init_and_order(seed_of(init, order), order) == (init, order)


@given(st.sets(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1))
def test_a_grid_is_all_pairs_of_two_sets(pairs):
    inits, orders = ({one[i] for one in pairs} for i in (0, 1))
    whole = len(pairs) == len(inits) * len(orders) and min(len(inits), len(orders)) > 1
    assert (grid_of(pairs) is not None) == whole
    several = min(len(inits), len(orders)) > 1
    shared = any(a != b and (a[0] == b[0] or a[1] == b[1]) for a in pairs for b in pairs)
    assert meet(pairs) == (several and shared)


def test_the_interval_resamples_rows_and_columns(tables, folder, independent):
    line = beyond(tables)
    assert "rows and columns of a 2 x 2 grid of seeds" in line["ci_method"]
    assert line["varies"] == "examples and seeds"
    assert line["coverage"] >= 0.92
    alone = beyond(comparison_tables(independent, folder / "cells", probes=False, resamples=60))
    assert line["difference"] == pytest.approx(alone["difference"])
    assert "grid" not in alone["ci_method"]
    if not pd.isna(alone["ci_low"]):
        assert line["ci_high"] - line["ci_low"] > alone["ci_high"] - alone["ci_low"]


def test_the_test_over_seeds_is_a_t_of_both_ways(tables, rows):
    line = over_seeds(tables)
    assert (line["test"], line["varies"], line["level"]) == (CROSSED_T, "seeds", "these seeds")
    scores = rows[(rows["probe"] == "performance") & (rows["state"] == "pruned")
                  & (rows["metric"] == "accuracy")]  # fmt: skip
    value = scores.groupby(["kind", "seed"])["value"].mean()
    gaps = (value["good"] - value["random"])[[1, 1002, 2001, 2]].to_numpy(float).reshape(2, 2)
    rows_, columns = gaps.mean(axis=1), gaps.mean(axis=0)
    error = np.sqrt(rows_.var(ddof=1) / 2 + columns.var(ddof=1) / 2)
    assert line["p_value"] == pytest.approx(2 * stats.t.sf(abs(gaps.mean()) / error, 1))


def test_probes_are_compared_by_the_grid_too(folder, rows):
    mine = rows[rows["kind"].isin(["good", "random"]) & rows["state"].eq("pruned")]
    found = compare_probes(mine, folder / "cells", resamples=30)
    lines = found.compared[found.compared["level"].eq("seeds and examples")]
    assert len(lines)
    assert lines["ci_method"].str.contains("grid of seeds").all()
    assert found.tests["test"].eq(CROSSED_T).any()
    assert not found.tests["test"].eq("sign flips over seeds").any()


def test_a_grid_that_lacks_a_run_gives_neither_interval_nor_test(folder, rows):
    part = rows[rows["seed"] != 2001]
    found = comparison_tables(part, folder / "cells", probes=False, resamples=50)
    line, test = beyond(found), over_seeds(found)
    assert pd.isna(line["ci_low"])
    assert "seeds are crossed, and runs are missing" in line["ci_method"]
    assert pd.isna(test["p_value"])
    assert test["flag"] == "seeds are crossed, and runs are missing"


def test_no_mixed_model_takes_crossed_runs_as_independent(rows):
    found, notes = mixed_models(rows)
    assert found.empty
    assert all("crossed" in note for note in notes)
    _, notes = mixed_models(rows[rows["seed"].isin([1, 2])])
    assert not any("crossed" in note for note in notes)


def test_two_runs_are_compared_by_their_grids(folder, rows, independent):
    runs = [Run("grid", rows, folder / "cells"), Run("plain", independent, folder / "cells")]
    found = between_runs(runs, resamples=100)
    assert set(found["between_tests"]["test"]) == {CROSSED_GROUPS}
    assert set(found["between_tests"]["varies"]) == {"seeds"}
    lines = found["between_runs"]
    lines = lines[(lines["level"] == "seeds and examples") & lines["probe"].eq("performance")]
    assert lines["ci_method"].str.contains("rows and columns of crossed seeds").all()


def test_summaries_and_the_answer_name_the_grid(rows, independent, tables):
    summed = summaries(rows)
    assert set(summed["summary_performance"]["seed_grid"]) == {"2 x 2"}
    assert set(tables["over_seeds"]["seed_grid"]) == {"2 x 2"}
    ranks = summed["summary_against_random"]
    over = ranks["seed"].isna()
    assert ranks.loc[over, "flag"].str.contains(OF_CROSSED).all()
    assert not ranks.loc[~over, "flag"].str.contains(OF_CROSSED).any()
    table = headline_table(rows, {**summed, **tables})
    good = table[table["kind"] == "good"].iloc[0]
    assert good["seed_grid"] == "2 x 2"
    assert good["test"] in (CROSSED_T, "rank among random masks")
    said = limits_of(summed["summary_performance"], summed["summary_probes"])
    assert any("4 seeds of a 2 x 2 grid" in line for line in said)
    assert any("are not independent" in line for line in said)
    alone = summaries(independent)
    said = limits_of(alone["summary_performance"], alone["summary_probes"])
    assert not any("grid" in line or "not independent" in line for line in said)


def test_agreement_of_crossed_masks_says_that_they_are_not_independent(rows):
    about = {"model": "m", "task": "t", "method": "structured", "kind": "good", "probe": "mask",
             "metric": "kept", "draw": 0, "state": "pruned"}  # fmt: skip
    rng = np.random.default_rng(0)
    masks = rows_frame([
        about | {"seed": seed, "seed_order": ORDER.get(seed), "unit": "head", "layer": layer,
                 "head": head, "value": float(rng.random() < 0.5)}
        for seed in SEEDS for layer in range(3) for head in range(4)
    ])  # fmt: skip
    found = stability_summary(masks)
    assert len(found)
    assert (found["flag"] == "seeds are crossed: p tests masks as if none shared a seed").all()
    assert found.loc[found["statistic"] == "fleiss_kappa", "ci_low"].isna().all()
    assert (stability_summary(masks.assign(seed_order=pd.NA))["flag"] == "").all()


def test_the_error_of_a_grid_counts_both_ways():
    grid = Grid((1, 2, 3), (1, 2))
    values = np.arange(6.0)
    assert error_of_mean(values) == pytest.approx(stats.sem(values))
    square = values.reshape(3, 2)
    ways = [square.mean(axis=1).var(ddof=1) / 3, square.mean(axis=0).var(ddof=1) / 2]
    assert error_of_mean(values, grid) == pytest.approx(np.sqrt(sum(ways)))


def test_what_varies_with_one_seed_alone_is_as_sure_as_its_levels():
    """Runs that differ only by initialisation: 3 units of a 3 x 5 grid, not 15."""
    grid = Grid((1, 2, 3), (1, 2, 3, 4, 5))
    of_init = np.array([0.1, 0.5, 0.3])
    values = np.repeat(of_init, 5)
    assert error_of_mean(values, grid) == pytest.approx(stats.sem(of_init))
    drawn = run_weights(15, grid, 20_000) @ values
    assert drawn.std() == pytest.approx(of_init.std() / np.sqrt(3), rel=0.03)
    assert crossed_t(values, grid).p_value == pytest.approx(stats.ttest_1samp(of_init, 0).pvalue)


def test_two_runs_of_which_one_is_a_grid():
    grid = Grid((1, 2), (1, 2))
    values, others = np.array([0.5, 0.7, 0.6, 0.9]), np.array([0.1, 0.2, 0.4])
    error = np.hypot(error_of_mean(values, grid), stats.sem(others))
    p = 2 * stats.t.sf((values.mean() - others.mean()) / error, 1)
    assert crossed_groups(values, others, (grid, None)).p_value == pytest.approx(p)
    assert crossed_groups(values, others[:1], (grid, None)).flag == "a run has one seed"
    assert crossed_t(np.ones(4), grid).flag == "the seeds do not vary"


def test_tables_of_simulations_hold():
    covered = checks_table(CROSSED_COVERAGE_FILE)
    assert set(covered["seeds"]) == {2, 3, 5}
    assert covered.loc[covered["share"].notna(), "coverage"].min() >= 0.92
    assert covered["coverage"].min() >= 0.9
    sizes = checks_table(CROSSED_SIZE_FILE)
    ours = sizes[sizes["test"].isin([CROSSED_T, CROSSED_GROUPS])]
    assert ours["holds"].all()
    # what happens if cells of a grid are taken for independent seeds
    wrong = sizes[sizes["test"].str.contains("independent") & sizes["of_init"].eq(1)]
    assert wrong.loc[wrong["seeds"] == 5, "size"].min() > 0.2
