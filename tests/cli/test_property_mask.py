"""`subprobe prune --criterion property=NAME` from the command line: written, printed or refused."""

import json

import pandas as pd
import pytest
from labelled_sentences import tagged_sentences, write_tagged
from safetensors import safe_open
from subprobe.data.output.tables import read_rows
from subprobe.models.masks.subnetwork import Subnetwork
from tiny_run import save_tiny_encoder

QUICK = ["--epochs", "2", "--readout-rate", ".05", "--draws", "1", "--batch-size", "16", "-q"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("property")
    save_tiny_encoder(folder / "tiny")
    write_tagged(folder / "t.conllu", tagged_sentences(60, documents=40))
    write_tagged(folder / "dev.conllu", tagged_sentences(12, 1))
    return folder


def pruned(place, *more):
    return ["prune", str(place / "tiny"), "--criterion", "property=upos", *map(str, more)]


def test_a_folder_holds_masks_read_outs_and_tables(place, subprobe_command):
    out = place / "all"
    code, shown, err = subprobe_command(
        *pruned(place, "--corpus", place / "t.conllu", "--out", out, "--units", "heads-neurons"),
        "--penalty", "1", "--penalty", "0.1", "--rank", "2", *QUICK,
    )  # fmt: skip
    assert code == 0, err
    assert "accuracy on test and size" in shown
    files = {path.name for path in out.iterdir() if path.suffix in (".csv", ".safetensors")}
    assert files == {
        "curve.csv", "rows.csv", "untrained-null.csv",
        "l0-upos-0.1.safetensors", "l0-upos-1.safetensors",
        "l0-upos-0.1.readout.safetensors", "l0-upos-1.readout.safetensors",
    }  # fmt: skip
    mask = Subnetwork.load(out / "l0-upos-1.safetensors")
    assert (mask.kind, mask.method, mask.task) == ("good", "l0", "upos")
    assert mask.history[0]["units"] == "heads-neurons"
    with safe_open(out / "l0-upos-1.readout.safetensors", framework="np") as stored:
        (about,) = stored.metadata().values()
        weight = stored.get_tensor("weight")
    assert json.loads(about)["mask_id"] == mask.mask_id
    assert weight.shape == (len(json.loads(about)["classes"]), 32)
    rows = read_rows(out / "rows.csv")
    assert set(rows["kind"]) == {"full", "good", "random", "complement"}
    assert set(rows["state"]) == {"pretrained", "untrained"}
    assert (set(rows["corpus"]), set(rows["annotation"])) == ({"t.conllu"}, {"gold"})
    assert "mlp, rank 2" in shown
    assert "random 0" in shown
    curve = pd.read_csv(out / "curve.csv")
    assert {"value", "mask_bits", "kept_units", "expected_open", "probe_bits"} <= set(curve)
    assert sorted(curve["lambda"].dropna().unique()) == [0.1, 1]


def test_a_mask_file_and_json_and_the_same_bytes_again(place, subprobe_command):
    said = []
    for name in ("one", "two"):
        code, shown, err = subprobe_command(
            *pruned(place, "--train", place / "t.conllu", "--dev", place / "dev.conllu"),
            "--out", str(place / f"{name}.safetensors"), "--units", "heads", "--reset", "none",
            "--json", *QUICK,
        )  # fmt: skip
        assert code == 0, err
        said.append(shown)
    assert said[0] == said[1]
    assert (place / "one.safetensors").read_bytes() == (place / "two.safetensors").read_bytes()
    found = json.loads(said[0])
    assert {row["state"] for row in found["rows"]} == {"pretrained"}
    assert {row["split"] for row in found["rows"] if row["split"]} == {"dev"}
    assert found["masks"][0]["mask_id"] == Subnetwork.load(place / "one.safetensors").mask_id
    # and it is a mask as any other
    code, shown, err = subprobe_command(
        "sample", str(place / "one.safetensors"), "--kind", "random", "--seed", "1",
        "--out", str(place / "drawn.safetensors"), "--json",
    )  # fmt: skip
    assert code == 0, err
    code, shown, err = subprobe_command(
        *pruned(place, "--train", place / "t.conllu", "--dev", place / "dev.conllu"),
        "--out", str(place / "again"), "--units", "heads", "--reset", "none", "--penalty", "3",
        "--against", str(place / "drawn.safetensors"), "--json", *QUICK,
    )  # fmt: skip
    assert code == 0 or "prunes nothing" in err, err


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (["--criterion", "property=upas"], "word label"),
        (["--criterion", "upos"], "property=NAME"),
        (["--criterion", "property=xpos"], "no sentence of the train part has xpos"),
        (["--task", "cola"], "--task: cannot be combined with --criterion property=upos"),
        (["--keep", ".5"], "--keep: cannot be combined with"),
        (["--ablation", "mean"], "--ablation: cannot be combined with --criterion property=upos"),
        (["--donor-seed", "1"], "--donor-seed: cannot be combined with --criterion property=upos"),
        (["--units", "layers"], "heads-neurons"),
        (["--penalty", "-1"], "penalty must be >= 0, got -1.0"),
        (["--penalty", "1", "--penalty", "2"], "name a folder, or one --penalty"),
        (["--train", "dev.conllu"], "--train both name training sentences"),
        (["--criterion", "property=feats:"], "word label"),
        (["--criterion", "property=feats:Case"], "no sentence of the train part has feats:Case"),
        (["--reset", "some"], "reset"),
        (["--rank", "0"], "ranks of MLP probes"),
        (["--corpus", "missing.conllu"], "missing.conllu"),
        (["--against", "missing.safetensors"], "no such mask file"),
        (["--mask-rate", "-1"], "learning rate"),
    ],
    ids=str,
)
def test_what_does_not_go_together_is_refused_in_one_line(place, subprobe_command, changed, said):
    code, shown, err = subprobe_command(
        *pruned(place, "--corpus", place / "t.conllu", "--out", place / "no.safetensors"), *QUICK,
        *changed,
    )  # fmt: skip
    assert code == 2
    assert said in err
    assert err.count("\n") == 1
    assert not shown
    assert not (place / "no.safetensors").exists()


