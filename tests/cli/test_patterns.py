from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from pattern_oracle import write_labelled
from safetensors.numpy import load_file, save_file
from subprobe.probes.patterns.classes import PATTERNS
from subprobe.probes.patterns.network import PatternClassifier


@pytest.fixture
def labelled(tmp_path):
    return write_labelled(tmp_path / "labelled")


def test_export_train_probe(tmp_path, tiny_encoder, subprobe_command, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for out in ("maps", "again"):
        code, _, err = subprobe_command(
            "patterns", "export", tiny_encoder, "--corpus", "natural", "--limit", 20,
            "--maps", 15, "--out", out, "--quiet",
        )  # fmt: skip
        assert (code, err) == (
            0,
            f"30 maps in {out}; correct the column pattern of labels.csv\n",
        )
    for name in ("maps.safetensors", "labels.csv"):
        first, second = (tmp_path / out / name for out in ("maps", "again"))
        assert first.read_bytes() == second.read_bytes()
    labels = pd.read_csv("maps/labels.csv")
    assert set(labels["pattern"]) <= set(PATTERNS)
    maps = load_file("maps/maps.safetensors")
    assert set(labels["map"]) == set(maps)
    for name, one in maps.items():
        if name.endswith("/raw"):
            np.testing.assert_allclose(one.sum(1), 1, atol=1e-5)
    write_labelled(tmp_path / "labelled", words=("Vertical", "diagonal", "mix", "block", "Other"))
    code, out, err = subprobe_command(
        "patterns", "train", "labelled", "--out", "own", "--epochs", 3, "--json"
    )
    assert code == 0, err
    assert json.loads(out)["macro_f1"] >= 0.8  # goes on from the shipped weights
    assert {path.name for path in (tmp_path / "own").iterdir()} == {
        "classifier.safetensors", "report.json", "confusion.csv", "subprobe.json",
    }  # fmt: skip
    counts = pd.read_csv("own/confusion.csv", index_col=0)
    assert counts.to_numpy().sum() == 2 * 5  # a fifth of 12 maps a pattern
    own = PatternClassifier.load(tmp_path / "own" / "classifier.safetensors")
    assert own.meta["trained_on"] == "60 labelled maps"
    code, out, err = subprobe_command(
        "probe", tiny_encoder, "--probe", "attention-patterns", "--corpus", "natural",
        "--limit", 10, "--option", "attention-patterns.weights=own/classifier.safetensors",
        "--json", "--quiet",
    )  # fmt: skip
    assert code == 0, err
    assert {row["variant"] for row in json.loads(out)} == {"raw", "norm"}


def test_npz_and_a_start_from_nothing(tmp_path, subprobe_command):
    folder = write_labelled(tmp_path / "zipped", kind="npz")
    code, out, err = subprobe_command(
        "patterns", "train", folder, "--out", tmp_path / "own", "--from-nothing"
    )
    assert code == 0, err
    assert "macro_f1" in out


def test_check_says_how_far_to_trust(tiny_encoder, subprobe_command):
    code, out, err = subprobe_command(
        "patterns", "check", tiny_encoder, "--limit", 30, "--maps", 60, "--json", "--quiet"
    )
    assert code == 0, err
    rows = pd.DataFrame(json.loads(out))
    assert set(rows["metric"]) == {
        "kappa_with_rules", "abstention_rate", "domain_auc", "energy_distance", "pattern_share",
    }  # fmt: skip
    auc = rows[rows["metric"] == "domain_auc"].set_index("variant")
    assert (auc["value"] > 0.8).all()  # random weights are far from the synthetic maps
    assert auc["baseline_value"].between(0.2, 0.8).all()
    energy = rows[rows["metric"] == "energy_distance"]
    assert (energy["value"] > energy["baseline_value"]).all()


def refused(subprobe_command, folder, *more):
    code, out, err = subprobe_command("patterns", "train", folder, "--out", folder / "own", *more)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert not (folder / "own").exists()
    return err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nothing-1,block", "no map is named 'nothing-1'"),
        ("block-1,round", "unknown pattern 'round'; known: vertical, diagonal"),
        ("block-2,block", "contains two labels for the map 'block-2'"),
    ],
)
def test_bad_labels_are_named(labelled, subprobe_command, line, said):
    with (labelled / "labels.csv").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    if "round" in line:
        text = (labelled / "labels.csv").read_text("utf-8").replace("block-1,block\n", "", 1)
        (labelled / "labels.csv").write_text(text, "utf-8")
    err = refused(subprobe_command, labelled)
    assert said in err
    assert "labels.csv, line" in err


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.ones((9, 10)), "shape [9, 10], which is not square"),
        (np.ones((5, 5)), "has 5 tokens, fewer than 8"),
        (-np.ones((9, 9)), "NaN, infinite or negative"),
        (np.full((9, 9), np.nan), "NaN, infinite or negative"),
        (np.zeros((9, 9)), "contains a row without attention"),
    ],
)
def test_bad_maps_are_named(labelled, subprobe_command, array, said):
    maps = load_file(labelled / "maps.safetensors")
    save_file({**maps, "block-3": array}, labelled / "maps.safetensors")
    err = refused(subprobe_command, labelled)
    assert "map 'block-3'" in err
    assert said in err


def test_missing_pickled_and_scarce_input(labelled, tmp_path, subprobe_command):
    text = (labelled / "labels.csv").read_text("utf-8")
    few = [line for line in text.splitlines() if not line.startswith("block-1")]
    (labelled / "labels.csv").write_text("\n".join(few) + "\n", "utf-8")
    assert "too few labelled maps: block 9" in refused(subprobe_command, labelled)
    (labelled / "maps.safetensors").unlink()
    assert "has no maps.safetensors or maps.npz" in refused(subprobe_command, labelled)
    np.savez(labelled / "maps.npz", block=np.array([{"a": 1}], dtype=object))
    assert "contains pickled objects" in refused(subprobe_command, labelled)
    (labelled / "labels.csv").unlink()
    assert "has no labels.csv" in refused(subprobe_command, labelled)


def test_a_classifier_that_is_none_is_refused_before_anything_is_read(
    tmp_path, tiny_encoder, subprobe_command
):
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"x")
    for words in (
        ("probe", tiny_encoder, "--probe", "attention-patterns", "--corpus", "natural",
         "--option", f"attention-patterns.weights={bad}"),
        ("patterns", "check", tiny_encoder, "--patterns", bad),
        ("patterns", "export", tiny_encoder, "--out", tmp_path / "maps", "--patterns", bad),
    ):  # fmt: skip
        code, _, err = subprobe_command(*words)
        assert code == 2
        assert "is not a classifier of attention patterns" in err
