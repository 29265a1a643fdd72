"""The commands on the task mlm: train, score, prune, sample, retrain, and what is refused."""

import json

import pytest
from subprobe.models.masks.subnetwork import Subnetwork
from tiny import tiny_model, tiny_tokenizer

SENTENCES = (
    "The quick brown fox jumps over the lazy dog.",
    "The keys to the cabinet are on the table.",
    "Three of the paintings by the artist were stolen last night.",
    "If the actor slept, the lawyer knew the doctor.",
)
RECIPE = ("--epochs", 12, "--learning-rate", 0.005, "--batch-size", 8)


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """A folder whose splits are alike, so that a tiny model learns them by heart."""
    folder = tmp_path_factory.mktemp("texts")
    for split, times in (("train", 16), ("dev", 8), ("test", 8)):
        (folder / f"{split}.txt").write_text("\n".join(SENTENCES * times) + "\n", "utf-8")
    return folder


@pytest.fixture(scope="module")
def steps(texts, tiny_encoder, tmp_path_factory):
    """A trained model and its masks, made by the commands; step -> what it printed as JSON."""
    from subprobe.cli import app
    from typer.testing import CliRunner

    folder, said = tmp_path_factory.mktemp("masked"), {}

    def call(name, *words):
        done = CliRunner().invoke(app, [*map(str, words), "--json"], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        said[name] = json.loads(done.stdout)

    on = ("--task", "mlm", "--data-dir", texts)
    model, good = folder / "m", folder / "good.safetensors"
    call("finetune", "finetune", tiny_encoder, *on, *RECIPE, "--quiet", "--out", model)
    call("full", "evaluate", model, *on, "--quiet")
    call("whole words", "evaluate", model, "--task", "mlm-whole-word", *on[2:], "--quiet")
    call("prune", "prune", model, *on, "--quiet", "--out", good)
    call("magnitude", "prune", model, *on, "--method", "magnitude", "--quiet",
         "--out", folder / "weights.safetensors")  # fmt: skip
    call("sample", "sample", good, "--kind", "random", "--seed", 1,
         "--out", folder / "random.safetensors")  # fmt: skip
    for name in ("good", "random", "weights"):
        call(name, "evaluate", model, "--mask", folder / f"{name}.safetensors", *on, "--quiet")
    call("retrain", "finetune", tiny_encoder, *on, "--epochs", 1, "--mask", good, "--quiet",
         "--out", folder / "again")  # fmt: skip
    call("retrained", "evaluate", folder / "again", "--mask", good, *on, "--quiet")
    return folder, said


def scores(rows):
    return {row["metric"]: row["value"] for row in rows}


def test_a_model_learns_texts_and_is_compared_with_the_unigram(steps):
    _, said = steps
    meta = said["finetune"]
    assert (meta["task"], meta["flag"], meta["selection"]) == ("mlm", "", "validation")
    assert meta["training"]["head_loss"] > meta["training"]["losses"][-1]
    accuracy, bits = said["full"]
    assert (accuracy["metric"], accuracy["better"]) == ("accuracy", "higher")
    assert (bits["metric"], bits["better"]) == ("bits", "lower")
    assert accuracy["baseline"] == bits["baseline"] == "unigram"
    assert accuracy["ci_low"] > accuracy["baseline_value"]
    assert bits["ci_high"] < bits["baseline_value"]
    assert (accuracy["split"], accuracy["n_clusters"]) == ("test", 32)
    assert said["whole words"][0]["task"] == "mlm-whole-word"
    assert said["whole words"][0]["n"] != accuracy["n"]


def test_masks_of_the_model_are_found_drawn_and_scored(steps):
    folder, said = steps
    good = Subnetwork.load(folder / "good.safetensors")
    assert (good.kind, good.task, good.selection) == ("good", "mlm", "validation")
    whole, kept = scores(said["full"])["accuracy"], scores(said["good"])["accuracy"]
    assert good.history[0]["metric"] == pytest.approx(whole, abs=0.2)
    assert kept >= 0.8 * whole
    drawn = Subnetwork.load(folder / "random.safetensors")
    assert drawn.head_mask.sum() == good.head_mask.sum()
    weights = Subnetwork.load(folder / "weights.safetensors")
    assert weights.weight_masks
    assert scores(said["weights"])["accuracy"] >= 0.8 * whole
    assert said["retrained"][0]["state"] == "retrained"


def test_a_mask_is_baked_into_a_masked_language_model(steps, texts, subprobe_command, tmp_path):
    folder, said = steps
    words = (folder / "m", "--mask", folder / "random.safetensors")
    assert subprobe_command("bake", *words, "--out", tmp_path / "baked")[0] == 0
    on = ("--task", "mlm", "--data-dir", texts)
    code, out, _ = subprobe_command("evaluate", tmp_path / "baked", *on, "--json", "--quiet")
    assert code == 0
    assert scores(json.loads(out)) == pytest.approx(scores(said["random"]), abs=1e-5)
    err = refused(subprobe_command, "compact", *words, "--out", tmp_path / "small")
    assert "a masked language model has no compact form" in err
    assert not (tmp_path / "small").exists()


def refused(command, *words):
    code, out, err = command(*words)
    assert (code, out) == (2, "")
    return err


def test_what_is_no_masked_language_model_is_refused(
    subprobe_command, texts, tiny_encoder, tmp_path
):
    on = ("--task", "mlm", "--data-dir", texts)
    said = refused(subprobe_command, "evaluate", tiny_encoder, *on)
    assert "has no masked-LM head" in said
    assert "train one: subprobe finetune with --task mlm and your texts as --data-dir" in said
    bare = tiny_tokenizer("wordpiece")
    bare.mask_token = None
    tiny_model("bert").save_pretrained(tmp_path / "bare")
    bare.save_pretrained(tmp_path / "bare")
    said = refused(subprobe_command, "finetune", tmp_path / "bare", *on, "--out", tmp_path / "o")
    assert "the tokenizer has no mask token, so no text can be masked" in said
    assert not (tmp_path / "o").exists()
    from transformers import ElectraForPreTraining

    electra = tiny_model("electra")
    ElectraForPreTraining(electra.config).save_pretrained(tmp_path / "electra")
    tiny_tokenizer("wordpiece").save_pretrained(tmp_path / "electra")
    said = refused(subprobe_command, "finetune", tmp_path / "electra", *on, "--out", tmp_path / "o")
    assert "is a discriminator" in said
    said = refused(
        subprobe_command, "finetune", tiny_encoder, *on, "--keep-head", "--out", tmp_path / "o"
    )
    assert "has no masked-LM head to keep" in said


def test_what_is_no_text_is_refused(subprobe_command, tiny_encoder, tmp_path):
    empty = tmp_path / "empty.txt"
    empty.write_text("\n")
    said = refused(
        subprobe_command, "finetune", tiny_encoder, "--task", "mlm", "--data-dir", empty,
        "--out", tmp_path / "o",
    )  # fmt: skip
    assert "the file is empty" in said
    said = refused(
        subprobe_command, "finetune", tiny_encoder, "--task", "mlm", "--out", tmp_path / "o"
    )
    assert "mlm is trained on texts of your own" in said
    assert "--data-dir" in said
