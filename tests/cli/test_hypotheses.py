"""`subprobe hypotheses` and `sample --match`: tables, screen and bad input."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from subprobe.analysis.hypotheses.columns import HYPOTHESES, SCORED, UNITS
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.pruning.controls import random_like
from tiny import tiny_model, tiny_tokenizer
from tiny_run import write_toy_task

CLASSES = ("left", "right")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hypotheses")
    write_toy_task(folder / "toy")
    model = tiny_model(
        "bert", "classification", id2label=dict(enumerate(CLASSES)),
        label2id={name: k for k, name in enumerate(CLASSES)},
    )  # fmt: skip
    model.save_pretrained(folder / "m")
    tiny_tokenizer("wordpiece").save_pretrained(folder / "m")
    config = model.config
    heads = np.zeros((config.num_hidden_layers, config.num_attention_heads), bool)
    heads[:, 0] = True
    mlps = np.arange(config.num_hidden_layers) > 0
    mask = Subnetwork(heads, mlps, selection="train-10%")
    mask.save(folder / "good.safetensors")
    mask.with_meta(head_mask=~(heads & ~heads), mlp_mask=~(mlps & ~mlps)).save(
        folder / "all.safetensors"
    )
    mask.with_meta(head_mask=heads & ~heads, mlp_mask=mlps & ~mlps).save(
        folder / "none.safetensors"
    )
    return folder


def arguments(place, *more, mask="good"):
    return (
        "hypotheses", place / "m", "--mask", place / f"{mask}.safetensors", "--task", "toy",
        "--data-dir", place / "toy", "--column", "first=text", "--column", "label=side", *more,
    )  # fmt: skip


def test_tables_and_screen_agree(place, subprobe_command, tmp_path):
    out = tmp_path / "tables"
    few = ("--draws", 36, "--permutations", 99, "--match", "model", "--match", "layer")
    code, _, _ = subprobe_command(*arguments(place, *few, "--out", out, "--quiet"))
    assert code == 0
    tests = pd.read_csv(out / "hypotheses.csv")
    assert list(tests) == list(HYPOTHESES)
    assert list(tests["hypothesis"]) == [
        "sufficiency", "sufficiency", "necessity", "necessity", "equivalence", "independence",
    ]  # fmt: skip
    assert list(tests["match"].dropna()) == ["model", "layer"] * 2
    assert set(tests["ablation"]) == {"zero"}
    # equal questions about two profiles are one family
    assert list(tests["family_size"].fillna(0)) == [2, 2, 2, 2, 0, 1]
    equivalence = tests.set_index("hypothesis").loc["equivalence"]
    # a random model answers at the majority baseline
    assert equivalence["flag"] == "unlearned, 24 independent examples: at least 76 are needed"
    scores = pd.read_csv(out / "hypothesis_scores.csv")
    assert list(scores) == list(SCORED)
    assert scores["kind"].value_counts().to_dict() == {
        "random": 72, "random-complement": 72, "full": 1, "good": 1, "complement": 1,
    }  # fmt: skip
    line = tests.iloc[0]
    null = scores[(scores["kind"] == "random") & (scores["match"] == "model")]["value"]
    good = scores[scores["kind"] == "good"]["value"].iloc[0]
    assert line["wins"] == (good > null + 1e-9).sum()
    assert line["compared"] == pytest.approx(null.mean())
    units = pd.read_csv(out / "hypothesis_units.csv")
    assert list(units) == list(UNITS)
    mask = Subnetwork.load(place / "good.safetensors")
    assert len(units) == mask.head_mask.size + mask.mlp_mask.size
    assert units["kept"].sum() == mask.n_heads + mask.n_mlps
    assert units[units["kept"]]["flag"].str.contains("at least 29 are needed").all()

    code, text, _ = subprobe_command(*arguments(place, *few, "--json", "--quiet"))
    assert code == 0
    assert len(json.loads(text)["hypotheses"]) == 6
    code, text, _ = subprobe_command(
        *arguments(place, "--hypothesis", "sufficiency", "--criterion", "kl", "--quiet")
    )
    assert code == 0
    assert "sufficiency" in text
    assert "of 100 random masks" in text.replace("\n", " ")
    assert "; unlearned)" in " ".join(text.split())


@pytest.mark.parametrize(
    ("more", "mask", "said"),
    [
        (("--draws", 20), "good", "20 draws cannot show .* p is 0.122.* at least 29 draws"),
        (("--draws", 29, "--share", "0.95"), "good", "at least 59 draws"),
        ((), "none", "keeps no head or MLP: there is nothing to knock out"),
        ((), "all", "keeps every head or MLP"),
        (("--share", "1"), "good", "--share: must be above 0 and below 1"),
        (("--margin", "0.5"), "good", "--margin: must be above 0 and below .5"),
        (("--permutations", 98), "good", "--permutations"),
        (("--hypothesis", "beauty"), "good", "unknown hypothesis 'beauty'"),
        (("--criterion", "loss"), "good", "unknown criterion 'loss'"),
        (("--within", "rest"), "good", "unknown source of random units 'rest'"),
        (("--match", "head"), "good", "unknown match 'head'"),
    ],
)
def test_what_cannot_answer_is_refused_in_one_line(place, subprobe_command, more, mask, said):
    code, out, err = subprobe_command(*arguments(place, *more, "--quiet", mask=mask))
    assert (code, out) == (2, "")
    assert len(err.strip().splitlines()) == 1
    assert re.search(said, err), err


def test_sample_draws_complements_and_by_layer(place, subprobe_command, tmp_path):
    good = Subnetwork.load(place / "good.safetensors")
    for kind, match in (
        ("complement", "model"),
        ("random", "layer"),
        ("random-complement", "layer"),
    ):
        out = tmp_path / f"{kind}-{match}.safetensors"
        code, _, _ = subprobe_command(
            "sample", place / "good.safetensors", "--kind", kind, "--match", match, "--out", out
        )
        assert code == 0
        drawn = Subnetwork.load(out)
        assert drawn.kind == kind
        assert drawn.match == ("layer" if match == "layer" else "")
        profile = good.head_mask.sum(1)
        kept = drawn.head_mask.sum(1)
        width = good.head_mask.shape[1]
        assert np.array_equal(kept if kind == "random" else width - kept, profile)
    assert random_like(good, 0).match == ""
    code, out, _ = subprobe_command(
        "evaluate", place / "m", "--mask", tmp_path / "random-layer.safetensors", "--task", "toy",
        "--data-dir", place / "toy", "--column", "first=text", "--column", "label=side",
        "--json", "--quiet",
    )  # fmt: skip
    assert code == 0
    assert {row["variant"] for row in json.loads(out)} == {"match=layer"}