def test_a_task_is_pruned_without_the_options_of_a_property(place, subprobe_command):
    for changed, said in (
        (["--task", "cola", "--corpus", "t.conllu"], "--corpus: cannot be combined with a task"),
        ([], "a task or a property is needed"),
    ):
        code, _, err = subprobe_command(
            "prune", str(place / "tiny"), "--out", str(place / "no.safetensors"), *changed
        )
        assert code == 2
        assert said in err


def test_both_encoders_and_two_properties_in_one_table(place, subprobe_command):
    out = place / "two"
    code, shown, err = subprobe_command(
        *pruned(place, "--corpus", place / "t.conllu", "--out", out, "--units", "heads"),
        "--penalty", "1", "--other", "property=deprel", "--null", "untrained", *QUICK,
    )  # fmt: skip
    assert code == 0, err
    rows = read_rows(out / "untrained-null.csv")
    assert set(rows["probe"]) == {"untrained-null"}
    scores = rows[rows["metric"].eq("accuracy")]
    by = scores[scores["kind"].ne("random")].set_index(["target", "state", "kind"])
    assert len(by) == 8
    floored = by[["value", "baseline_value"]].max(axis=1)
    found = rows[rows["metric"].eq("own_minus_other")].set_index(["state", "kind"])["value"]
    for key, value in found.items():
        assert value == pytest.approx(floored[("upos", *key)] - floored[("deprel", *key)])
    gap = rows[rows["metric"].eq("mask_minus_complement")].set_index("state")
    for state in ("pretrained", "untrained"):
        wanted = floored["upos", state, "good"] - floored["upos", state, "complement"]
        assert gap.loc[state, "value"] == pytest.approx(wanted)
        assert gap.loc[state, "n"] == by.loc[("upos", state, "good"), "n"]
    against = rows[rows["metric"].eq("trained_minus_untrained")]
    assert set(against["variant"].str.rsplit("of=", n=1).str[-1]) == {
        "mask", "complement", "mask_minus_complement", "mask_own_minus_other",
        "complement_own_minus_other",
    }  # fmt: skip
    assert "mask, own - other" in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--other", "deprel"], "unknown second property 'deprel'"),
        (["--other", "property=upos"], "is the property of the mask itself: upos"),
        (["--other", "property=no"], "unknown"),
        (["--null", "shuffled"], "unknown null 'shuffled'"),
        (["--null", "untrained", "--reset", "none"], "needs an encoder with random weights"),
    ],
)
def test_bad_options_of_the_null_are_refused(place, subprobe_command, tmp_path, words, said):
    code, out, err = subprobe_command(*pruned(place, *words, "--out", tmp_path / "out"))
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()
