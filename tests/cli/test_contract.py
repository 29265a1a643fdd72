"""What a model's classes mean to a task, from the command line: right, said, or refused."""

import json
import os
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from subprobe.data.tasks.glue import GLUE
from tiers import mostly_slow
from tiny import CORPUS, tiny_model, tiny_tokenizer

MNLI = GLUE["mnli"].labels
FLIPPED = (2, 1, 0)


@pytest.fixture(scope="module")
def nli(tmp_path_factory):
    """Folder with `good` and `flipped`, which are one function, and GLUE files that it gets right.

    Output k of `flipped` is output 2 - k of `good`, and the two configurations say so.
    """
    from transformers import AutoModelForSequenceClassification

    folder = tmp_path_factory.mktemp("nli")
    model = tiny_model("bert", "classification", num_labels=3)
    with torch.no_grad():
        model.classifier.weight.mul_(4)
    tokenizer = tiny_tokenizer("wordpiece")
    for name, order in (("good", (0, 1, 2)), ("flipped", FLIPPED)):
        model.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
        weights = load_file(folder / name / "model.safetensors")
        for row in ("classifier.weight", "classifier.bias"):
            weights[row] = weights[row][list(order)].contiguous()
        save_file(weights, folder / name / "model.safetensors", metadata={"format": "pt"})
        names = [MNLI[k].upper() if name == "flipped" else MNLI[k] for k in order]
        name_classes(folder / name, names)
    pairs = [(one, other) for one in CORPUS for other in CORPUS[:6]]
    inputs = tokenizer([p[0] for p in pairs], [p[1] for p in pairs], padding=True,
                       return_tensors="pt")  # fmt: skip
    plain = AutoModelForSequenceClassification.from_pretrained(folder / "good").eval()
    with torch.no_grad():
        likely = plain(**inputs).logits.softmax(1)
    said = likely.argmax(1).tolist()
    assert len(set(said)) == 3
    # in two classes the sum of two probabilities counts, which is more than the larger one
    entailed = (likely[:, 0] > likely[:, 1] + likely[:, 2]).tolist()
    assert entailed != [k == 0 for k in said]
    assert len(set(entailed)) == 2
    lines = ["index\tsentence1\tsentence2\tgold_label"]
    rows = enumerate(zip(pairs, said, strict=True))
    lines += [f"{i}\t{a}\t{b}\t{MNLI[k]}" for i, ((a, b), k) in rows]
    (folder / "mnli").mkdir()
    for split in ("train", "dev_matched", "dev_mismatched"):
        (folder / "mnli" / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    # the same pairs in two classes, as HANS has them
    (folder / "hans").mkdir()
    two = ["first,second,label"]
    two += [
        f'"{a}","{b}",{"entailment" if yes else "non-entailment"}'
        for (a, b), yes in zip(pairs, entailed, strict=True)
    ]
    for split in ("train", "validation"):
        (folder / "hans" / f"{split}.csv").write_text("\n".join(two) + "\n", encoding="utf-8")
    return folder


def name_classes(folder, names):
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = dict(enumerate(names))
    config["label2id"] = {name: place for place, name in enumerate(names)}
    (folder / "config.json").write_text(json.dumps(config))


HANS = ["--task", "hans", "--column", "first=first", "--column", "second=second",
        "--column", "label=label"]  # fmt: skip


@pytest.fixture
def scores(subprobe_command, nli):
    """Rows of `evaluate`, and what it said."""

    def call(model, *more, task=("--task", "mnli"), data="mnli"):
        code, out, err = subprobe_command(
            "evaluate", model, *task, "--data-dir", nli / data, *more, "--json"
        )
        assert code == 0, err
        return pd.DataFrame(json.loads(out)), err

    return call


def accuracy(rows):
    return float(rows[rows.metric == "accuracy"].value.iloc[0])


def test_the_order_of_the_head_does_not_matter(scores, nli):
    for name in ("good", "flipped"):
        rows, said = scores(nli / name)
        assert accuracy(rows) == 1.0
        assert rows.flag.isna().all()
        assert said == ""


def test_items_and_attributions_use_the_order_of_the_task(subprobe_command, nli, tmp_path):
    found = {}
    for name in ("good", "flipped"):
        code, _, err = subprobe_command(
            "probe", nli / name, "--probe", "attributions", "--task", "mnli", "--data-dir",
            nli / "mnli", "--limit", 6, "--quiet", "--out", tmp_path / name,
        )  # fmt: skip
        assert code == 0, err
        items = pd.read_parquet(tmp_path / name / "items.parquet")
        found[name] = items[items.prediction.notna()]
    good, flipped = found["good"], found["flipped"]
    assert (good.prediction == good.gold).all()
    assert (flipped.prediction == good.prediction).all()
    assert (flipped.gold == good.gold).all()
    assert len(set(good.prediction)) > 1
    np.testing.assert_allclose(flipped.score, good.score, atol=1e-5)


def test_masks_of_one_belong_to_the_other(subprobe_command, scores, nli, tmp_path):
    """Importance, search and mask are the same: the encoder and its fingerprint are untouched."""
    masks = {}
    for name in ("good", "flipped"):
        out = tmp_path / f"{name}.safetensors"
        code, said, err = subprobe_command(
            "prune", nli / name, "--task", "mnli", "--data-dir", nli / "mnli", "--keep", "0.6",
            "--selection", "reported", "--out", out, "--json", "--quiet",
        )  # fmt: skip
        assert code == 0, err
        masks[name] = json.loads(said)
        assert masks[name].pop("classes_by") == "name"
    assert masks["good"]["head_mask"] == masks["flipped"]["head_mask"]
    assert masks["good"]["mlp_mask"] == masks["flipped"]["mlp_mask"]
    assert masks["good"]["fingerprint"] == masks["flipped"]["fingerprint"]
    one, _ = scores(nli / "flipped", "--mask", tmp_path / "good.safetensors")
    other, _ = scores(nli / "good", "--mask", tmp_path / "flipped.safetensors")
    assert accuracy(one) == accuracy(other) < 1


def test_what_is_made_of_it_keeps_its_classes(subprobe_command, scores, nli, tmp_path):
    mask = tmp_path / "mask"
    mask.mkdir()
    np.save(mask / "head_mask.npy", np.array([[1, 0, 1, 1], [1, 1, 0, 1]]))
    expected, said = scores(nli / "good", "--mask", mask)
    assert "does not record the weights" in said.replace("\n", "")
    for command in ("bake", "compact"):
        code, _, said = subprobe_command(
            command, nli / "flipped", "--mask", mask, "--out", tmp_path / command
        )
        assert code == 0, said
        assert "does not record the weights" in said.replace("\n", "")
        rows, _ = scores(tmp_path / command)
        assert accuracy(rows) == accuracy(expected)
        config = json.loads((tmp_path / command / "config.json").read_text())
        assert config["id2label"] == {"0": "CONTRADICTION", "1": "NEUTRAL", "2": "ENTAILMENT"}


def test_classes_without_names_are_places_and_said(scores, nli, tmp_path):
    folder = shutil.copytree(nli / "good", tmp_path / "m")
    name_classes(folder, ["LABEL_0", "LABEL_1", "LABEL_2"])
    rows, said = scores(folder)
    assert accuracy(rows) == 1.0
    assert "entailment = LABEL_0" in said.replace("\n", " ")
    assert set(rows.flag) == {"classes-by-place"}


def test_given_names_decide(scores, nli, tmp_path):
    folder = shutil.copytree(nli / "flipped", tmp_path / "m")
    name_classes(folder, ["c", "n", "e"])
    rows, said = scores(folder, "--labels", "entailment=e,neutral=n", "--labels", "contradiction=c")
    assert accuracy(rows) == 1.0
    assert "neutral = n" in said


def test_three_classes_can_stand_for_two(scores, refused, nli):
    line = refused("evaluate", nli / "flipped", *HANS, "--data-dir", nli / "hans")
    assert "CONTRADICTION, NEUTRAL, ENTAILMENT" in line
    assert "entailment, non-entailment" in line
    given = "non-entailment=neutral,non-entailment=contradiction"
    rows, said = scores(nli / "flipped", "--labels", given, task=HANS, data="hans")
    assert "non-entailment = CONTRADICTION + NEUTRAL" in said.replace("\n", " ")
    assert accuracy(rows) == 1.0
    line = refused(
        "gates", nli / "flipped", *HANS, "--data-dir", nli / "hans", "--labels", given,
        "--penalty", "0.01", "--train-encoder",
    )  # fmt: skip
    assert "cannot be saved" in line


@pytest.fixture
def refused(subprobe_command, tmp_path):
    """The one line of a command that must be refused before it writes anything."""

    def call(*arguments):
        suffix = {"evaluate": ".csv", "prune": ".safetensors", "probe": ".csv"}
        out = tmp_path / f"refused{suffix.get(arguments[0], '')}"
        code, said, err = subprobe_command(*arguments, "--out", out)
        assert (code, said) == (2, ""), err
        lines = [line for line in err.splitlines() if line.startswith("error: ")]
        assert lines == err.splitlines()[-1:], err
        assert not out.exists()
        return lines[0]

    return call


@pytest.mark.parametrize(
    "command",
    [
        ["evaluate"], ["prune"], ["gates", "--penalty", "0.1"],
        ["probe", "--probe", "attributions"], ["finetune", "--keep-head"],
    ],
)  # fmt: skip
def test_other_classes_are_refused_by_every_command(command, refused, nli):
    line = refused(*command, nli / "flipped", *HANS, "--data-dir", nli / "hans")
    assert "CONTRADICTION, NEUTRAL, ENTAILMENT" in line
    assert "entailment, non-entailment" in line
    assert "--labels" in line
    line = refused(
        *command, nli / "flipped", *HANS, "--data-dir", nli / "hans", "--labels", "maybe=neutral"
    )
    assert "'maybe' is not a class of hans" in line


# -- training from a model that has a head ---------------------------------------------------------


@pytest.fixture
def finetuned(subprobe_command, nli, tmp_path):
    def call(model, *more, task=("--task", "mnli"), data="mnli", name="tuned"):
        code, out, err = subprobe_command(
            "finetune", model, *task, "--data-dir", nli / data, "--epochs", 1,
            "--out", tmp_path / name, "--json", *more,
        )  # fmt: skip
        assert code == 0, err
        return tmp_path / name, json.loads(out), err

    return call


def test_another_task_gets_a_new_head_and_that_is_said(finetuned, nli, tmp_path):
    heads = []
    for seed, name in ((1, "a"), (1, "b"), (2, "c")):
        folder, _, said = finetuned(
            nli / "flipped", "--seed", seed, "--learning-rate", "1e-12",
            task=HANS, data="hans", name=name,
        )  # fmt: skip
        said = said.replace("\n", "")
        assert "(CONTRADICTION, NEUTRAL, ENTAILMENT) is dropped" in said
        assert f"seed {seed} makes a new one" in said
        heads.append(load_file(folder / "model.safetensors")["classifier.weight"])
    assert heads[0].shape == (2, 32)
    assert torch.equal(heads[0], heads[1])
    assert not torch.allclose(heads[0], heads[2])
    config = json.loads((tmp_path / "a" / "config.json").read_text())
    assert config["id2label"] == {"0": "entailment", "1": "non-entailment"}


def test_as_many_classes_do_not_keep_the_old_head(finetuned, nli):
    folder, _, said = finetuned(nli / "flipped", "--learning-rate", "1e-12")
    assert "is dropped" in said.replace("\n", "")
    new = load_file(folder / "model.safetensors")["classifier.weight"]
    old = load_file(nli / "flipped" / "model.safetensors")["classifier.weight"]
    assert not torch.allclose(new, old)
    assert not torch.allclose(new, old.flip(0))


def test_a_kept_head_is_in_the_order_of_the_task(finetuned, scores, nli):
    folder, meta, said = finetuned(nli / "flipped", "--keep-head", "--learning-rate", "1e-12")
    assert meta["recipe"]["head"] == "kept"
    assert "dropped" not in said
    kept = load_file(folder / "model.safetensors")["classifier.weight"]
    old = load_file(nli / "flipped" / "model.safetensors")["classifier.weight"]
    torch.testing.assert_close(kept, old.flip(0), atol=1e-6, rtol=0)
    assert accuracy(scores(folder)[0]) == 1.0


def test_what_makes_no_sense_is_refused_before_training(refused, nli):
    line = refused(
        "finetune", nli / "good", "--task", "mnli", "--data-dir", nli / "mnli",
        "--labels", "entailment=ENTAILMENT",
    )  # fmt: skip
    assert "--keep-head" in line
    line = refused(
        "finetune", nli / "good", *HANS, "--data-dir", nli / "hans", "--keep-head",
        "--labels", "non-entailment=neutral,non-entailment=contradiction",
    )  # fmt: skip
    assert "cannot be saved" in line
    line = refused(
        "probe", nli / "good", "--probe", "attention-stats", "--corpus", "natural",
        "--labels", "a=b",
    )  # fmt: skip
    assert "--labels" in line


# -- how a folder is spelled -----------------------------------------------------------------------


def test_a_bare_name_is_no_folder(refused, nli, monkeypatch):
    monkeypatch.chdir(nli)
    for name in ("flipped", "flipped/", "embedded/", "hans/../flipped"):
        line = refused("evaluate", name, "--task", "mnli", "--data-dir", "mnli")
        assert "./" in line
    shutil.copytree("flipped", "owner/flipped")
    line = refused("evaluate", "owner/flipped", "--task", "mnli", "--data-dir", "mnli")
    assert "./owner/flipped" in line


def test_a_folder_called_embedded_says_nothing_of_the_embedded_encoder(nli, tmp_path, monkeypatch):
    from subprobe.models.checkpoint.checkpoint import meta_of

    (tmp_path / "embedded").mkdir()
    (tmp_path / "embedded" / "subprobe.json").write_text('{"task": "mnli"}')
    monkeypatch.chdir(tmp_path)
    assert meta_of("embedded") == {}
    assert meta_of("./embedded") == {"task": "mnli"}


@pytest.mark.parametrize(
    "command",
    mostly_slow(["evaluate", "prune", "probe --probe attributions"], fast=["evaluate"]),
)
def test_the_task_is_checked_however_the_folder_is_spelled(
    command, refused, nli, tmp_path, monkeypatch
):
    folder = shutil.copytree(nli / "good", tmp_path / "home" / "m")
    (folder / "subprobe.json").write_text(json.dumps({"task": "snli"}))
    (tmp_path / "home" / "link").symlink_to(folder)
    monkeypatch.chdir(tmp_path / "home")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    spelled = ["./m", "./m/", "./m/.", str(folder), f"{folder}/", "~/m", "~/m/", "./link",
               "../home/m", os.path.join(".", "link", "")]  # fmt: skip
    for name in spelled:
        line = refused(*command.split(), name, "--task", "mnli", "--data-dir", nli / "mnli")
        assert "was fine-tuned on snli, not on mnli" in line, (name, line)
