"""Checkpoints are loaded whole or refused, and saved whole or not at all."""

import json
import re
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from subprobe.data.errors import CheckpointError, ConfigError, UnknownNameError
from subprobe.models.checkpoint.checkpoint import (
    load_classifier,
    load_encoder,
    load_tokenizer,
    load_untrained,
    read_meta,
    save_classifier,
)
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.encoder.fingerprint import weights_fingerprint
from subprobe.models.masks.subnetwork import full_subnetwork
from tiers import mostly_slow
from tiny import FAMILIES, SDPA, tiny_config, tiny_model, tiny_tokenizer
from tiny_run import save_tiny_encoder
from toy_parts import toy_spec
from transformers import AutoModelForMaskedLM

IDS = torch.tensor([[0, 7, 9, 30, 41, 2]])


def logits(model):
    with torch.no_grad():
        return model(input_ids=IDS).logits


def saved(folder, classes=2, seed=1):
    """A classifier of the toy task, as subprobe saves it."""
    encoder = save_tiny_encoder(folder / "encoder")
    model = load_classifier(str(encoder), toy_spec(classes), new_head=True, seed=seed)
    save_classifier(model, load_tokenizer(str(encoder)), folder / "model", {"task": "toy"})
    return model, folder / "model"


def edit(folder, change):
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_loads_as_it_was_saved(family, tmp_path):
    folder = save_tiny_encoder(tmp_path / "m", family)
    loaded, original = load_encoder(str(folder)), tiny_model(family)
    with torch.no_grad():
        expected = original(input_ids=IDS).last_hidden_state
        found = loaded(input_ids=IDS).last_hidden_state
    assert torch.equal(found, expected)
    assert not loaded.training
    assert loaded.config._attn_implementation == ("sdpa" if family in SDPA else "eager")
    classifier = load_classifier(str(folder), toy_spec(3), new_head=True)
    assert logits(classifier).shape == (1, 3)
    assert weights_fingerprint(classifier) == weights_fingerprint(original)


def test_the_seed_makes_the_head_and_nothing_else(tmp_path):
    folder = str(save_tiny_encoder(tmp_path / "m"))
    one, same, other = (
        load_classifier(folder, toy_spec(), new_head=True, seed=seed).state_dict()
        for seed in (1, 1, 2)
    )
    assert all(torch.equal(one[name], same[name]) for name in one)
    changed = {name for name in one if not torch.equal(one[name], other[name])}
    assert changed == {"classifier.weight"}


def test_loading_leaves_the_random_state_alone(tmp_path):
    folder = str(save_tiny_encoder(tmp_path / "m"))
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load_classifier(folder, toy_spec(), new_head=True, seed=1)
    load_untrained(folder, toy_spec(), seed=1)
    assert torch.equal(torch.rand(3), expected)


def test_a_saved_classifier_comes_back(tmp_path):
    model, folder = saved(tmp_path)
    again = load_classifier(str(folder), toy_spec())
    assert torch.equal(logits(again), logits(model))
    assert read_meta(folder) == {"task": "toy"}
    assert again.config.id2label == {0: "label 0", 1: "label 1"}
    files = {path.name for path in folder.iterdir()}
    assert not [name for name in files if name.endswith((".bin", ".pt", ".pkl"))]


def test_untrained_has_the_shape_but_not_the_weights(tmp_path):
    folder = str(save_tiny_encoder(tmp_path / "m"))
    fresh, other = (load_untrained(folder, toy_spec(), seed=seed) for seed in (1, 2))
    trained = load_encoder(folder)
    assert {n: p.shape for n, p in fresh.base_model.named_parameters()} == {
        n: p.shape for n, p in trained.named_parameters()
    }
    assert weights_fingerprint(fresh) != weights_fingerprint(trained)
    assert weights_fingerprint(fresh) != weights_fingerprint(other)


def test_missing_weights_are_never_made_up(tmp_path):
    folder = save_tiny_encoder(tmp_path / "m")
    edit(folder, lambda weights: weights.pop("encoder.layer.1.output.dense.weight"))
    for load in (
        lambda: load_encoder(str(folder)),
        lambda: load_classifier(str(folder), toy_spec(), new_head=True),
    ):
        with pytest.raises(CheckpointError, match=r"layer\.1\.output\.dense\.weight"):
            load()


@pytest.mark.parametrize("family", FAMILIES)
def test_published_checkpoints_of_every_family_load(family, tmp_path):
    """They hold a language-modelling head, and no pooler."""
    published = AutoModelForMaskedLM.from_config(tiny_config(family))
    published.save_pretrained(tmp_path / "m")
    fingerprint = weights_fingerprint(published)
    assert weights_fingerprint(load_encoder(str(tmp_path / "m"))) == fingerprint
    classifier = load_classifier(str(tmp_path / "m"), toy_spec(), new_head=True)
    assert weights_fingerprint(classifier) == fingerprint
    with pytest.raises(CheckpointError, match="subprobe finetune"):
        load_classifier(str(tmp_path / "m"), toy_spec())


