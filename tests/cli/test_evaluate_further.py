"""`evaluate --by-label --calibration`: rows, screen and refusals."""

import json

import pytest
from sklearn.metrics import brier_score_loss, log_loss, precision_score
from subprobe.data.output.tables import read_rows
from tiny import tiny_model, tiny_tokenizer
from tiny_run import write_toy_task

CLASSES = ("left", "right")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("further")
    write_toy_task(folder / "toy")
    tiny_model(
        "bert", "classification", id2label=dict(enumerate(CLASSES)),
        label2id={name: k for k, name in enumerate(CLASSES)},
    ).save_pretrained(folder / "m")  # fmt: skip
    tiny_tokenizer("wordpiece").save_pretrained(folder / "m")
    return folder


def arguments(place, *more):
    return (
        "evaluate", place / "m", "--task", "toy", "--data-dir", place / "toy",
        "--column", "first=text", "--column", "label=side", *more,
    )  # fmt: skip


def test_rows_of_labels_and_bins(place, subprobe_command, tmp_path):
    out = tmp_path / "rows.csv"
    code, _, _ = subprobe_command(
        *arguments(place, "--by-label", "--calibration", "--bins", 10, "--out", out, "--quiet")
    )
    assert code == 0
    rows = read_rows(out)
    assert list(rows["probe"].unique()) == ["performance", "labels", "calibration"]
    labels = rows[rows["probe"] == "labels"]
    assert set(labels["target"]) == set(CLASSES)
    assert set(labels["metric"]) == {"precision", "recall", "f1", "support"}
    support = labels[labels["metric"] == "support"].set_index("target")["value"]
    assert support.sum() == 24
    calibration = rows[rows["probe"] == "calibration"].set_index("metric")
    assert set(calibration["variant"]) == {"bins=10"}
    assert {"ece", "ece_debiased", "ece_adaptive", "mce", "brier", "nll", "overconfidence",
            "bin_accuracy"} == set(calibration.index)  # fmt: skip
    ece = calibration.loc["ece"]
    assert ece["baseline"] == "calibrated model"
    assert ece["better"] == "lower"
    assert 0 < ece["p_value"] <= 1
    bins = calibration.loc[["bin_accuracy"]]
    assert bins["n"].sum() == 24
    gaps = (bins["n"] / 24 * (bins["value"] - bins["baseline_value"]).abs()).sum()
    assert gaps == pytest.approx(ece["value"])
    # two classes in equal shares, forecast without reading
    assert calibration.loc["brier", "baseline_value"] == pytest.approx(0.5)
    assert calibration.loc["nll", "baseline_value"] == pytest.approx(0.6931, abs=1e-4)


def test_numbers_are_those_of_scikit_learn(place, subprobe_command):
    from subprobe.analysis.configuration.task_choice import TaskChoice
    from subprobe.analysis.single.loaded import load_for_task
    from subprobe.models.training.evaluate import evaluate

    task = TaskChoice("toy", str(place / "toy"), {"first": "text", "label": "side"})
    loaded = load_for_task(str(place / "m"), task)
    found = evaluate(loaded.model, loaded.tokenizer, loaded.parts.report, loaded.parts.spec)
    code, out, _ = subprobe_command(
        *arguments(place, "--by-label", "--calibration", "--json", "--quiet")
    )
    assert code == 0
    rows = {(row["metric"], row["target"]): row["value"] for row in json.loads(out)}
    likely = found.probabilities
    assert likely.sum(axis=1) == pytest.approx(1)
    assert rows["nll", None] == pytest.approx(log_loss(found.labels, likely), rel=1e-6)
    one_sided = brier_score_loss(found.labels, likely[:, 1])
    assert rows["brier", None] == pytest.approx(2 * one_sided, rel=1e-6)
    precision = rows["precision", "right"]
    if (found.predictions == 1).any():
        assert precision == pytest.approx(precision_score(found.labels, found.predictions))
    else:
        assert precision is None


def test_the_screen_shows_tables_below_the_scores(place, subprobe_command):
    code, out, _ = subprobe_command(*arguments(place, "--by-label", "--calibration", "--quiet"))
    assert code == 0
    assert out.index("on 24 examples of toy") < out.index("support") < out.index("ece")
    code, plain, _ = subprobe_command(*arguments(place, "--quiet"))
    assert "ece" not in plain


@pytest.mark.parametrize("asked", ["--by-label", "--calibration"])
def test_numbers_have_no_classes(place, subprobe_command, tmp_path, asked):
    tiny_model("bert", "classification", 1).save_pretrained(tmp_path / "m")
    tiny_tokenizer("wordpiece").save_pretrained(tmp_path / "m")
    for split in ("train", "validation", "test"):
        lines = ["text,score", *(f"The cat saw it {n} times.,{n / 7}" for n in range(9))]
        (tmp_path / f"{split}.csv").write_text("\n".join(lines) + "\n")
    out = tmp_path / "rows.csv"
    code, said, err = subprobe_command(
        "evaluate", tmp_path / "m", "--task", "graded", "--data-dir", tmp_path,
        "--column", "first=text", "--column", "score=score", asked, "--out", out, "--quiet",
    )  # fmt: skip
    assert (code, said) == (2, "")
    assert len(err.strip().splitlines()) == 1
    assert f"{asked} needs classes, and the labels of graded are numbers" in err
    assert not out.exists()
