"""A model fine-tuned from Python is the one that the command writes, loaded with its task."""

from typing import Any

import numpy as np
import pytest
from subprobe.analysis.configuration.config import RecipeOptions
from subprobe.analysis.interactive.fine_tuning import fine_tune
from subprobe.analysis.interactive.measuring import evaluate
from subprobe.analysis.interactive.searching import search
from subprobe.analysis.single.training import fine_tune_to_folder
from subprobe.analysis.steps.progress import Silent
from subprobe.data.errors import ConfigError, SubprobeWarning
from subprobe.data.tasks.by_name import load_task
from subprobe.models.checkpoint.checkpoint import load_classifier

RECIPE: dict[str, Any] = {"learning_rate": 0.001, "epochs": 1.0, "batch_size": 16}


@pytest.fixture(scope="module")
def task():
    return load_task("acceptability", sizes={"train": 48, "validation": 16, "test": 24})


def weights(model):
    return {name: value.numpy() for name, value in model.state_dict().items()}


def test_it_is_the_model_of_the_command(tiny_encoder, task, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = Said()
    model = fine_tune(str(tiny_encoder), task, "tuned", seed=3, progress=told, **RECIPE)
    assert model.name == "./tuned"
    assert (model.seeds, model.spec.name, len(model.parts.report)) == ((3, 3), "acceptability", 24)
    fine_tune_to_folder(
        str(tiny_encoder), task, tmp_path / "same", seed=3, order_seed=3, selection="held-out",
        options=RecipeOptions(**RECIPE), progress=Silent(),
    )  # fmt: skip
    same = weights(load_classifier(str(tmp_path / "same"), task.spec))
    for name, value in weights(model.model).items():
        assert np.array_equal(value, same[name]), name
    # what was read is no warning; that nothing was learnt is
    assert any("UNLEARNED" in line for line in told.lines)
    assert not [line for line in told.lines if "baseline:" in line or "read as" in line]
    assert evaluate(model, progress=told).about["state"] == "finetuned"


def test_a_subnetwork_is_trained_again(tiny_encoder, task, tmp_path):
    told = Said()
    model = fine_tune(str(tiny_encoder), task, tmp_path / "full", progress=told, **RECIPE)
    good = search(model, keep=0.5, progress=told)
    again = fine_tune(
        str(tiny_encoder), task, tmp_path / "good", mask=good, progress=told, **RECIPE
    )
    # the mask was found on the weights of the whole model, and belongs to these by the record
    assert evaluate(again, good, progress=told).about["state"] == "retrained"
    with pytest.warns(SubprobeWarning):
        search(model, keep=0.5)  # of a model that learnt nothing


def test_bad_options_are_refused(tiny_encoder, task, tmp_path):
    with pytest.raises(ConfigError, match="epochs"):
        fine_tune(str(tiny_encoder), task, tmp_path / "tuned", epochs=-1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"notes\.txt"):
        fine_tune(str(tiny_encoder), task, tmp_path / "mine")


class Said(Silent):
    """Progress that keeps what is told."""

    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)
