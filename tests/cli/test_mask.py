"""Masks as sets on the command line."""

import json

import numpy as np
import pandas as pd
import pytest
from subprobe.models.masks.subnetwork import Subnetwork


@pytest.fixture
def three(tmp_path, monkeypatch):
    """Masks `a`, `b` and `c` of heads and MLPs."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    made = {}
    for name in "abc":
        made[name] = Subnetwork(rng.random((4, 6)) < 0.5, rng.random(4) < 0.5, model="m")
        made[name].save(tmp_path / f"{name}.safetensors")
    return made


FILES = ["a.safetensors", "b.safetensors", "c.safetensors"]


def units(mask):
    heads = {("head", *at) for at in np.argwhere(mask.head_mask).tolist()}
    return heads | {("mlp", int(at)) for at in np.flatnonzero(mask.mlp_mask)}


@pytest.mark.parametrize(
    ("operation", "of_sets"),
    [
        ("union", lambda a, b, c: a | b | c),
        ("intersection", lambda a, b, c: a & b & c),
        ("difference", lambda a, b, c: a - b - c),
    ],
)
def test_operations_on_three_masks_are_those_on_sets(subprobe_command, three, operation, of_sets):
    code, out, _ = subprobe_command("mask", operation, *FILES, "--out", "d.safetensors", "--json")
    assert code == 0
    made = Subnetwork.load("d.safetensors")
    assert units(made) == of_sets(*(units(three[name]) for name in "abc"))
    assert json.loads(out)["mask_id"] == made.mask_id
    assert made.kind == "combined"


def test_a_complement_inverts_what_is_asked_for(subprobe_command, three):
    code, out, _ = subprobe_command("mask", "complement", FILES[0], "--out", "d.safetensors")
    assert code == 0
    assert "complement subnetwork in d.safetensors keeps" in out
    assert Subnetwork.load("d.safetensors").mask_id == (~three["a"]).mask_id
    subprobe_command(
        "mask", "complement", FILES[0], "--level", "heads", "--out", "d.safetensors", "--overwrite"
    )
    made = Subnetwork.load("d.safetensors")
    assert (made.head_mask == ~three["a"].head_mask).all()
    assert (made.mlp_mask == three["a"].mlp_mask).all()


def test_overlap_gives_a_line_for_each_pair_and_unit(subprobe_command, three):
    code, out, _ = subprobe_command("mask", "overlap", *FILES, "--out", "o", "--json")
    assert code == 0
    table = pd.read_csv("o/mask_overlap.csv")
    assert list(table["unit"]) == ["head", "mlp"] * 3
    first = table.iloc[0]
    a, b = (units(three[name]) for name in "ab")
    shared = {one for one in a & b if one[0] == "head"}
    either = {one for one in a | b if one[0] == "head"}
    assert first["iou"] == pytest.approx(len(shared) / len(either))
    assert json.loads(out)["mask_overlap"][0]["shared"] == len(shared)
    code, out, _ = subprobe_command("mask", "overlap", *FILES)
    assert code == 0
    assert "IoU" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["union", "a.safetensors", "--out", "d.safetensors"],
         "union needs at least 2 masks, got 1"),
        (["overlap", "a.safetensors", "a.safetensors"], "the same mask is named twice"),
        (["union", *FILES, "--out", "d.csv"], ".csv is not a supported output format"),
        (["union", *FILES, "--out", "a.safetensors"], "a.safetensors"),
        (["intersection", "a.safetensors", "no.safetensors", "--out", "d.safetensors"],
         "no such mask file"),
        (["complement", "a.safetensors", "--level", "weights", "--out", "d.safetensors"],
         "the mask has no weights; name a level that it has: heads, mlps"),
        (["complement", "a.safetensors", "--level", "layers", "--out", "d.safetensors"],
         "unknown level 'layers'"),
        (["overlap", "a.safetensors", "wide.safetensors"], "different shapes of heads"),
        (["difference", "a.safetensors", "wide.safetensors", "--out", "d.safetensors"],
         "masks of different shapes"),
        (["difference", "a.safetensors", "text.safetensors", "--out", "d.safetensors"],
         "text.safetensors"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(subprobe_command, three, tmp_path, words, said):
    Subnetwork(np.ones((4, 7), dtype=bool), np.ones(4, dtype=bool)).save("wide.safetensors")
    (tmp_path / "text.safetensors").write_text("no mask")
    before = sorted(tmp_path.iterdir())
    code, out, err = subprobe_command("mask", *words)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert said in err
    assert sorted(tmp_path.iterdir()) == before
