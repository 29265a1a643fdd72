"""Adapters of peft are merged into the weights, or refused in one line."""

import importlib.util
import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from stored_forms import IDS, classifier, logits, rewrite
from subprobe.data.errors import CheckpointError
from subprobe.data.tasks.glue import GLUE
from subprobe.models.checkpoint.checkpoint import (
    load_classifier,
    load_encoder,
    load_saved,
    load_tokenizer,
)
from subprobe.models.checkpoint.loading import has_head
from subprobe.models.folder.sources import resolve_model
from subprobe.models.language.loading import has_language_head, load_language_model
from tiny import tiny_model, tiny_tokenizer

COLA = GLUE["cola"]


def write_adapter(folder, **fields):
    """The files of a LoRA adapter of the second query projection, as peft writes them."""
    folder.mkdir(exist_ok=True)
    settings = {
        "peft_type": "LORA", "task_type": "SEQ_CLS", "r": 2, "lora_alpha": 8, "lora_dropout": 0.0,
        "target_modules": ["query"], "base_model_name_or_path": "somewhere/else",
        "modules_to_save": ["classifier"], **fields,
    }  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    generator = torch.Generator().manual_seed(3)
    weights = {
        f"base_model.model.bert.encoder.layer.{layer}.attention.self.query.lora_{part}.weight":
            torch.randn(shape, generator=generator)
        for layer in (0, 1)
        for part, shape in (("A", (2, 32)), ("B", (32, 2)))
    }  # fmt: skip
    weights["base_model.model.classifier.weight"] = torch.randn(2, 32, generator=generator)
    weights["base_model.model.classifier.bias"] = torch.randn(2, generator=generator)
    save_file(weights, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    return {name.removeprefix("base_model.model."): tensor for name, tensor in weights.items()}


def test_an_adapter_is_refused_without_peft(tmp_path, monkeypatch):
    folder = classifier(tmp_path / "m")
    write_adapter(folder)
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "peft" else find(name, *a)
    )
    for load in (
        lambda: load_encoder(str(folder)),
        lambda: load_classifier(str(folder), COLA),
        lambda: load_classifier(str(folder), COLA, new_head=True),
        lambda: load_saved(str(folder)),
    ):
        with pytest.raises(CheckpointError, match=r"LORA adapter.*pip install peft"):
            load()
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="not a peft adapter"):
        load_encoder(str(folder))


@pytest.mark.parametrize("alone", [False, True])
def test_an_adapter_is_merged(alone, tmp_path):
    pytest.importorskip("peft")
    base = classifier(tmp_path / "base")
    plain = load_classifier(str(base), COLA)
    folder = tmp_path / "adapter" if alone else shutil.copytree(base, tmp_path / "both")
    brought = write_adapter(folder, base_model_name_or_path=str(base) if alone else "some/other")
    # lora_alpha / r = 4 times B A, added to the query weights; the head is the adapter's own
    expected = load_classifier(str(base), COLA)
    with torch.no_grad():
        for layer in (0, 1):
            at = f"bert.encoder.layer.{layer}.attention.self.query"
            change = brought[f"{at}.lora_B.weight"] @ brought[f"{at}.lora_A.weight"]
            expected.get_submodule(at).weight += 4 * change
        expected.classifier.weight.copy_(brought["classifier.weight"])
        expected.classifier.bias.copy_(brought["classifier.bias"])
    assert (logits(expected) - logits(plain)).abs().max() > 1e-2
    found = load_classifier(str(folder), COLA)
    torch.testing.assert_close(logits(found), logits(expected), atol=1e-5, rtol=0)
    assert {n: t.shape for n, t in found.state_dict().items()} == {
        n: t.shape for n, t in plain.state_dict().items()
    }
    encoder = load_encoder(str(folder))
    with torch.no_grad():
        states = encoder(input_ids=IDS).last_hidden_state
        torch.testing.assert_close(states, expected.bert(input_ids=IDS).last_hidden_state)
    assert has_head(resolve_model(str(folder)))
    new = load_classifier(str(folder), GLUE["mnli"], new_head=True, seed=1)
    assert logits(new).shape == (2, 3)
    torch.testing.assert_close(
        new.bert.encoder.layer[1].attention.self.query.weight,
        expected.bert.encoder.layer[1].attention.self.query.weight,
    )
    assert len(load_tokenizer(str(folder))) == len(load_tokenizer(str(base)))


