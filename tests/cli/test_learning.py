"""Probes that learn, through `subprobe probe`: parts, masks, states that are kept, refusals."""

import json

import numpy as np
import pandas as pd
import pytest
from learner import NAME, learner
from subprobe.data.generated_treebank import treebank
from subprobe.models.masks.subnetwork import full_subnetwork
from treebanks import write_conllu


@pytest.fixture(autouse=True)
def _known():
    with learner():
        yield


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    """Paths of train, dev and test."""
    parts, folder = treebank({"train": 40, "dev": 12, "test": 20}), tmp_path_factory.mktemp("bank")
    return [
        write_conllu(folder / f"{name}.conllu", getattr(parts, name))
        for name in ("train", "dev", "test")
    ]


@pytest.fixture(scope="module")
def mask(tiny_encoder, tmp_path_factory):
    """A mask of the encoder that lost most heads and an MLP."""
    from subprobe.models.checkpoint.checkpoint import load_encoder
    from subprobe.models.encoder.anatomy import anatomy_of
    from subprobe.models.encoder.fingerprint import weights_fingerprint

    model = load_encoder(str(tiny_encoder))
    whole = full_subnetwork(anatomy_of(model))
    heads, mlps = np.array(whole.head_mask), np.array(whole.mlp_mask)
    heads[0, 1:], heads[1, :3], mlps[1] = False, False, False
    path = tmp_path_factory.mktemp("mask") / "good.safetensors"
    found = whole.with_meta(
        head_mask=heads, mlp_mask=mlps, kind="good", fingerprint=weights_fingerprint(model)
    )
    found.save(path)
    return path


def probed(command, *words):
    code, _, err = command("probe", *words)
    assert code == 0, err
    return err


def test_a_model_is_probed_on_the_parts_that_are_named(
    subprobe_command, tiny_encoder, bank, tmp_path
):
    train, dev, test = bank
    out = tmp_path / "out"
    err = probed(
        subprobe_command, tiny_encoder, "--probe", NAME, "--probe", "attention-stats",
        "--train", train, "--dev", dev, "--test", test, "--out", out,
    )  # fmt: skip
    assert "train.conllu: 40 training sentences and 12 dev sentences" in err
    rows = pd.read_csv(out / f"{NAME}.csv")
    assert list(rows["layer"]) == [0, 1, 2]
    assert set(rows["variant"]) == {"own"}
    assert set(rows["corpus"]) == {"test.conllu"}
    assert set(rows["split"]) == {"test"}
    assert set(rows["state"]) == {"pretrained"}
    assert rows["n_clusters"].eq(20).all()
    assert rows["value"].gt(rows["baseline_value"]).all()
    # what learns nothing reads the test part
    stats = pd.read_csv(out / "attention-stats.csv")
    assert set(stats["corpus"]) == {"test.conllu"}
    about = json.loads((out / "learning.json").read_text())
    assert about["learning"]["sentences"] == {"train": 40, "dev": 12, "test": 20}
    assert len(about["learning"]["ids"]["train"]) == 40
    assert about["n_dev"] == 12
    items = pd.read_parquet(out / "items.parquet")
    own = items[items["probe"].eq(NAME)]
    assert len(own) == 3 * 20
    for layer, part in own.groupby("layer"):
        value = part["numerator"].sum() / part["denominator"].sum()
        assert value == pytest.approx(rows["value"][layer])


def test_under_a_mask_the_whole_model_is_learnt_from_first(
    subprobe_command, tiny_encoder, bank, mask, tmp_path
):
    train, _, test = bank
    words = (tiny_encoder, "--probe", NAME, "--corpus", train, "--test", test)
    probed(subprobe_command, *words, "--out", tmp_path / "whole.csv")
    err = probed(subprobe_command, *words, "--mask", mask, "--out", tmp_path / "mask.csv")
    assert "training probes on the full model" in err
    whole, rows = (pd.read_csv(tmp_path / f"{name}.csv") for name in ("whole", "mask"))
    assert list(rows["variant"]) == ["own"] * 3 + ["transferred"] * 3
    assert set(rows["kind"]) == {"good"}
    own, transferred = (rows[rows["variant"].eq(one)] for one in ("own", "transferred"))
    # embeddings are below every mask
    assert own["value"].iloc[0] == transferred["value"].iloc[0] == whole["value"].iloc[0]
    assert (own["value"].to_numpy() != whole["value"].to_numpy())[1:].any()
    assert (transferred["value"].to_numpy() != own["value"].to_numpy())[1:].any()


