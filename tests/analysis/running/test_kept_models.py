"""Retrained models: gone with their cells written, kept where that is asked for."""

import pytest
from subprobe.analysis.configuration.config import RunConfig
from subprobe.analysis.running.earlier import differences
from subprobe.analysis.running.preparing import prepare
from subprobe.analysis.steps.progress import Silent
from subprobe.models.checkpoint.checkpoint import load_classifier, load_tokenizer
from subprobe.models.training.evaluate import evaluate
from tiny_run import tiny_config

OPTIONS = {"seeds": [1], "prune": {"keep": 0.5}, "probe": {"names": []}}


def prepared(encoder, folder, **retrain):
    config = tiny_config(encoder, **OPTIONS, retrain=retrain)
    (run,) = prepare(config, folder, None, Silent())
    return run


@pytest.mark.parametrize("route", ["masked", "compact"])
def test_a_kept_model_scores_what_its_cell_says(route, tiny_encoder, tmp_path):
    run = prepared(tiny_encoder, tmp_path / "run", route=route)
    good = run.good("structured")
    first = run.retrain(good)
    models = tmp_path / "run" / "models"
    assert [path.name for path in models.iterdir()] == ["acceptability-seed1"]
    # the cell is there, the model is not: asked for, it is trained again, to the same end
    run = prepared(tiny_encoder, tmp_path / "run", route=route, keep=True)
    again = run.retrain(good)
    assert again.rows["value"].tolist() == first.rows["value"].tolist()
    folder = models / "acceptability-seed1-structured-good-retrained"
    written = (folder / "model.safetensors").stat().st_mtime_ns
    model, tokenizer = load_classifier(str(folder), run.parts.spec), load_tokenizer(str(folder))
    found = evaluate(
        model, tokenizer, run.parts.report, run.parts.spec, subnetwork=good,
        max_length=run.setting.recipe.max_length,
    )  # fmt: skip
    stored = first.items[first.items["probe"] == "performance"]
    assert found.items()["score"].tolist() == pytest.approx(stored["score"].tolist(), abs=1e-6)
    run.retrain(good)
    assert (folder / "model.safetensors").stat().st_mtime_ns == written


def test_keeping_models_is_no_other_run():
    kept = RunConfig(retrain={"keep": True})
    assert not RunConfig().retrain.keep
    assert differences(RunConfig().plain(), kept.plain()) == {}
