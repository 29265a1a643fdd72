"""`subprobe spread`: tables, screen and bad input."""

import json

import numpy as np
import pandas as pd
import pytest
from run_rows import made_rows
from subprobe.analysis.cell_output import CellOutput
from subprobe.analysis.spread.columns import BEST, PARTS, PLANS, RUNS, SPREAD
from subprobe.analysis.spread.expected_best import WITH, WITHOUT, best_of
from subprobe.analysis.spread.measure import measure_spread
from subprobe.analysis.storage.store import CellStore

SEEDS = (1, 2, 3, 4, 5)
SELECTED = {1: 0.6, 2: 0.9, 3: 0.7, 4: 0.8, 5: 0.5}
"""Seed -> score of its full model on the selection examples."""
FAST = ("--resamples", 500)


def write_run(folder, rows, seeds=SEEDS, **config):
    """A run folder whose fine-tunings have recorded curves of three evaluations."""
    folder.mkdir(parents=True)
    rows.to_parquet(folder / "rows.parquet", index=False)
    store, cells = CellStore(folder), []
    store.cells.mkdir()
    for seed in seeds:
        last = SELECTED[seed % 1000]
        training = {
            "steps": 6, "losses": [0.5], "micro_batch": 8, "stopped_early": False,
            "scores": [[2, last - 0.2], [4, last - 0.1]],
            "on_selection": {"metric": "accuracy", "value": last, "ci_low": None, "ci_high": None,
                             "baseline": "majority", "baseline_value": 0.5, "n": 40},
        }  # fmt: skip
        name, cell = f"alpha/seed{seed}/finetune", f"finetune-{seed:016x}"
        output = CellOutput(pd.DataFrame(), pd.DataFrame(), notes={"training": training})
        store.write(cell, name, output, {}, (), {})
        cells.append({"name": name, "cell": cell})
    lost = [{"cell": "alpha/seed9/finetune", "why": "no memory", "log": ""}]
    manifest = {"config": {"seeds": list(seeds), **config}, "cells": cells, "missing": lost}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    rows = made_rows(("alpha",), SEEDS, draws=2, layers=3, heads=4)
    return write_run(tmp_path_factory.mktemp("runs") / "run", rows)


def scores_of(folder, kind="full", state="finetuned"):
    rows = pd.read_parquet(folder / "rows.parquet")
    mine = rows[(rows["probe"] == "performance") & (rows["kind"] == kind)]
    mine = mine[(mine["state"] == state) & (mine["metric"] == "accuracy")]
    return mine.groupby("seed")["value"].mean().astype(float)


def test_tables_json_and_screen_agree(subprobe_command, folder, tmp_path):
    code, out, err = subprobe_command("spread", folder, "--out", tmp_path / "a", *FAST)
    assert (code, out) == (0, "")
    assert "6 tables" in err
    tables = {path.stem: pd.read_csv(path) for path in (tmp_path / "a").glob("*.csv")}
    for name, columns in (("spread", SPREAD), ("spread_runs", RUNS), ("spread_variance", PARTS),
                          ("expected_best", BEST), ("early_stopping", PLANS)):  # fmt: skip
        assert list(tables[name].columns) == list(columns)
    table = tables["spread"]
    for kind, state in (("full", "finetuned"), ("good", "pruned"), ("random", "retrained")):
        one = table[(table["kind"] == kind) & (table["state"] == state) & table["primary"]]
        assert len(one) == 1
        scores = scores_of(folder, kind, state)
        for name, value in (("mean", scores.mean()), ("sd", scores.std()), ("n_seeds", 5),
                            ("lowest", scores.min()), ("highest", scores.max())):  # fmt: skip
            assert one[name].item() == pytest.approx(value)
        assert one["ci_low"].item() < scores.mean() < one["ci_high"].item()
    code, out, _ = subprobe_command("spread", folder, "--json", *FAST)
    assert code == 0
    first = json.loads(out)["spread"][0]
    assert first["mean"] == pytest.approx(table["mean"].iloc[0])
    code, out, _ = subprobe_command("spread", folder, *FAST)
    assert code == 0
    assert " ".join(out.split()).startswith("alpha: accuracy of the full model is")
    assert "chosen on the selection examples, scores" in " ".join(out.split())
    assert "1 cell of the run failed" in " ".join(out.split())