def test_a_mask_that_keeps_all_transfers_the_same(subprobe_command, tiny_encoder, bank, tmp_path):
    from subprobe.models.checkpoint.checkpoint import load_encoder
    from subprobe.models.encoder.anatomy import anatomy_of

    path = tmp_path / "all.safetensors"
    full_subnetwork(anatomy_of(load_encoder(str(tiny_encoder)))).save(path)
    probed(
        subprobe_command, tiny_encoder, "--probe", NAME, "--corpus", bank[0], "--test", bank[2],
        "--mask", path, "--out", tmp_path / "rows.csv",
    )  # fmt: skip
    rows = pd.read_csv(tmp_path / "rows.csv")
    assert list(rows["value"][:3]) == list(rows["value"][3:])


def test_states_are_kept_where_asked_and_used_again(
    subprobe_command, tiny_encoder, bank, tmp_path, monkeypatch
):
    from subprobe.probes.states import cache

    words = (tiny_encoder, "--probe", NAME, "--corpus", bank[0], "--test", bank[2])
    kept = ("--cache", tmp_path / "states")
    probed(subprobe_command, *words, *kept, "--out", tmp_path / "a.csv")
    files = {one: one.read_bytes() for one in (tmp_path / "states").glob("*.safetensors")}
    assert len(files) == 2

    def refuse(*_args, **_options):
        raise AssertionError("the states are there")

    monkeypatch.setattr(cache, "gather_states", refuse)
    probed(subprobe_command, *words, *kept, "--out", tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert files == {one: one.read_bytes() for one in (tmp_path / "states").glob("*.safetensors")}


def test_states_that_nobody_keeps_are_removed(
    subprobe_command, tiny_encoder, bank, tmp_path, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    out = tmp_path / "out" / "rows.csv"
    out.parent.mkdir()
    probed(subprobe_command, tiny_encoder, "--probe", NAME, "--corpus", bank[0], "--test", bank[2],
           "--out", out)  # fmt: skip
    assert [one.name for one in tmp_path.iterdir()] == ["out"]


def test_an_untrained_encoder_learns_from_the_same(subprobe_command, tiny_encoder, bank, tmp_path):
    probed(subprobe_command, tiny_encoder, "--probe", NAME, "--corpus", bank[0], "--test", bank[2],
           "--untrained", 3, "--out", tmp_path / "rows.csv")  # fmt: skip
    rows = pd.read_csv(tmp_path / "rows.csv")
    assert set(rows["state"]) == {"untrained"}
    assert set(rows["seed"]) == {3}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--train", "TRAIN"), "a file to score on is missing; add --test"),
        (("--test", "TEST"), "a file to train on is missing; add --train"),
        (("--corpus", "ABSENT.conllu"), "ABSENT.conllu"),
        (
            ("--corpus", "TRAIN", "--train", "TRAIN", "--test", "TEST"),
            "--corpus: is not read, because",
        ),
        (("--cache-limit", "0"), "--cache-limit"),
        (("--corpus", "TRAIN", "--cache", "TRAIN"), "--cache"),
        (("--corpus", "TRAIN", "--cache-limit", "0.000001"), "more than the limit"),
    ],
)
def test_what_does_not_fit_is_one_line(subprobe_command, tiny_encoder, bank, tmp_path, words, said):
    files = {"TRAIN": bank[0], "TEST": bank[2]}
    code, _, err = subprobe_command(
        "probe", tiny_encoder, "--probe", NAME, *(files.get(one, one) for one in words),
        "--out", tmp_path / "rows.csv", "--quiet",
    )  # fmt: skip
    assert code == 2
    assert said in err
    assert err.count("\n") == 1
    assert not (tmp_path / "rows.csv").exists()


def test_parts_for_probes_that_learn_nothing_are_refused(subprobe_command, tiny_encoder, bank):
    code, _, err = subprobe_command(
        "probe", tiny_encoder, "--probe", "attention-stats", "--train", bank[0], "--quiet"
    )
    assert code == 2
    assert "--train: no requested probe is trained on texts" in err
