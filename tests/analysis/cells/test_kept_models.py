"""Retrained models: kept so that a new probe trains nothing, or removed when all is computed."""

import shutil
from typing import Any

import pytest
from few_cells import rows_alone
from subprobe.analysis.configuration.config import RunConfig
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.running.earlier import differences
from subprobe.models.checkpoint.checkpoint import load_classifier, load_tokenizer
from subprobe.models.training.evaluate import evaluate
from tiny_run import TinyCells, computed_cells, tiny_config

pytestmark = pytest.mark.slow

OPTIONS: dict[str, Any] = {
    "seeds": [1],
    "prune": {"keep": 0.5},
    "controls": {"draws": 1, "untrained": False, "bag_of_words": False},
    "probe": {"names": ["attention-stats"], "sentences": 4, "states": ["retrained"]},
}
AT = "acceptability/seed1/structured/good/0"


@pytest.mark.parametrize("route", ["masked", "compact"])
def test_a_kept_model_scores_what_its_cell_says(route, tiny_encoder, tmp_path):
    config = tiny_config(tiny_encoder, **OPTIONS, retrain={"route": route})
    cells = TinyCells(config, tmp_path / "run")
    (scored,) = cells.outputs(f"{AT}/retrained/score")
    good = cells.mask("acceptability/seed1/structured/search")
    folder = tmp_path / "run" / "models" / "acceptability-seed1-structured-good-retrained"
    task = cells.prepared.tasks["acceptability"]
    model, tokenizer = load_classifier(str(folder), task.data.spec), load_tokenizer(str(folder))
    found = evaluate(
        model, tokenizer, task.data.splits["test"], task.data.spec, subnetwork=good,
        max_length=task.recipe.max_length,
    )  # fmt: skip
    stored = scored.items["score"].tolist()
    assert found.items()["score"].tolist() == pytest.approx(stored, abs=1e-6)


@pytest.fixture(scope="module")
def kept(tiny_encoder, tmp_path_factory):
    """A finished run whose models are kept."""
    folder = tmp_path_factory.mktemp("kept") / "run"
    with pytest.MonkeyPatch.context() as patch, rows_alone():
        names = computed_cells(patch)
        run_experiment(tiny_config(tiny_encoder, **OPTIONS), folder)
    assert names.count("retrain") == 3
    return folder


def test_a_new_probe_trains_nothing_where_models_are_kept(
    kept, tiny_encoder, tmp_path, monkeypatch
):
    folder, names = shutil.copytree(kept, tmp_path / "run"), computed_cells(monkeypatch)
    more = {**OPTIONS["probe"], "names": ["attention-stats", "attention-trees"]}
    with rows_alone():
        wanted = tiny_config(tiny_encoder, **{**OPTIONS, "probe": more})
        run_experiment(wanted, folder, existing="add")
    assert set(names) == {"probe"}
    assert len(names) == 1 + 3  # of the full model, and of three that were trained again


def test_where_they_are_removed_only_a_new_reader_trains_again(tiny_encoder, tmp_path, monkeypatch):
    folder, names = tmp_path / "run", computed_cells(monkeypatch)
    spare = {**OPTIONS, "retrain": {"keep": False}}
    with rows_alone():
        run_experiment(tiny_config(tiny_encoder, **spare), folder)
        models = folder / "models"
        assert [path.name for path in models.iterdir()] == ["acceptability-seed1"]
        names.clear()
        (folder / "report.html").unlink()
        first = run_experiment(tiny_config(tiny_encoder, **spare), folder)
        assert names == []  # what is finished needs no weights
        more = {**spare, "probe": {**OPTIONS["probe"], "names": ["attention-trees"]}}
        again = run_experiment(tiny_config(tiny_encoder, **more), folder, existing="new")
    assert names.count("retrain") == 3
    assert "evaluate" not in names
    scores = [run.rows[run.rows["probe"] == "performance"] for run in (first, again)]
    assert scores[0]["value"].tolist() == scores[1]["value"].tolist()


def test_keeping_models_is_no_other_run():
    spare = RunConfig(retrain={"keep": False})
    assert RunConfig().retrain.keep
    assert differences(RunConfig().plain(), spare.plain()) == {}


def test_a_run_that_starts_anew_keeps_what_it_shares(kept, tiny_encoder, tmp_path, monkeypatch):
    folder, names = shutil.copytree(kept, tmp_path / "run"), computed_cells(monkeypatch)
    other = {**OPTIONS["probe"], "names": ["attention-trees"]}
    models = {path.name for path in (folder / "models").iterdir()}
    with rows_alone():
        wanted = tiny_config(tiny_encoder, **{**OPTIONS, "probe": other})
        run_experiment(wanted, folder, existing="new")
    assert set(names) == {"probe"}
    assert {path.name for path in (folder / "models").iterdir()} == models
    assert not [path for path in (folder / "cells").glob("probe-*.parquet")
                if "attention-stats" in path.with_suffix(".json").read_text()]  # fmt: skip