def test_second_metrics_are_correlated_with_the_score(subprobe_command, folder):
    code, out, _ = subprobe_command(
        "spread", folder, "--json", "--metric", "offset_accuracy", *FAST
    )
    assert code == 0
    rows = pd.read_parquet(folder / "rows.parquet")
    mine = rows[(rows["metric"] == "offset_accuracy") & (rows["kind"] == "full")]
    lines = pd.DataFrame(json.loads(out)["spread"])
    lines = lines[(lines["metric"] == "offset_accuracy") & (lines["kind"] == "full")]
    assert set(lines["relation"]) == set(mine["relation"])
    # fixed offsets are the same in every seed
    assert lines["r"].isna().all()
    assert lines["note"].str.contains("does not vary").all()
    code, out, _ = subprobe_command("spread", folder, "--json", *FAST)
    lines = pd.DataFrame(json.loads(out)["spread"])
    best = lines[(lines["metric"] == "best_head_accuracy") & (lines["kind"] == "good")]
    best = best[best["state"] == "pruned"]
    assert set(best["relation"]) == {"all", "all-relations"}
    runs = pd.DataFrame(json.loads(out)["spread_runs"])
    pair = [
        runs[(runs["kind"] == "good") & (runs["state"] == "pruned") & (runs["metric"] == name)]
        for name in ("accuracy", "best_head_accuracy")
    ]
    other = pair[1][pair[1]["relation"] == "all"].set_index("seed")["value"]
    r = np.corrcoef(pair[0].set_index("seed")["value"], other)[0, 1]
    assert best[best["relation"] == "all"]["r"].item() == pytest.approx(r)
    tested = lines["p_adjusted"].notna()
    assert (lines.loc[tested, "family_size"] == tested.sum()).all()
    assert tested.sum() > 3


def test_the_best_is_expected_by_both_choices(subprobe_command, folder):
    _, out, _ = subprobe_command("spread", folder, "--json", "--best-of", 8, *FAST)
    best = pd.DataFrame(json.loads(out)["expected_best"])
    best = best[best["kind"] == "full"].set_index(["chosen_on", "resampling", "best_of"])["value"]
    scores = scores_of(folder)
    for n in (1, 3, 5):
        for resampling in (WITH, WITHOUT):
            for chosen, by in (("reported", None), ("selection", list(SELECTED.values()))):
                expected = best_of(scores.to_numpy(), n, chosen_by=by, resampling=resampling)[0]
                assert best[chosen, resampling, n] == pytest.approx(float(expected))
    assert ("reported", WITH, 8) in best.index
    assert ("reported", WITHOUT, 8) not in best.index
    assert best["selection", WITHOUT, 5] == scores[2]


def test_plans_are_evaluated_on_the_recorded_curves(subprobe_command, folder):
    _, out, _ = subprobe_command("spread", folder, "--json", "--budget", 2, *FAST)
    plans = pd.DataFrame(json.loads(out)["early_stopping"])
    assert set(plans["kind"]) == {"full"}
    assert set(plans["budget"]) == {2}
    assert plans["best"].sum() == 1
    stopped = plans[plans["stopped"] > 0]
    # the curves never cross
    assert (stopped["gain"] > 0).all()
    assert plans["n_evaluations"].eq(3).all()