def test_an_adapter_may_bring_the_only_head(tmp_path):
    """Its base is an encoder alone; the head that was trained with it has three classes."""
    pytest.importorskip("peft")
    tiny_model("bert").save_pretrained(tmp_path / "base")
    tiny_tokenizer("wordpiece").save_pretrained(tmp_path / "base")
    folder = tmp_path / "adapter"
    write_adapter(folder, base_model_name_or_path=str(tmp_path / "base"))
    path = folder / "adapter_model.safetensors"
    weights = load_file(path)
    head = {
        "base_model.model.classifier.weight": torch.randn(3, 32),
        "base_model.model.classifier.bias": torch.randn(3),
    }
    save_file({**weights, **head}, path, metadata={"format": "pt"})
    for model in (load_classifier(str(folder), GLUE["mnli"]), load_saved(str(folder))):
        for name, tensor in head.items():
            assert torch.equal(model.get_parameter(name.removeprefix("base_model.model.")), tensor)
    with pytest.raises(CheckpointError, match="LABEL_0, LABEL_1, LABEL_2, those of cola"):
        load_classifier(str(folder), COLA)
    # what it was merged into must be all there
    rewrite(tmp_path / "base", lambda w: {n: t for n, t in w.items() if "layer.1.out" not in n})
    with pytest.raises(CheckpointError, match="missing"):
        load_classifier(str(folder), GLUE["mnli"])


def test_an_adapter_without_its_base_is_refused(tmp_path):
    write_adapter(tmp_path / "alone", base_model_name_or_path="./nowhere")
    with pytest.raises(CheckpointError, match=r"only an adapter.*nowhere"):
        load_encoder(str(tmp_path / "alone"))
    write_adapter(tmp_path / "bare", base_model_name_or_path=None)
    with pytest.raises(CheckpointError, match="only an adapter"):
        load_encoder(str(tmp_path / "bare"))


def test_pickled_adapters_are_refused(tmp_path):
    pytest.importorskip("peft")
    folder = classifier(tmp_path / "m")
    write_adapter(folder)
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    with pytest.raises(CheckpointError, match=r"no adapter_model\.safetensors"):
        load_encoder(str(folder))


@pytest.mark.parametrize("of", ["language", "encoder", "classification"])
def test_the_masked_lm_head_of_the_base_stays_under_an_adapter(of, tmp_path):
    """Also where the adapter was trained on the bare encoder, or with a classifier."""
    pytest.importorskip("peft")
    base = tiny_model("bert", "language")
    base.save_pretrained(tmp_path / "base")
    where = str(tmp_path / "base")
    brought = write_adapter(tmp_path / "a", base_model_name_or_path=where, **(
        {} if of == "classification" else {"task_type": None, "modules_to_save": None}
    ))  # fmt: skip
    if of != "classification":
        path = tmp_path / "a" / "adapter_model.safetensors"
        inner = "" if of == "encoder" else "bert."
        weights = {
            name.replace("model.bert.", f"model.{inner}"): tensor
            for name, tensor in load_file(path).items()
            if "lora" in name
        }
        save_file(weights, path, metadata={"format": "pt"})
    assert has_language_head(str(tmp_path / "a"))
    with torch.no_grad():
        for layer, block in enumerate(base.bert.encoder.layer):
            at = f"bert.encoder.layer.{layer}.attention.self.query.lora_"
            block.attention.self.query.weight += (
                4 * brought[f"{at}B.weight"] @ brought[f"{at}A.weight"]
            )
        wanted = base(input_ids=IDS).logits
        found = load_language_model(str(tmp_path / "a"))(input_ids=IDS).logits
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)
