"""A run whose pruned units output their means: every mask has those of its own model."""

import pytest
from judged import only_diverged
from subprobe.analysis.cells import training
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.run_folder.reading import load_run
from tiny_run import tiny_config, without_report, write_toy_task

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def folder(tiny_encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "run"
    toy = write_toy_task(folder.parent / "toy")
    config = tiny_config(
        tiny_encoder,
        prune={"keep": 0.5, "ablation": "mean"},
        controls={"draws": 2, "untrained": False, "bag_of_words": False, "across_seeds": True},
        tasks=["toy"],
        task={"toy": {"data_dir": str(toy), "columns": {"first": "text", "label": "side"}}},
        recipe={"learning_rate": 0.005, "epochs": 3, "batch_size": 8},
        examples=[24, 24, 24],
        probe={"names": []},
    )
    with pytest.MonkeyPatch.context() as patch, without_report():
        # a tiny encoder learns nothing that masks could keep
        patch.setattr(training, "outcome", only_diverged)
        run_experiment(config, folder)
    return folder


def test_rows_of_masks_say_the_ablation_and_full_models_none(folder):
    rows = load_run(folder).rows
    masked = rows["mask_id"].fillna("").ne("")
    assert set(rows[masked]["ablation"]) == {"mean"}
    assert set(rows[~masked]["ablation"].fillna("")) == {""}
    assert {"good", "random", "bad", "super", "anti", "middle"} <= set(rows[masked]["kind"])
    assert {"pruned", "retrained"} <= set(rows[masked]["state"])


def test_each_mask_holds_the_means_of_its_own_model_also_after_retraining(folder):
    run = load_run(folder)
    rows = run.rows[run.rows["mask_id"].fillna("").ne("")]
    scored = rows[rows["probe"].eq("performance")]
    shared = scored[scored["kind"].eq("super")]
    # one mask for both seeds, with the constants of each: two ids, in every state the same
    assert shared.groupby("seed")["mask_id"].nunique().tolist() == [1, 1]
    assert shared["mask_id"].nunique() == 2
    of_units = rows[rows["probe"].eq("mask") & rows["kind"].eq("super")]
    assert set(of_units["mask_id"]) == set(shared["mask_id"])
