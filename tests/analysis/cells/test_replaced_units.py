"""A run whose pruned units output their means: every mask has those of its own model."""

import pytest
from judged import only_diverged
from subprobe.analysis.cells import training
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.run_folder.reading import load_run
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.models.partners.drawing import draws_of
from tiny_run import tiny_config, without_report, write_toy_task

OTHER = {"cats": "keys", "keys": "cats"}
"""Subjects of as many subwords."""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def run_under(tiny_encoder, folder, prune, **changed):
    """A run on texts with the same text about the other subject as their counterfactual."""
    toy = write_toy_task(folder.parent / "toy")
    for path in toy.glob("*.csv"):
        first, *rest = path.read_text("utf-8").replace("The dogs", "The keys").splitlines()
        texts = [line.split(",")[0].split() for line in rest]
        swapped = [" ".join([the, OTHER[subject], *more]) for the, subject, *more in texts]
        lines = [f"{line},{other}" for line, other in zip(rest, swapped, strict=True)]
        path.write_text("\n".join([f"{first},other", *lines]) + "\n", encoding="utf-8")
    columns = {"first": "text", "label": "side"}
    if prune["ablation"] == "counterfactual":
        columns["counterfactual"] = "other"
    given = {
        "prune": {"keep": 0.5, **prune},
        "controls": {"draws": 2, "untrained": False, "bag_of_words": False, "across_seeds": True},
        "tasks": ["toy"],
        "task": {"toy": {"data_dir": str(toy), "columns": columns}},
        "recipe": {"learning_rate": 0.005, "epochs": 3, "batch_size": 8},
        "examples": [24, 24, 24],
        "probe": {"names": []},
    }
    config = tiny_config(tiny_encoder, **{**given, **changed})
    with pytest.MonkeyPatch.context() as patch, without_report():
        # a tiny encoder learns nothing that masks could keep
        patch.setattr(training, "outcome", only_diverged)
        run_experiment(config, folder)
    return folder


@pytest.fixture(scope="module")
def folder(tiny_encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "run"
    return run_under(tiny_encoder, folder, {"ablation": "mean"})


@pytest.mark.parametrize(
    "prune",
    [
        {"ablation": "mean"},
        {"ablation": "resample", "match_donors": "label", "donor_seed": 3},
        {"ablation": "counterfactual"},
    ],
    ids=lambda prune: prune["ablation"],
)
def test_a_run_with_probes_says_the_ablation_in_every_row_about_a_mask(
    tiny_encoder, tmp_path, prune
):
    probe = {
        "names": ["attention-stats", "faithfulness"], "sentences": 4, "examples": 4, "draws": 1,
        "states": ["pruned", "retrained"], "subsets": 10,
    }  # fmt: skip
    small = {"draws": 1, "untrained": False, "bag_of_words": False, "complement": True}
    run_under(tiny_encoder, tmp_path / "run", prune, seeds=[1], controls=small, probe=probe)
    run = load_run(tmp_path / "run")
    masked = run.rows["mask_id"].fillna("").ne("")
    assert set(run.rows[masked]["ablation"]) == {prune["ablation"]}
    assert set(run.rows[~masked]["ablation"].fillna("")) == {""}
    for name in ("performance", "attention-stats"):
        mine = run.rows[masked & run.rows["probe"].eq(name)]
        if name == "attention-stats" and prune["ablation"] == "counterfactual":
            # sentences of a corpus have no counterfactual, so these cells fail and say so
            assert mine.empty
            continue
        assert {"pruned", "retrained"} <= set(mine["state"]), name
        assert {"good", "random", "bad"} <= set(mine["kind"]), name
    (path,) = (tmp_path / "run" / "masks").rglob("*good.safetensors")
    good = Subnetwork.load(path)
    assert good.ablation == prune["ablation"]
    by_label = run.rows["flag"].eq("donors-by-label").fillna(False)
    if prune["ablation"] != "resample":
        assert not by_label.any()
        return
    assert draws_of(good.constants) == {"seed": 3, "match": "label"}
    # the flag says that the answer leaks, where nothing worse is known
    flags = run.rows[masked & run.rows["probe"].eq("performance")]["flag"]
    assert flags.fillna("").ne("").all()
    assert by_label.any()
    assert not by_label[~masked].any()
    assert not by_label[run.rows["probe"].eq("mask")].any()


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
