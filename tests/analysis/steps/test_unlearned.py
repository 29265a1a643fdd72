"""Trainings that did not learn: every row, table and sentence says so, again when resumed."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from subprobe.analysis.cell_output import CellOutput
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.running.across import _goods
from subprobe.analysis.steps.performance import lowest
from subprobe.models.masks.subnetwork import Subnetwork
from tiny_run import tiny_config

OPTIONS = {
    "seeds": [1],
    "recipe": {"learning_rate": 1e-12, "epochs": 1, "batch_size": 16},
    "prune": {"keep": 0.5},
    "controls": {"draws": 1, "untrained": True, "bag_of_words": False},
    "probe": {"names": ["attention-stats"], "sentences": 4, "states": ["retrained"]},
}


@pytest.fixture(scope="module")
def finished(tiny_encoder, tmp_path_factory):
    """A run at a rate that changes nothing."""
    folder = tmp_path_factory.mktemp("unlearned") / "run"
    return run_experiment(tiny_config(tiny_encoder, **OPTIONS), folder)


def test_every_row_about_what_did_not_learn_says_so(finished):
    rows = finished.rows
    trained = rows["state"].isin(["finetuned", "pruned", "retrained", "untrained"])
    # a mask is of the full model, and a dead head stays flagged as such
    flags = set(rows.loc[trained, "flag"].dropna())
    assert flags <= {"unlearned", "dead"}
    scores = rows[rows["probe"] == "performance"]
    assert set(scores["flag"]) == {"unlearned"}
    assert set(scores["state"]) == {"finetuned", "pruned", "retrained", "untrained"}
    # weights of what did not learn are numbers: they are searched and probed
    assert (rows["probe"] == "attention-stats").any()


def test_cells_and_the_models_folder_record_it(finished):
    import json

    (meta,) = finished.folder.glob("models/*/subprobe.json")
    recorded = json.loads(meta.read_text())
    assert recorded["flag"] == "unlearned"
    noted = recorded["training"]
    assert (noted["steps"], len(noted["losses"]), noted["on_selection"]["n"]) == (3, 1, 16)
    scored = noted["on_selection"]
    assert lowest(scored["value"], scored["ci_low"]) <= scored["baseline_value"]
    cells = [CellOutput.load(path) for path in finished.folder.glob("cells/retrain-*.parquet")]
    assert len(cells) == 3
    assert {cell.notes["flag"] for cell in cells} == {"unlearned"}
    assert all(cell.notes["training"]["on_selection"]["n"] == 16 for cell in cells)


@pytest.mark.slow
def test_a_resumed_run_agrees(finished, tiny_encoder):
    before = finished.rows
    next(iter(finished.folder.glob("cells/retrain-*.parquet"))).unlink()
    again = run_experiment(tiny_config(tiny_encoder, **OPTIONS), finished.folder)
    pd.testing.assert_frame_equal(again.rows, before)


def test_the_answer_and_the_report_say_so_with_how_much_training(finished):
    text = finished.summary()["verdict"]
    assert "DEGENERATE: in 1 of 1 seed" in text
    assert "UNLEARNED: 5 of 5 trainings on acceptability" in text
    assert "(1 epoch of 48 examples, 16 a step, learning rate 1e-12)" in text
    page = (finished.folder / "report.html").read_text()
    assert "1 epoch of 48 examples, 16 a step, learning rate 1e-12" in page
    headline = page.split("<table", 2)[1].split("</table>")[0]
    assert "unlearned" in headline
    summary = pd.read_csv(finished.folder / "summary_performance.csv")
    assert summary["flag"].str.contains("unlearned").all()


def test_a_seed_that_did_not_learn_has_no_say_in_what_all_seeds_keep():
    told = []

    def run(seed, flag):
        good = Subnetwork(np.eye(2, dtype=bool), np.ones(2, dtype=bool), seed_init=seed)
        return SimpleNamespace(
            name=f"seed{seed}",
            good=lambda _method: good,
            model=SimpleNamespace(full=SimpleNamespace(notes={"flag": flag})),
            progress=SimpleNamespace(say=told.append),
        )

    runs = [run(1, ""), run(2, "unlearned"), run(3, "diverged"), run(4, "")]
    assert [good.seed_init for good in _goods(runs, "structured")] == [1, 4]
    assert told == [
        "seed2: not in super, anti and middle (structured): its full model did not learn the task",
        "seed3: not in super, anti and middle (structured): its training diverged",
    ]
