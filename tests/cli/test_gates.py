"""`subprobe gates`: tables on stdout, narration on stderr, masks in the folder, one error line."""

import json

import pytest
from subprobe.data.output.tables import read_rows
from subprobe.models.masks.subnetwork import Subnetwork
from tiny_run import write_toy_task


@pytest.fixture(scope="module")
def tuned(tiny_encoder, tmp_path_factory):
    """A fine-tuned tiny model, and the arguments that name its task."""
    from subprobe.analysis.configuration.config import RecipeOptions
    from subprobe.analysis.configuration.task_choice import TaskChoice
    from subprobe.analysis.single.training import fine_tune_to_folder
    from subprobe.analysis.steps.progress import Silent

    folder = tmp_path_factory.mktemp("tuned")
    data = write_toy_task(folder / "toy")
    fine_tune_to_folder(
        str(tiny_encoder), TaskChoice("toy", str(data), {"first": "text", "label": "side"}),
        folder / "model", seed=1, order_seed=2, selection="held-out",
        options=RecipeOptions(learning_rate=0.003, epochs=4, batch_size=8), progress=Silent(),
    )  # fmt: skip
    return [folder / "model", "--task", "toy", "--data-dir", data, "--column", "first=text",
            "--column", "label=side"]  # fmt: skip


def test_a_sweep_writes_masks_and_rows_and_prints_a_table(subprobe_command, tuned, tmp_path):
    code, out, err = subprobe_command(
        "gates", *tuned, "--penalty", 0, "--penalty", 1000, "--epochs", 8, "--batch-size", 4,
        "--out", tmp_path / "g",
    )  # fmt: skip
    assert code == 0, err
    assert "full model" in out
    assert "learning gates, penalty 1000" in err
    assert "DEGENERATE: penalty 1000 prunes all heads" in " ".join(err.split())
    assert Subnetwork.load(tmp_path / "g" / "l0-1000.safetensors").n_heads == 0
    assert len(read_rows(tmp_path / "g" / "sweep.csv")) > 16


def test_json_holds_the_table_and_the_masks(subprobe_command, tuned, tmp_path):
    code, out, err = subprobe_command(
        "gates", *tuned, "--penalty", 0.01, "--epochs", 1, "--seed", 3, "--json", "--quiet",
        "--out", tmp_path / "g",
    )  # fmt: skip
    assert (code, err) == (0, "")
    said = json.loads(out)
    assert [line["lambda"] for line in said["table"]] == ["full model", "0.01"]
    assert said["masks"][0]["history"][0]["seed"] == 3
    assert said["masks"][0]["method"] == "l0"


def test_a_mask_is_evaluated_as_any_other(subprobe_command, tuned, tmp_path):
    arguments = ["--penalty", 0.01, "--epochs", 1, "--quiet", "--out", tmp_path / "g"]
    assert subprobe_command("gates", *tuned, *arguments)[0] == 0
    mask = tmp_path / "g" / "l0-0.01.safetensors"
    code, out, err = subprobe_command("evaluate", *tuned, "--mask", mask, "--json")
    assert code == 0, err
    assert {row["method"] for row in json.loads(out)} == {"l0"}
    code, _, err = subprobe_command(
        "sample", mask, "--kind", "bad", "--seed", 1, "--out", tmp_path / "bad.safetensors"
    )
    assert code == 0, err


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (["--penalty", -1], "penalty must be >= 0, got -1"),
        (["--penalty", "nan"], "penalty must be >= 0, got nan"),
        (["--penalty", 0.1, "--penalty", 0.1], "name each penalty once"),
        (["--penalty", 0.1, "--epochs", 0], "epochs and batch size must be >= 1, got 0"),
        (["--penalty", 0.1, "--learning-rate", 0], "learning rate"),
    ],
    ids=str,
)
def test_wrong_options_end_with_one_line(subprobe_command, tuned, tmp_path, wrong, named):
    code, out, err = subprobe_command("gates", *tuned, *wrong, "--out", tmp_path / "g", "--quiet")
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert named in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "g").exists()


