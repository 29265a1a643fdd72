"""`sp.hypotheses`: the tables of the command, on a model and a mask in memory."""

import pandas as pd
import pytest
import subprobe as sp
from subprobe.analysis.configuration.config import RecipeOptions
from subprobe.analysis.configuration.task_choice import TaskChoice
from subprobe.analysis.single.training import fine_tune_to_folder
from subprobe.analysis.steps.progress import Silent
from tiny_run import write_toy_task

COLUMNS = {"first": "text", "label": "side"}


@pytest.fixture(scope="module")
def place(tiny_encoder, tmp_path_factory):
    """A folder with a task, a model `m` of it and its mask `good.safetensors`."""
    folder = tmp_path_factory.mktemp("hypotheses")
    task = TaskChoice("toy", str(write_toy_task(folder / "toy")), COLUMNS)
    fine_tune_to_folder(
        str(tiny_encoder), task, folder / "m", seed=1, order_seed=1, selection="held-out",
        options=RecipeOptions(learning_rate=0.003, epochs=2, batch_size=8), progress=Silent(),
    )  # fmt: skip
    sp.search(loaded(folder), keep=0.5, progress=Silent()).save(folder / "good.safetensors")
    return folder


def loaded(place):
    return sp.load_model(
        str(place / "m"), "toy", data_dir=place / "toy", columns=COLUMNS, progress=Silent()
    )


@pytest.mark.slow
def test_the_tables_are_those_of_the_command(place, subprobe_command, tmp_path):
    code, _, err = subprobe_command(
        "hypotheses", place / "m", "--mask", place / "good.safetensors", "--task", "toy",
        "--data-dir", place / "toy", "--column", "first=text", "--column", "label=side",
        "--draws", 29, "--permutations", 99, "--quiet", "--out", tmp_path / "out",
    )  # fmt: skip
    assert code == 0, err
    mask = sp.Subnetwork.load(place / "good.safetensors")
    found = sp.hypotheses(loaded(place), mask, draws=29, permutations=99, progress=Silent())
    frames = {
        "hypotheses": found.to_frame(), "hypothesis_units": found.units(),
        "hypothesis_scores": found.scores(),
    }  # fmt: skip
    for name, frame in frames.items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
        mine, own = (pd.read_csv(at / f"{name}.csv") for at in (tmp_path, tmp_path / "out"))
        pd.testing.assert_frame_equal(mine, own, rtol=1e-6, check_dtype=False)
    assert "minimality: 0 of" in repr(found)
    assert "<table" in found._repr_html_()
    frames["hypotheses"].loc[:, "answer"] = "changed"
    assert "changed" not in set(found.to_frame()["answer"])


def test_some_hypotheses_and_what_is_refused(place):
    model, mask = loaded(place), sp.Subnetwork.load(place / "good.safetensors")
    found = sp.hypotheses(model, mask, "necessity", draws=29, progress=Silent())
    assert list(found.to_frame()["hypothesis"]) == ["necessity"]
    assert found.units().empty
    with pytest.raises(sp.UnknownNameError, match="unknown hypothesis 'necessary'"):
        sp.hypotheses(model, mask, ["necessary"])
    with pytest.raises(sp.ConfigError, match="20 draws cannot show"):
        sp.hypotheses(model, mask, draws=20)
    with pytest.raises(sp.MaskError, match="there is nothing to knock out"):
        sp.hypotheses(model, ~sp.full_subnetwork(model.anatomy), progress=Silent())
    without_task = sp.load_model(str(place / "m"), progress=Silent())
    with pytest.raises(sp.InputError, match="loaded without a task"):
        sp.hypotheses(without_task, mask, progress=Silent())
