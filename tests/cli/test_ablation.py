"""The ablation of a mask on the command line: found, scored, probed, retrained and written out."""

import json

import numpy as np
import pandas as pd
import pytest
from subprobe.models.checkpoint.checkpoint import load_saved
from subprobe.models.encoder.fingerprint import weights_fingerprint
from subprobe.models.masks.subnetwork import Subnetwork


@pytest.fixture(scope="module")
def tuned(own, tiny_encoder, tmp_path_factory):
    """A folder with two fine-tuned tiny models."""
    from subprobe.analysis.configuration.config import RecipeOptions
    from subprobe.analysis.configuration.task_choice import TaskChoice
    from subprobe.analysis.single.training import fine_tune_to_folder
    from subprobe.analysis.steps.progress import Silent

    folder = tmp_path_factory.mktemp("tuned")
    task = TaskChoice("toy", str(own[3]), {"first": "text", "label": "side"})
    for seed in (1, 2):
        fine_tune_to_folder(
            str(tiny_encoder), task, folder / f"model{seed}", seed=seed, order_seed=seed,
            selection="held-out", progress=Silent(),
            options=RecipeOptions(learning_rate=0.005, epochs=2, batch_size=8),
        )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def mean(own, tuned):
    """A mask of the first model whose pruned units output their means."""
    from subprobe.analysis.configuration.mask_options import PruneOptions
    from subprobe.analysis.configuration.task_choice import TaskChoice
    from subprobe.analysis.single.loaded import load_for_task
    from subprobe.analysis.single.training import prune_to_mask
    from subprobe.analysis.steps.progress import Silent

    task = TaskChoice("toy", str(own[3]), {"first": "text", "label": "side"})
    loaded, path = load_for_task(str(tuned / "model1"), task), tuned / "mean.safetensors"
    prune_to_mask(loaded, PruneOptions(keep=0.5, ablation="mean"), path, Silent())
    return path


def scores(command, own, *arguments):
    code, out, err = command("evaluate", *arguments, *own, "--json")
    assert code == 0, err
    return pd.DataFrame(json.loads(out)).set_index("metric")


def test_prune_writes_a_mask_with_its_means(subprobe_command, own, tuned, mean, tmp_path):
    out = tmp_path / "mask.safetensors"
    arguments = ("prune", tuned / "model1", *own, "--keep", "0.5", "--ablation", "mean")
    code, told, err = subprobe_command(*arguments, "--out", out, "--json")
    assert code == 0, err
    assert json.loads(told)["ablation"] == "mean"
    assert out.read_bytes() == mean.read_bytes()
    found = Subnetwork.load(mean)
    assert found.constants_of == weights_fingerprint(load_saved(str(tuned / "model1")))
    assert found.constants["head"].shape[:2] == found.head_mask.shape


def test_evaluate_scores_a_mask_under_its_own_or_another_ablation(
    subprobe_command, own, tuned, mean
):
    model = tuned / "model1"
    found = {
        name: scores(
            subprobe_command, own, model, "--mask", mean,
            *(("--ablation", name) if name else ()),
        )
        for name in ("", "zero", "mean", "mean-by-position", "learned")
    }  # fmt: skip
    for name, rows in found.items():
        assert set(rows["ablation"]) == {name or "mean"}
    assert found[""]["value"].equals(found["mean"]["value"])
    ids = {name: rows["mask_id"].iloc[0] for name, rows in found.items()}
    assert ids[""] == ids["mean"]
    assert len(set(ids.values())) == 4
    whole = scores(subprobe_command, own, model)
    assert set(whole["ablation"]) == {""}


def test_compact_and_baked_models_keep_the_means(subprobe_command, own, tuned, mean, tmp_path):
    masked = scores(subprobe_command, own, tuned / "model1", "--mask", mean)
    for form in ("compact", "bake"):
        out = tmp_path / form
        code, _, err = subprobe_command(form, tuned / "model1", "--mask", mean, "--out", out)
        assert code == 0, err
        rows = scores(subprobe_command, own, out)
        assert rows["value"].tolist() == masked["value"].tolist()
        assert set(rows["ablation"]) == {"mean"}
        code, _, err = subprobe_command("evaluate", out, *own, "--ablation", "zero")
        assert code == 2
        assert "compact or baked model" in err