def test_no_penalty_is_wrong_use(subprobe_command, tuned, tmp_path):
    code, out, err = subprobe_command("gates", *tuned, "--out", tmp_path / "g")
    assert (code, out) == (2, "")
    assert "--penalty" in err


def test_gates_towards_a_size_write_a_mask_of_that_size(subprobe_command, tuned, tmp_path):
    code, out, err = subprobe_command(
        "gates", *tuned, "--keep", 0.5, "--form", "continuous-sparsification", "--epochs", 1,
        "--ablation", "mean", "--limit", 16, "--json", "--quiet", "--out", tmp_path / "g",
    )  # fmt: skip
    assert (code, err) == (0, "")
    said = json.loads(out)
    assert said["table"][1]["kept"] == "5 of 10 heads+mlps"
    mask = Subnetwork.load(tmp_path / "g" / "continuous-sparsification-0.5.safetensors")
    assert (mask.method, mask.ablation) == ("continuous-sparsification", "mean")
    assert mask.constants


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ([], "one of --penalty and --keep is needed"),
        (["--penalty", 1, "--keep", 0.5], "one of --penalty and --keep is needed"),
        (["--penalty", 1, "--units", "mlps"], "--units: cannot be combined with a penalty"),
        (["--keep", 0.05], "less than one of 10 heads and MLPs"),
        (["--keep", 1.5], "between 0 and 1"),
        (["--keep", 0.5, "--form", "soft"], "unknown form of gates"),
        (["--keep", 0.5, "--criterion", "score"], "unknown criterion of gates"),
        (["--keep", 0.5, "--block", "4x4"], "needs units weights"),
        (["--keep", 0.5, "--ablation", "noise"], "unknown ablation"),
    ],
    ids=str,
)
def test_what_is_no_size_is_refused_in_one_line(subprobe_command, tuned, tmp_path, given, named):
    code, out, err = subprobe_command("gates", *tuned, *given, "--quiet", "--out", tmp_path / "g")
    assert (code, out) == (2, "")
    said = " ".join(err.split())
    assert named in said
    assert "Traceback" not in said
    assert not (tmp_path / "g").exists()


def test_prune_learns_gates_by_the_criterion_and_refuses_options_of_searches(
    subprobe_command, tuned, tmp_path
):
    found = {}
    for criterion in ("loss", "kl"):
        code, out, err = subprobe_command(
            "prune", *tuned, "--method", "hard-concrete", "--keep", "0.5", "--limit", "8",
            "--criterion", criterion, "--out", tmp_path / f"{criterion}.safetensors", "--json",
        )  # fmt: skip
        assert code == 0, err
        found[criterion] = json.loads(out)["history"][0]
        assert found[criterion]["criterion"] == criterion
    assert found["loss"]["loss"] != found["kl"]["loss"]
    for given in (["--rule", "absolute"], ["--importance", "fisher"]):
        code, _, err = subprobe_command(
            "prune", *tuned, "--method", "hard-concrete", "--keep", "0.5", *given,
            "--out", tmp_path / "no.safetensors",
        )  # fmt: skip
        assert code == 2
        assert f"{given[0]}: cannot be combined with --method hard-concrete" in err
        assert err.count("\n") == 1


def test_an_encoder_trained_under_means_is_scored_with_its_mask(subprobe_command, tuned, tmp_path):
    code, _, err = subprobe_command(
        "gates", *tuned, "--keep", "0.5", "--epochs", 1, "--train-encoder", "--ablation", "mean",
        "--limit", "16", "--out", tmp_path / "g",
    )  # fmt: skip
    assert code == 0, err
    code, out, err = subprobe_command(
        "evaluate", tmp_path / "g" / "model-0.5", *tuned[1:], "--json",
        "--mask", tmp_path / "g" / "hard-concrete-0.5.safetensors",
    )  # fmt: skip
    assert code == 0, err
    rows = json.loads(out)
    assert {(row["state"], row["ablation"]) for row in rows} == {("retrained", "mean")}
