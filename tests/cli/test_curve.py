"""`subprobe curve`: tables in a folder, JSON on stdout, one error line."""

import json

import pandas as pd
import pytest
from tiny_run import write_toy_task


@pytest.fixture(scope="module")
def tuned(tiny_encoder, tmp_path_factory):
    """Two fine-tuned tiny models, and the arguments that name their task."""
    from subprobe.analysis.configuration.config import RecipeOptions
    from subprobe.analysis.configuration.task_choice import TaskChoice
    from subprobe.analysis.single.training import fine_tune_to_folder
    from subprobe.analysis.steps.progress import Silent

    folder = tmp_path_factory.mktemp("tuned")
    data = write_toy_task(folder / "toy")
    for seed in (1, 2):
        fine_tune_to_folder(
            str(tiny_encoder), TaskChoice("toy", str(data), {"first": "text", "label": "side"}),
            folder / f"model-{seed}", seed=seed, order_seed=seed, selection="held-out",
            options=RecipeOptions(learning_rate=0.003, epochs=4, batch_size=8), progress=Silent(),
        )  # fmt: skip
    task = ["--task", "toy", "--data-dir", data, "--column", "first=text",
            "--column", "label=side"]  # fmt: skip
    return [folder / "model-1", folder / "model-2"], task


@pytest.mark.parametrize("units", ["joint", "heads", "neurons", "weights"])
def test_one_model(subprobe_command, tuned, tmp_path, units):
    (model, _), task = tuned
    code, out, err = subprobe_command(
        "curve", model, *task, "--units", units, "--keep", 0.5, "--draws", 3, "--json",
        "--out", tmp_path / "c",
    )  # fmt: skip
    assert code == 0, err
    tables = json.loads(out)
    points = pd.DataFrame(tables["curve"])
    assert points["kind"].value_counts().to_dict() == {"good": 2, "random": 2, "bad": 2}
    assert points["share"].unique().tolist() == [0.5, 1.0]
    full = points[points["share"] == 1]["value"]
    assert len(set(full)) == 1
    assert points[points["kind"] == "random"]["n_draws"].eq(3).all()
    assert "at most about" in err
    written = pd.read_csv(tmp_path / "c" / "curve.csv")
    assert written["value"].tolist() == pytest.approx(points["value"].tolist(), abs=1e-9)
    assert (tmp_path / "c" / "curve.svg").read_text().startswith("<svg")
    masks = pd.DataFrame(tables["curve_masks"])
    assert masks[masks["kind"] == "random"]["mask_id"].nunique() == 4


def test_full_is_what_evaluate_says(subprobe_command, tuned):
    (model, _), task = tuned
    code, out, _ = subprobe_command(
        "curve", model, *task, "--keep", 0.5, "--draws", 1, "--json", "-q"
    )
    assert code == 0
    points = pd.DataFrame(json.loads(out)["curve"])
    code, out, _ = subprobe_command("evaluate", model, *task, "--json", "-q")
    full = next(row for row in json.loads(out) if row["metric"] == points["metric"][0])
    found = points[(points["share"] == 1) & (points["kind"] == "good")].iloc[0]
    assert found["value"] == full["value"]
    assert found[["baseline", "baseline_value", "n"]].tolist() == [
        full["baseline"], full["baseline_value"], full["n"]
    ]  # fmt: skip


def test_several_models_are_seeds_and_have_super_masks(subprobe_command, tuned):
    models, task = tuned
    code, out, err = subprobe_command(
        "curve", *models, *task, "--keep", 0.5, "--draws", 2, "--order", "search", "--json"
    )
    assert code == 0, err
    tables = json.loads(out)
    points = pd.DataFrame(tables["curve"]).set_index(["kind", "share_asked"])
    assert points["n_seeds"].eq(2).all()
    assert points.loc[("super", 0.5), "share"] <= points.loc[("good", 0.5), "share"]
    assert pd.DataFrame(tables["curve_masks"])["seed"].unique().tolist() == [1, 2]
    areas = pd.DataFrame(tables["curve_areas"])
    assert areas[areas["kind"] == "super"]["measure"].tolist() == ["effective_size"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--keep", 0.01], "--keep: a share of 0.01 is less than one unit"),
        (["--keep", 0], "--keep: must be > 0 and <= 1, got 0"),
        (["--units", "layers"], "unknown type of unit 'layers'"),
        (["--kind", "super"], "--kind: super keeps the units"),
        (["--kind", "worst"], "unknown kind 'worst'"),
        (["--order", "best"], "unknown order 'best'"),
        (["--score", "bleu"], "unknown metric of toy 'bleu'"),
        (["--importance", "luck"], "luck"),
        (["--units", "weights", "--order", "search"], "--order: weights are ranked"),
    ],
)
def test_one_line_says_what_is_wrong(subprobe_command, tuned, tmp_path, arguments, said):
    (model, _), task = tuned
    code, out, err = subprobe_command("curve", model, *task, *arguments, "--out", tmp_path / "c")
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.strip().splitlines()) <= (2 if "metric" in said else 1)
    assert not (tmp_path / "c").exists()


def test_a_model_without_some_units_is_refused(subprobe_command, tuned, tmp_path):
    (model, _), task = tuned
    assert subprobe_command(
        "prune", model, *task, "--keep", 0.5, "--out", tmp_path / "m.safetensors", "-q"
    )[0] == 0  # fmt: skip
    assert subprobe_command(
        "compact", model, "--mask", tmp_path / "m.safetensors", "--out", tmp_path / "small"
    )[0] == 0  # fmt: skip
    code, _, err = subprobe_command("curve", tmp_path / "small", *task)
    assert code == 2
    assert "units were removed from this model" in err


def test_a_model_named_twice_is_refused(subprobe_command, tuned):
    (model, _), task = tuned
    code, _, err = subprobe_command("curve", model, model, *task)
    assert code == 2
    assert "is named twice" in err