@pytest.mark.slow
def test_same_seed_same_bytes(subprobe_command, folder, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        more = ("--seed", seed, *FAST)
        assert subprobe_command("spread", folder, "--out", tmp_path / name, *more)[0] == 0
    for table in ("spread", "early_stopping"):
        one, again, other = ((tmp_path / name / f"{table}.csv").read_bytes() for name in "abc")
        assert one == again != other


def test_crossed_seeds_give_parts_of_variance(subprobe_command, tmp_path):
    seeds = [1, 1002, 1003, 2001, 2, 2003]
    rows = made_rows(("alpha",), tuple(seeds), draws=1, layers=2, heads=2, probes=False)
    run = write_run(tmp_path / "run", rows, seeds, seeds_init=[1, 2], seeds_order=[1, 2, 3])
    code, out, _ = subprobe_command("spread", run, "--json", *FAST)
    assert code == 0
    tables = json.loads(out)
    runs = pd.DataFrame(tables["spread_runs"])
    full = runs[runs["kind"] == "full"]
    assert full[["seed_init", "seed_order"]].to_numpy().tolist() == [
        [1, 1], [1, 2], [1, 3], [2, 1], [2, 2], [2, 3]
    ]  # fmt: skip
    parts = pd.DataFrame(tables["spread_variance"])
    mine = parts[parts["kind"] == "full"].set_index("source")
    assert mine["df"].to_dict() == {"initialisation": 1, "data order": 2, "residual": 2}
    total = ((full["value"] - full["value"].mean()) ** 2).sum()
    assert mine["sum_of_squares"].sum() == pytest.approx(total, abs=1e-8)
    line = pd.DataFrame(tables["spread"]).query("kind == 'full' and primary").iloc[0]
    assert line["ci_method"].startswith("t of the bootstrap error over rows and columns of a 2 x 3")
    code, out, _ = subprobe_command("spread", run, *FAST)
    assert "share of the variance over seeds" in out
    # a missing run leaves no grid
    rows = rows[rows["seed"] != 1003]
    run = write_run(tmp_path / "less", rows, seeds, seeds_init=[1, 2], seeds_order=[1, 2, 3])
    _, out, _ = subprobe_command("spread", run, "--json", *FAST)
    tables = json.loads(out)
    assert tables["spread_variance"] == []
    assert any("runs are missing" in note["note"] for note in tables["spread_notes"])


def test_wrong_use(subprobe_command, folder, tmp_path):
    (tmp_path / "file").write_text("x")
    alone = tmp_path / "alone"
    alone.mkdir()
    made_rows(("alpha",), (1,), draws=1, layers=2, heads=2, probes=False).to_parquet(
        alone / "rows.parquet", index=False
    )
    for arguments, word in (
        ((tmp_path,), "holds no rows.parquet"),
        ((folder, "--metric", "acuracy"), "unknown metric 'acuracy'"),
        ((alone,), "every model has one seed"),
        ((folder, "--out", tmp_path / "file"), "is a file"),
        ((folder, "--budget", 0), "--budget"),
    ):
        code, out, err = subprobe_command("spread", *arguments)
        assert (code, out) == (2, "")
        assert word in err
        assert len(err.splitlines()) == 1


def test_rows_alone_are_enough(subprobe_command, folder, tmp_path):
    (tmp_path / "rows.parquet").write_bytes((folder / "rows.parquet").read_bytes())
    code, out, _ = subprobe_command("spread", tmp_path, "--json", *FAST)
    assert code == 0
    tables = json.loads(out)
    assert tables["early_stopping"] == []
    assert {line["chosen_on"] for line in tables["expected_best"]} == {"reported"}


def test_a_score_without_a_value_is_left_out_and_named():
    rows = made_rows(("alpha",), SEEDS, draws=2, layers=3, heads=4)
    diverged = rows["probe"].eq("performance") & rows["kind"].eq("full") & rows["seed"].eq(3)
    diverged &= rows["state"].eq("finetuned")
    assert measure_spread(rows).notes.empty
    found = measure_spread(rows.assign(value=rows["value"].mask(diverged)))
    line = found.spread[found.spread["primary"] & found.spread["kind"].eq("full")].iloc[0]
    assert line["n_seeds"] == 4
    (note,) = found.notes.itertuples()
    assert (note.kind, note.metric) == ("full", "accuracy")
    assert note.note == "1 score without a value left out, of seed 3"
