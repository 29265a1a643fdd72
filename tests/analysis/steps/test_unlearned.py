"""Trainings that did not learn: every row, table and sentence says so, again when resumed."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from subprobe.analysis.cell_output import CellOutput
from subprobe.analysis.cells.searching import across
from subprobe.analysis.cells.work import Nothing
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.steps.performance import lowest
from subprobe.models.masks.subnetwork import Subnetwork
from tiny_run import tiny_config

pytestmark = pytest.mark.slow

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
    # a mask is of the full model, and a pruned head stays flagged as such
    flags = set(rows.loc[trained, "flag"].dropna())
    assert flags <= {"unlearned", "dead"}
    scores = rows[rows["probe"] == "performance"]
    assert set(scores["flag"]) == {"unlearned"}
    assert set(scores["state"]) == {"finetuned", "pruned", "retrained", "untrained"}
    # weights of what did not learn are numbers: they are searched and probed
    assert (rows["probe"] == "attention-stats").any()


def test_cells_and_the_models_folder_record_it(finished):
    import json

    meta = finished.folder / "models" / "acceptability-seed1" / "subprobe.json"
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
    assert "(1 epoch of 48 examples, 16 per step, learning rate 1e-12)" in text
    page = (finished.folder / "report.html").read_text()
    assert "1 epoch of 48 examples, 16 per step, learning rate 1e-12" in page
    headline = page.split("<table", 2)[1].split("</table>")[0]
    assert "unlearned" in headline
    summary = pd.read_csv(finished.folder / "summary_performance.csv")
    assert summary["flag"].str.contains("unlearned").all()


def test_a_seed_that_did_not_learn_has_no_say_in_what_all_seeds_keep():
    told, kept = [], []
    flags = {1: "", 2: "unlearned", 3: "diverged", 4: ""}

    def mask(role):
        rows = np.eye(2, dtype=bool) if role == "good1" else np.ones((2, 2), dtype=bool)
        return Subnetwork(rows, np.array([True, False]), seed_init=int(role[-1]))

    work: Any = SimpleNamespace(
        options={"seeds": [1, 2, 3, 4], "task": "t", "method": "structured", "kind": "super"},
        seed=1,
        read_mask=mask,
        output=lambda role: SimpleNamespace(notes={"flag": flags[int(role[-1])]}),
        progress=SimpleNamespace(say=told.append),
        save_mask=kept.append,
    )
    across(work)
    np.testing.assert_array_equal(kept[0].head_mask, np.eye(2, dtype=bool))
    assert told == [
        "t-seed2: not in super, anti and middle (structured): "
        "its full model did not learn the task",
        "t-seed3: not in super, anti and middle (structured): its training diverged",
    ]
    flags[4] = "diverged"
    with pytest.raises(Nothing, match="fewer than two seeds"):
        across(work)
