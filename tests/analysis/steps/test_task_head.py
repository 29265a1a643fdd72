"""What trainings and runs do with the head of the model that they start from."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from subprobe.analysis.configuration.config import RecipeOptions, parse_config
from subprobe.analysis.configuration.task_choice import TaskChoice
from subprobe.analysis.plan.preparing import told_of_heads
from subprobe.analysis.single.loaded import load_for_task
from subprobe.analysis.single.training import evaluate_rows, fine_tune_to_folder
from subprobe.analysis.steps.progress import Silent
from subprobe.analysis.steps.task_head import start_of_head
from subprobe.data.errors import CheckpointError, ConfigError, MaskError
from subprobe.data.tasks.by_name import task_spec
from subprobe.models.checkpoint.checkpoint import load_classifier
from subprobe.models.encoder.kept_units import kept_units_of
from subprobe.models.masks.compact_mask import compact_mask
from subprobe.models.masks.subnetwork import Subnetwork
from tiny import tiny_model, tiny_tokenizer
from tiny_run import TinyCells, tiny_options, write_toy_task

CLASSES = ("ACCEPTABLE", "Unacceptable")


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    """A model of acceptability with the classes the other way round."""
    folder = tmp_path_factory.mktemp("judge") / "m"
    tiny_model(
        "bert", "classification", id2label=dict(enumerate(CLASSES)),
        label2id={name: place for place, name in enumerate(CLASSES)},
    ).save_pretrained(folder)  # fmt: skip
    tiny_tokenizer("wordpiece").save_pretrained(folder)
    return folder


def seeds_of(judge, out, **changed):
    recipe = {"learning_rate": 1e-12, "epochs": 1, "batch_size": 16, **changed.pop("recipe", {})}
    config = parse_config(tiny_options(judge, recipe=recipe, **changed), where="test")
    return TinyCells(config, out)


FULL = "acceptability/seed1/finetune"


def test_a_run_says_that_it_drops_a_head(judge, tmp_path):
    cells = seeds_of(judge, tmp_path)
    lines = told_of_heads(cells.prepared)
    assert len(lines) == 2
    for seed, line in zip((1, 2), lines, strict=True):
        assert line.startswith(f"{judge}: its head (ACCEPTABLE, Unacceptable) is dropped; seed ")
        assert f"seed {seed} makes a new one for acceptability" in line
    names = [f"acceptability/seed{seed}/finetune" for seed in (1, 2)]
    assert len({cells.whole.ids[name] for name in names}) == 2


def test_a_run_can_keep_it(judge, tmp_path):
    kept, new = seeds_of(judge, tmp_path, recipe={"head": "kept"}), seeds_of(judge, tmp_path)
    assert told_of_heads(kept.prepared) == []
    assert kept.whole.ids[FULL] != new.whole.ids[FULL]
    kept.outputs(FULL)
    folder = tmp_path / "models" / "acceptability-seed1"
    trained = load_classifier(str(folder), task_spec("acceptability"))
    spec = task_spec("acceptability")
    expected = load_classifier(str(judge), spec)
    assert torch.allclose(trained.classifier.weight, expected.classifier.weight, atol=1e-6)
    assert trained.config.id2label == dict(enumerate(spec.labels))


def test_the_classes_of_a_kept_head_can_be_given(judge, tmp_path):
    turned = ["unacceptable=ACCEPTABLE", "acceptable=Unacceptable"]
    cells = seeds_of(judge, tmp_path, recipe={"head": "kept"}, labels=turned)
    assert "unacceptable = ACCEPTABLE" in told_of_heads(cells.prepared)[0]
    # another head to start from is another training
    plain = seeds_of(judge, tmp_path, recipe={"head": "kept"})
    assert cells.whole.ids[FULL] != plain.whole.ids[FULL]
    with pytest.raises(ConfigError, match="not a class of"):
        seeds_of(judge, tmp_path, recipe={"head": "kept"}, labels=["maybe=ACCEPTABLE"])
    with pytest.raises(CheckpointError, match="not_entailment, entailment"):
        seeds_of(judge, tmp_path, recipe={"head": "kept"}, tasks=["entailment"])
    assert cells.whole.config.labels == tuple(turned)
    with pytest.raises(ConfigError, match="but the head is new"):
        seeds_of(judge, tmp_path, labels=turned)


def test_a_bare_encoder_has_nothing_to_drop(tiny_encoder):
    spec = task_spec("acceptability")
    assert start_of_head(str(tiny_encoder), spec, 1, kept=False) == ""
    with pytest.raises(CheckpointError, match=r"saved as BertModel; leave out `recipe\.head`"):
        start_of_head(str(tiny_encoder), spec, 1, kept=True)


@pytest.fixture
def lost(judge, tmp_path):
    """The same model without two heads, as transformers 4 says it."""
    folder = tmp_path / "lost"
    tiny_model("bert", "classification").save_pretrained(folder)
    tiny_tokenizer("wordpiece").save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "pruned_heads": {"0": [0, 3]}}))
    return folder


def test_a_model_that_has_lost_heads_is_trained_as_it_is(lost, tmp_path):
    write_toy_task(tmp_path / "toy")
    task = TaskChoice("toy", str(tmp_path / "toy"), {"first": "text", "label": "side"})
    options: dict[str, Any] = {
        "seed": 1, "order_seed": 1, "selection": "held-out", "progress": Silent(),
        "options": RecipeOptions(epochs=1, batch_size=8),
    }  # fmt: skip
    fine_tune_to_folder(str(lost), task, tmp_path / "tuned", **options)
    loaded = load_for_task(str(tmp_path / "tuned"), task)
    living = kept_units_of(loaded.model)
    assert living is not None
    assert [list(numbers) for numbers in living.heads] == [[1, 2], [0, 1, 2, 3]]
    rows = evaluate_rows(loaded, compact_mask(loaded.model))
    assert set(rows["kind"]) == {"given"}
    assert np.isclose(float(rows["sparsity"].iloc[0]), 0.2)
    mask = Subnetwork(np.ones((2, 4), dtype=bool), np.ones(2, dtype=bool))
    with pytest.raises(
        MaskError, match="heads were removed from the model, so another mask cannot be applied"
    ):
        fine_tune_to_folder(str(lost), task, tmp_path / "other", mask=mask, **options)
    assert not (tmp_path / "other").exists()


def test_a_mask_found_on_it_is_accepted_there(lost, tmp_path, subprobe_command):
    files = tmp_path / "cola"
    files.mkdir()
    lines = "".join(f"gj04\t{n % 2}\t\tThe cats saw dog {n}.\n" for n in range(24))
    for split in ("train", "dev"):
        (files / f"{split}.tsv").write_text(lines)
    task = ("--task", "cola", "--data-dir", files)
    out = tmp_path / "found.safetensors"
    code, _, err = subprobe_command(
        "prune", lost, *task, "--keep", "0.5", "--selection", "reported", "--out", out, "--quiet"
    )
    assert code == 0, err
    code, said, err = subprobe_command("evaluate", lost, *task, "--mask", out, "--json")
    assert code == 0, err
    assert {row["kind"] for row in json.loads(said)} == {"good"}
    # what is gone stays gone, whatever a mask keeps
    np.save(tmp_path / "all.npy", np.ones((2, 4)))
    code, said, err = subprobe_command(
        "evaluate", lost, *task, "--mask", tmp_path / "all.npy", "--json"
    )
    assert code == 0, err
    assert {row["sparsity"] for row in json.loads(said)} == {0.2}


def test_no_run_starts_from_it(lost, tmp_path):
    with pytest.raises(ConfigError, match="lacks heads, so there is no full model"):
        seeds_of(lost, tmp_path / "run")