@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
def test_a_classifier_of_every_family_comes_back_or_is_refused(family, tmp_path):
    encoder = save_tiny_encoder(tmp_path / "encoder", family)
    model = load_classifier(str(encoder), toy_spec(), new_head=True, seed=1)
    save_classifier(model, load_tokenizer(str(encoder)), tmp_path / "m", {"task": "toy"})
    again = load_classifier(str(tmp_path / "m"), toy_spec()).state_dict()
    assert all(torch.equal(again[name], tensor) for name, tensor in model.state_dict().items())
    heads = [name for name in model.state_dict() if not name.startswith(model.base_model_prefix)]
    inside = [name for name in model.state_dict() if name.endswith("output.dense.weight")]
    for name in [*heads, *inside[:1]]:
        shutil.copytree(tmp_path / "m", tmp_path / name)
        edit(tmp_path / name, lambda weights, name=name: weights.pop(name))
        with pytest.raises(CheckpointError, match=re.escape(name)):
            load_classifier(str(tmp_path / name), toy_spec())


def test_a_missing_pooler_matters_only_with_a_head(tmp_path):
    folder = save_tiny_encoder(tmp_path / "m")
    edit(folder, lambda weights: [weights.pop(name) for name in list(weights) if "pooler" in name])
    load_encoder(str(folder))
    load_classifier(str(folder), toy_spec(), new_head=True)
    _, model = saved(tmp_path / "other")
    edit(model, lambda weights: weights.pop("bert.pooler.dense.weight"))
    with pytest.raises(CheckpointError, match="pooler"):
        load_classifier(str(model), toy_spec())


def test_an_encoder_without_a_head_is_no_task_model(tmp_path):
    folder = save_tiny_encoder(tmp_path / "m")
    with pytest.raises(CheckpointError, match="subprobe finetune"):
        load_classifier(str(folder), toy_spec())


def test_a_model_of_another_task_is_refused(tmp_path):
    _, folder = saved(tmp_path)
    with pytest.raises(CheckpointError, match="fine-tuned on toy, not on other"):
        load_classifier(str(folder), type(toy_spec())("other", ("a", "b"), "accuracy",
                                                       ("accuracy",), pair=False))  # fmt: skip
    (folder / "subprobe.json").unlink()
    with pytest.raises(CheckpointError, match=r"label 0, label 1, those of toy are .*label 2"):
        load_classifier(str(folder), toy_spec(3))


def test_pickles_are_refused(tmp_path):
    folder = save_tiny_encoder(tmp_path / "m")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="only pickled weights"):
        load_encoder(str(folder))
    (folder / "pytorch_model.bin").unlink()
    with pytest.raises(CheckpointError, match=r"no model\.safetensors"):
        load_encoder(str(folder))


def test_damaged_weights_are_refused(tmp_path):
    folder = save_tiny_encoder(tmp_path / "m")
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="m"):
        load_encoder(str(folder))


def test_an_unsupported_family_is_named_with_the_supported(tmp_path):
    folder = save_tiny_encoder(tmp_path / "m")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "gpt2"}))
    with pytest.raises(UnknownNameError, match=r"gpt2.*camembert"):
        load_encoder(str(folder))


def test_a_hub_id_without_a_network_says_what_to_do():
    with pytest.raises(CheckpointError, match="use the model embedded"):
        load_encoder("someone/some-encoder")


def test_a_model_without_a_tokenizer_is_refused(tmp_path):
    tiny_model("bert").save_pretrained(tmp_path / "m")
    with pytest.raises(CheckpointError, match="tokenizer"):
        load_tokenizer(str(tmp_path / "m"))


def test_saving_is_whole_or_nothing(tmp_path):
    model, folder = saved(tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(TypeError):
        save_classifier(model, tiny_tokenizer("wordpiece"), folder, {"task": object()})
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    with pytest.raises(TypeError):
        save_classifier(model, tiny_tokenizer("wordpiece"), tmp_path / "new", {"task": object()})
    assert not (tmp_path / "new").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"encoder", "model"}


def test_saving_again_replaces(tmp_path):
    model, folder = saved(tmp_path)
    mask = full_subnetwork(anatomy_of(model))
    save_classifier(model, tiny_tokenizer("wordpiece"), folder, {"form": "baked"}, mask)
    assert (folder / "mask.safetensors").exists()
    save_classifier(model, tiny_tokenizer("wordpiece"), folder, {"task": "toy", "n": 2})
    assert read_meta(folder) == {"task": "toy", "n": 2}
    # a mask would be read as this model's
    assert not (folder / "mask.safetensors").exists()


def test_what_would_be_read_as_the_model_may_not_stay_beside_it(tmp_path):
    model, folder = saved(tmp_path)
    (folder / "mask.safetensors").write_bytes(b"of another tool")
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"did not write.*mask\.safetensors, notes\.txt"):
        save_classifier(model, tiny_tokenizer("wordpiece"), folder, {"n": 3})
    assert read_meta(folder) == {"task": "toy"}
    save_classifier(model, tiny_tokenizer("wordpiece"), folder, {"n": 3}, overwrite=True)
    assert read_meta(folder) == {"n": 3}
    assert (folder / "notes.txt").read_text() == "mine"
    assert not (folder / "mask.safetensors").exists()
    assert (folder / "mask.safetensors.bak").read_bytes() == b"of another tool"


def test_broken_meta_is_named(tmp_path):
    (tmp_path / "subprobe.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"subprobe\.json"):
        read_meta(tmp_path)
    assert read_meta(tmp_path / "nowhere") == {}
