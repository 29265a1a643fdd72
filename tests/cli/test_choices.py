"""The commands on multiple-choice questions: train, score, prune, sample, bake, probe, refusals."""

import json

import pandas as pd
import pytest
from questions import quail_rows, write_quail
from subprobe.models.masks.subnetwork import Subnetwork

RECIPE = ("--epochs", 6, "--learning-rate", 0.003, "--batch-size", 4)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder in the format of QuAIL, whose splits are alike: a tiny model learns them."""
    return write_quail(tmp_path_factory.mktemp("quail") / "files")


@pytest.fixture(scope="module")
def steps(files, tiny_encoder, tmp_path_factory):
    """A trained model and its masks, made by the commands; step -> what it printed as JSON."""
    from subprobe.cli import app
    from typer.testing import CliRunner

    folder, said = tmp_path_factory.mktemp("choices"), {}

    def call(name, *words):
        done = CliRunner().invoke(app, [*map(str, words), "--json"], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        said[name] = json.loads(done.stdout)

    on = ("--task", "quail", "--data-dir", files)
    model, good = folder / "m", folder / "good.safetensors"
    call("finetune", "finetune", tiny_encoder, *on, *RECIPE, "--quiet", "--out", model)
    call("full", "evaluate", model, *on, "--quiet")
    call("prune", "prune", model, *on, "--keep", 0.5, "--quiet", "--out", good)
    call("magnitude", "prune", model, *on, "--method", "magnitude", "--keep", 0.5, "--quiet",
         "--out", folder / "weights.safetensors")  # fmt: skip
    call("gates", "gates", model, *on, "--penalty", 0.1, "--epochs", 1, "--quiet",
         "--out", folder / "gates")  # fmt: skip
    call("sample", "sample", good, "--kind", "random", "--seed", 1,
         "--out", folder / "random.safetensors")  # fmt: skip
    for name in ("good", "random", "weights"):
        call(name, "evaluate", model, "--mask", folder / f"{name}.safetensors", *on, "--quiet")
    call("retrain", "finetune", tiny_encoder, *on, "--epochs", 1, "--mask", good, "--quiet",
         "--out", folder / "again")  # fmt: skip
    call("retrained", "evaluate", folder / "again", "--mask", good, *on, "--quiet")
    call("bake", "bake", model, "--mask", good, "--out", folder / "baked")
    call("baked", "evaluate", folder / "baked", *on, "--quiet")
    call("compact", "compact", model, "--mask", good, "--out", folder / "compact")
    call("smaller", "evaluate", folder / "compact", *on, "--quiet")
    return folder, said


def score(rows):
    (row,) = rows
    return row["value"]


def test_every_command_runs_on_questions(steps):
    folder, said = steps
    (row,) = said["full"]
    assert (row["metric"], row["baseline"], row["baseline_value"]) == ("accuracy", "chance", 0.25)
    assert (row["n"], row["n_clusters"], row["split"]) == (12, 3, "test")
    mask = Subnetwork.load(folder / "good.safetensors")
    assert 0 < mask.head_mask.sum() < mask.head_mask.size
    assert score(said["good"]) == score(said["baked"]) == score(said["smaller"])
    meta = json.loads((folder / "m" / "subprobe.json").read_text())
    assert meta["task"] == "quail"
    config = json.loads((folder / "m" / "config.json").read_text())
    assert config["architectures"] == ["BertForMultipleChoice"]


def test_the_probe_of_choices(steps, files, subprobe_command, tmp_path):
    folder, _ = steps
    target = tmp_path / "rows.csv"
    code, _, err = subprobe_command(
        "probe", folder / "m", "--probe", "choices", "--task", "quail", "--data-dir", files,
        "--mask", folder / "good.safetensors", "--out", target, "--quiet",
    )  # fmt: skip
    assert code == 0, err
    rows = pd.read_csv(target)
    whole = rows[rows["metric"].eq("accuracy")].set_index("variant")
    assert list(whole.index) == [
        "full", "first-1", "first-2", "first-4", "no-question", "no-context",
    ]  # fmt: skip
    assert set(whole["baseline_value"]) == {0.25}
    assert set(whole["n_clusters"]) == {3}


@pytest.mark.parametrize(
    ("probe", "message"),
    [
        ("attributions", "quail is multiple choice: attributions needs a classifier of texts"),
        ("head-attributions", "needs a classifier of texts"),
    ],
)
def test_probes_of_classifiers_are_refused(steps, files, subprobe_command, probe, message):
    folder, _ = steps
    code, _, err = subprobe_command(
        "probe", folder / "m", "--probe", probe, "--task", "quail", "--data-dir", files, "--quiet"
    )
    assert code == 2
    assert message in err


def test_the_probe_of_choices_is_refused_for_other_tasks(tiny_encoder, subprobe_command):
    code, _, err = subprobe_command(
        "probe", tiny_encoder, "--probe", "choices", "--task", "acceptability", "--quiet"
    )
    assert code == 2
    assert "acceptability has no multiple-choice questions" in err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answers": ["a", "b", "c"]}, "has 3 options, but"),
        ({"answers": ["a", "", "c", "d"]}, "option 1 is empty"),
        ({"correct_answer_id": "7"}, "the answer '7' is none of the 4 options"),
    ],
)
def test_bad_rows_end_with_one_line(tmp_path, tiny_encoder, subprobe_command, change, message):
    rows = quail_rows()
    rows[3] |= change
    folder = write_quail(tmp_path / "bad", train=rows)
    code, _, err = subprobe_command("data", tiny_encoder, "--task", "quail", "--data-dir", folder)
    assert code == 2
    assert message in err
    assert "line 4" in err
    assert len(err.strip().splitlines()) == 1


def test_the_data_are_described(files, tiny_encoder, subprobe_command):
    code, out, _ = subprobe_command("data", tiny_encoder, "--task", "quail", "--data-dir", files)
    assert code == 0
    assert "right options: A 3, B 3, C 3, D 3" in out
    assert "types: Causality 4, Unanswerable 4, Factual 4" in out
    assert "baseline: chance (one of 4 options) scores accuracy 0.250" in out


def test_answers_left_out_are_not_taken_for_classes(tmp_path, tiny_encoder, subprobe_command):
    rows = quail_rows()
    rows[3]["correct_answer_id"] = "-1"
    folder = write_quail(tmp_path / "few", train=rows)
    code, out, _ = subprobe_command("data", tiny_encoder, "--task", "quail", "--data-dir", folder)
    assert code == 0
    assert "1 left out (without a label ('-1'))" in out
    assert "as-classes" not in out


def test_export_to_onnx_is_refused_before_anything_is_written(steps, subprobe_command, tmp_path):
    folder, _ = steps
    code, _, err = subprobe_command(
        "compact", folder / "m", "--mask", folder / "good.safetensors", "--out", tmp_path / "s",
        "--onnx", tmp_path / "s.onnx",
    )  # fmt: skip
    assert code == 2
    assert "multiple-choice models cannot be written as ONNX" in err
    assert not list(tmp_path.iterdir())


def test_latency_is_measured_on_inputs_of_options(steps, subprobe_command, tmp_path):
    folder, _ = steps
    code, _, err = subprobe_command(
        "latency", folder / "m", "--mask", folder / "good.safetensors", "--out",
        tmp_path / "rows.csv", "--length", 16, "--batch-size", 2, "--repeats", 7, "--quiet",
    )  # fmt: skip
    assert code == 0, err
    assert pd.read_csv(tmp_path / "rows.csv")["value"].notna().all()


def test_questions_of_ones_own_are_read_by_their_columns(files, tiny_encoder, subprobe_command):
    columns = ("context=context", "question=question", "options=answers",
               "label=correct_answer_id")  # fmt: skip
    named = [word for column in columns for word in ("--column", column)]
    on = ("data", tiny_encoder, "--task", "exam", "--data-dir", files)
    code, out, _ = subprobe_command(*on, *named)
    assert code == 0
    assert "right options: A 3, B 3, C 3, D 3" in out
    code, _, err = subprobe_command(*on, *named[:-2])
    assert code == 2
    assert "multiple-choice questions without label" in err
