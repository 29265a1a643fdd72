"""Searches and masks that can carry no claim: each is refused or called so, never passed over."""

import json

import numpy as np
import pandas as pd
import pytest
from subprobe.analysis.configuration.config import RecipeOptions
from subprobe.analysis.configuration.task_choice import TaskChoice
from subprobe.analysis.single.training import fine_tune_to_folder
from subprobe.analysis.steps.progress import Silent
from subprobe.models.checkpoint.checkpoint import load_saved
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.encoder.fingerprint import weights_fingerprint
from subprobe.models.masks.subnetwork import Subnetwork, full_subnetwork


@pytest.fixture(scope="module")
def models(own, tiny_encoder, tmp_path_factory):
    """A model that learned the task, and one whose training diverged."""
    folder = tmp_path_factory.mktemp("models")
    task = TaskChoice("toy", str(own[3]), {"first": "text", "label": "side"})
    recipes = {"good": (0.005, 12), "lost": (0.9, 6)}
    for name, (rate, epochs) in recipes.items():
        fine_tune_to_folder(
            str(tiny_encoder), task, folder / name, seed=1, order_seed=1, selection="held-out",
            options=RecipeOptions(learning_rate=rate, epochs=epochs, batch_size=8),
            progress=Silent(),
        )  # fmt: skip
    return {name: folder / name for name in recipes}


@pytest.fixture(scope="module")
def nothing(models, tmp_path_factory):
    """A mask that removes everything."""
    model = load_saved(str(models["good"]))
    anatomy = anatomy_of(model)
    path = tmp_path_factory.mktemp("masks") / "nothing.safetensors"
    Subnetwork(
        np.zeros((anatomy.num_layers, anatomy.num_heads), dtype=bool),
        np.zeros(anatomy.num_layers, dtype=bool),
        kind="good",
        fingerprint=weights_fingerprint(model),
    ).save(path)
    return path


def said(text):
    return " ".join(text.split())


def test_a_threshold_that_the_full_model_misses(subprobe_command, own, models, tmp_path):
    out = tmp_path / "mask.safetensors"
    code, _, err = subprobe_command(
        "prune", models["lost"], *own, "--rule", "absolute", "--threshold", 0.99, "--out", out
    )
    assert code == 2
    assert "below the threshold 0.9900; lower the threshold" in said(err)
    assert not out.exists()


def test_a_metric_no_better_than_the_majority(subprobe_command, own, models, tmp_path):
    for rule in ("gain", "study"):
        out = tmp_path / f"{rule}.safetensors"
        code, _, err = subprobe_command("prune", models["lost"], *own, "--rule", rule, "--out", out)
        assert code == 0
        assert "DEGENERATE" in err
        assert "no better than the majority baseline (0.5)" in said(err)


@pytest.mark.parametrize(
    ("rate", "flag", "why"),
    [
        (0.9, "diverged", "DIVERGED: the mean loss of the last epoch is"),
        (1e-9, "unlearned", "UNLEARNED: accuracy .500 on the 24 selection examples"),
    ],
)
def test_a_training_that_came_to_nothing(
    subprobe_command, own, tiny_encoder, models, tmp_path, rate, flag, why
):
    code, _, err = subprobe_command(
        "finetune", tiny_encoder, *own, "--learning-rate", rate, "--epochs", 2,
        "--batch-size", 8, "--out", tmp_path / "m",
    )  # fmt: skip
    assert code == 0
    assert why in said(err)
    code, out, _ = subprobe_command("evaluate", tmp_path / "m", *own, "--json")
    assert {row["flag"] for row in json.loads(out)} == {flag}
    code, _, err = subprobe_command(
        "prune", tmp_path / "m", *own, "--out", tmp_path / "mask.safetensors"
    )
    assert {"diverged": "m diverged: its", "unlearned": "m did not learn in"}[flag] in said(err)


def test_the_flag_of_a_folder_is_that_of_its_scores(subprobe_command, own, models):
    for name, flag in (("lost", "diverged"), ("good", None)):
        code, out, _ = subprobe_command("evaluate", models[name], *own, "--json")
        assert code == 0
        assert {row["flag"] for row in json.loads(out)} == {flag}


def test_a_mask_that_removes_everything(subprobe_command, own, models, nothing, tmp_path):
    code, out, _ = subprobe_command("evaluate", models["good"], "--mask", nothing, *own, "--json")
    assert code == 0
    assert {row["flag"] for row in json.loads(out)} == {"degenerate"}
    for command in ("compact", "bake"):
        code, _, err = subprobe_command(
            command, models["good"], "--mask", nothing, "--out", tmp_path / command
        )
        assert code == 0
        assert "DEGENERATE: the mask keeps no head and no MLP" in said(err)


def test_a_rule_that_everything_passes(subprobe_command, own, models, tmp_path):
    out = tmp_path / "mask.safetensors"
    code, _, err = subprobe_command(
        "prune", models["good"], *own, "--rule", "study", "--threshold", 0.01, "--out", out
    )
    assert code == 0
    assert Subnetwork.load(out).empty
    assert "DEGENERATE: the mask keeps no unit: rule study allows the score to fall" in said(err)


def test_the_lottery_is_no_search_of_one_model(subprobe_command, own, models, tmp_path):
    out = tmp_path / "mask.safetensors"
    code, _, err = subprobe_command("prune", models["good"], *own, "--method", "imp", "--out", out)
    assert code == 2
    assert "subprobe run with prune.methods" in said(err)
    assert not out.exists()


@pytest.mark.parametrize("method", ["magnitude", "imp"])
def test_bad_weights_are_not_the_complement(subprobe_command, models, tmp_path, method):
    anatomy = anatomy_of(load_saved(str(models["good"])))
    weights = {"encoder.layer.0.intermediate.dense": np.eye(48, 32, dtype=bool)}
    good = full_subnetwork(anatomy, kind="good", method=method, weight_masks=weights)
    good.save(tmp_path / "good.safetensors")
    code, _, err = subprobe_command(
        "sample",
        tmp_path / "good.safetensors",
        "--kind",
        "bad",
        "--out",
        tmp_path / "bad.safetensors",
    )
    assert code == 2
    assert "smallest weights" in said(err)


def test_a_baked_model_brings_its_mask(subprobe_command, own, models, nothing, tmp_path):
    """Its zeros are a subnetwork: rows that called it the full model would be averaged with it."""
    folder = tmp_path / "baked"
    subprobe_command("bake", models["good"], "--mask", nothing, "--out", folder)
    code, out, _ = subprobe_command("evaluate", folder, *own, "--json")
    rows = pd.DataFrame(json.loads(out))
    assert code == 0
    assert set(rows["kind"]) == {"good"}
    assert set(rows["state"]) == {"pruned"}
    assert set(rows["mask_id"]) == {Subnetwork.load(nothing).mask_id}
    code, _, err = subprobe_command("evaluate", folder, "--mask", nothing, *own)
    assert code == 2
    assert "a baked model has a mask of its own" in said(err)