def test_probe_runs_under_another_ablation(subprobe_command, own, tuned, mean):
    arguments = ("probe", tuned / "model1", "--mask", mean, "--probe", "attention-stats",
                 "--corpus", "natural", "--limit", "2", "--json")  # fmt: skip
    found = {}
    for name in ("", "zero", "mean"):
        more = ("--ablation", name) if name else ()
        more += tuple(own) if name == "mean" else ()
        code, out, err = subprobe_command(*arguments, *more)
        assert code == 0, err
        found[name] = pd.DataFrame(json.loads(out))
        assert set(found[name]["ablation"]) == {name or "mean"}
    # a pruned head has no pattern, whatever replaces its output
    dead = ~Subnetwork.load(mean).head_mask
    heads = found[""][found[""]["unit"].eq("head")]
    of_dead = [dead[int(one.layer), int(one.head)] for one in heads.itertuples()]
    assert dead.any()
    assert heads["value"][of_dead].isna().all()
    code, _, err = subprobe_command(*arguments, "--ablation", "mean")
    assert code == 2
    assert "add --task" in err


def test_means_of_other_weights_are_refused_unless_they_are_computed_anew(
    subprobe_command, own, tuned, mean
):
    other = tuned / "model2"
    code, _, err = subprobe_command("evaluate", other, "--mask", mean, "--other-weights", *own)
    assert code == 2
    assert err.count("\n") == 1
    assert "constants of the mask (mean) belong to other weights" in err
    rows = scores(
        subprobe_command, own, other, "--mask", mean, "--other-weights", "--ablation", "mean"
    )
    assert rows["mask_id"].iloc[0] != Subnetwork.load(mean).mask_id


def test_retraining_keeps_the_means_unless_they_are_refreshed(
    subprobe_command, own, tuned, mean, tiny_encoder, tmp_path
):
    train = ("finetune", tiny_encoder, *own, "--epochs", "1", "--mask", mean, "--out")
    code, _, err = subprobe_command(*train, tmp_path / "kept")
    assert code == 0, err
    rows = scores(subprobe_command, own, tmp_path / "kept", "--mask", mean)
    assert set(rows["state"]) == {"retrained"}
    assert set(rows["mask_id"]) == {Subnetwork.load(mean).mask_id}
    small = tmp_path / "kept-small"
    code, _, err = subprobe_command(
        "compact", tmp_path / "kept", "--mask", mean, "--out", small
    )  # fmt: skip
    assert code == 0, err
    assert scores(subprobe_command, own, small)["value"].tolist() == rows["value"].tolist()
    code, _, err = subprobe_command(*train, tmp_path / "new", "--refresh-means")
    assert code == 0, err
    refreshed = tmp_path / "new" / "mask.safetensors"
    mask = Subnetwork.load(refreshed)
    assert mask.constants_of == weights_fingerprint(load_saved(str(tiny_encoder)))
    assert not np.array_equal(mask.constants["mlp"], Subnetwork.load(mean).constants["mlp"])
    rows = scores(subprobe_command, own, tmp_path / "new", "--mask", refreshed)
    assert set(rows["state"]) == {"retrained"}
    code, _, err = subprobe_command(*train, tmp_path / "small", "--route", "compact")
    assert code == 2
    assert "route masked" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("evaluate", "--ablation", "mean"), "no pruned units to replace"),
        (("evaluate", "--mask", "MEAN", "--ablation", "half"), "unknown ablation"),
        (("prune", "--ablation", "half", "--out", "FILE"), "ablation"),
        (("prune", "--ablation", "mean", "--method", "magnitude", "--out", "FILE"), "magnitude"),
        (("finetune", "--refresh-means", "--out", "OUT"), "no mask is given"),
        (("compact", "--mask", "POSITION", "--out", "OUT"), "depends on the position"),
        (("bake", "--mask", "POSITION", "--out", "OUT"), "depends on the position"),
    ],
)
def test_what_cannot_be_replaced_is_one_line(
    subprobe_command, own, tuned, mean, tmp_path, arguments, said
):
    found = Subnetwork.load(mean)
    places = {name: np.stack([one, one]) for name, one in found.constants.items()}
    position = tmp_path / "position.safetensors"
    found.with_meta(ablation="mean-by-position", constants=places).save(position)
    names = {
        "MEAN": mean,
        "OUT": tmp_path / "out",
        "FILE": tmp_path / "out.safetensors",
        "POSITION": position,
    }
    command, *rest = (names.get(one, one) for one in arguments)
    task = () if command in ("compact", "bake") else own
    code, _, err = subprobe_command(command, tuned / "model1", *rest, *task)
    assert code == 2
    assert said in err
    assert "Traceback" not in err
