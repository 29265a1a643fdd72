"""A run that can carry no claim says so in every row of its task and seed, and no other does."""

import pandas as pd
import pytest
from run_rows import MadeRun
from subprobe.analysis.summary.degenerate import flag_degenerate


@pytest.fixture
def rows():
    return MadeRun(tasks=("cola", "rte"), seeds=(1, 2), probes=False).rows()


def flagged(rows):
    marked = rows[rows["flag"].fillna("").eq("degenerate")]
    return set(marked[["task", "seed"]].itertuples(index=False, name=None))


def of(rows, task, seed):
    return (rows["task"] == task) & (rows["seed"] == seed)


def test_a_good_run_is_left_alone(rows):
    assert flagged(flag_degenerate(rows)) == set()


def test_an_interval_that_reaches_the_majority_is_flagged(rows):
    full = of(rows, "cola", 2) & (rows["state"] == "finetuned") & (rows["probe"] == "performance")
    rows["ci_low"] = rows["ci_low"].mask(full, rows["baseline_value"])
    result = flag_degenerate(rows)
    assert flagged(result) == {("cola", 2)}
    assert result.loc[of(rows, "cola", 2), "flag"].eq("degenerate").all()


def test_an_empty_mask_is_flagged(rows):
    kept = of(rows, "rte", 1) & (rows["kind"] == "good") & (rows["metric"] == "kept_share")
    rows["value"] = rows["value"].mask(kept, 0.0)
    assert flagged(flag_degenerate(rows)) == {("rte", 1)}


@pytest.mark.parametrize("flag", ["diverged", "unlearned"])
def test_a_full_model_that_came_to_nothing_marks_every_row_of_its_weights(rows, flag):
    """On the selection examples: those that are reported say it is above chance."""
    mine, full = of(rows, "cola", 2), rows["state"] == "finetuned"
    rows["flag"] = rows["flag"].mask(mine & full & (rows["probe"] == "performance"), flag)
    result = flag_degenerate(rows)
    of_its_weights = mine & rows["state"].isin(["finetuned", "pruned"])
    assert result.loc[of_its_weights, "flag"].eq(flag).all()
    # what was trained again was chosen by it, so that it carries no claim either
    assert result.loc[mine & ~of_its_weights, "flag"].eq("degenerate").all()
    assert result.loc[~mine, "flag"].fillna("").eq("").all()


@pytest.mark.parametrize("flag", ["diverged", "unlearned"])
def test_a_subnetwork_that_came_to_nothing_marks_no_other(rows, flag):
    one = of(rows, "cola", 2) & (rows["state"] == "retrained") & (rows["kind"] == "bad")
    rows["flag"] = rows["flag"].mask(one, flag)
    result = flag_degenerate(rows)
    assert result["flag"].fillna("").eq(flag).equals(one)
    assert flagged(result) == set()


def test_another_kinds_weak_score_is_no_reason(rows):
    weak = (rows["kind"] != "full") & (rows["probe"] == "performance")
    rows["ci_low"] = rows["ci_low"].mask(weak, 0.0)
    assert flagged(flag_degenerate(rows)) == set()


def test_a_flag_that_is_there_stays(rows):
    rows["flag"] = rows["flag"].mask(of(rows, "cola", 1) & (rows["kind"] == "bad"), "diverged")
    full = of(rows, "cola", 1) & (rows["state"] == "finetuned") & (rows["probe"] == "performance")
    rows["ci_low"] = rows["ci_low"].mask(full, 0.0)
    result = flag_degenerate(rows)
    bad = result[of(result, "cola", 1) & (result["kind"] == "bad")]
    assert set(bad["flag"]) == {"diverged"}
    assert isinstance(result, pd.DataFrame)
