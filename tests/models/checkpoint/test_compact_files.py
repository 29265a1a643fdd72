"""Folders of smaller and of baked models: the same logits in a new process, or a clear refusal."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
import transformers
from random_masks import random_mask
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from subprobe import load_compact
from subprobe.data.errors import CheckpointError, MaskError
from subprobe.models.checkpoint.checkpoint import (
    load_classifier,
    load_encoder,
    load_saved,
    read_meta,
    save_classifier,
)
from subprobe.models.checkpoint.compact_files import save_compact
from subprobe.models.masks.compact_mask import compact_mask
from subprobe.models.masks.gates import gated
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.models.smaller.bake import bake
from subprobe.models.smaller.shrink import shrink
from tiers import mostly_slow
from tiny import SDPA, SEPARABLE, TOKENIZER_OF, tiny_model, tiny_tokenizer
from toy_parts import toy_spec

L, H, D, F = 3, 4, 8, 48
IDS = torch.tensor([[0, 7, 9, 30, 41, 2], [0, 5, 17, 33, 8, 2]])
WEIGHTS = "compact.safetensors"

LOAD = """
import pathlib, sys, torch, subprobe
ids = torch.tensor([[0, 7, 9, 30, 41, 2], [0, 5, 17, 33, 8, 2]])
for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    model = subprobe.load_compact(folder)
    with torch.no_grad():
        torch.save(model(input_ids=ids).logits, folder / "logits.pt")
    print(folder.name, model.config._attn_implementation, model.training)
"""


@torch.no_grad()
def logits(model):
    return model(input_ids=IDS).logits


def mask_of(seed=4, share=0.5):
    return random_mask(L, H, F, seed, with_neurons=True, share=share)


def saved(folder, family="bert", mask=None):
    model = tiny_model(family, "classification", layers=L, heads=H, hidden=H * D)
    mask = mask or mask_of()
    tokenizer = tiny_tokenizer(TOKENIZER_OF[family])
    save_compact(shrink(model, mask), tokenizer, folder, mask, {"task": "toy"})
    return model, mask


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A compact folder of every family, and what one new process says of all of them."""
    folder = tmp_path_factory.mktemp("compact")
    made = {family: saved(folder / family, family) for family in SEPARABLE}
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(folder)], capture_output=True, text=True, check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    told = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
    return folder, made, told


@pytest.mark.slow
@pytest.mark.parametrize("family", SEPARABLE)
def test_a_new_process_gives_the_same_logits(family, elsewhere):
    folder, made, told = elsewhere
    model, mask = made[family]
    assert told[family] == ["sdpa" if family in SDPA else "eager", "False"]
    with gated(model, mask):
        masked = logits(model)
    found = torch.load(folder / family / "logits.pt", weights_only=True)
    assert torch.equal(found, logits(shrink(model, mask)))
    torch.testing.assert_close(found, masked, atol=1e-5, rtol=0)


def test_a_folder_holds_what_it_should_and_every_loader_reads_it(tmp_path):
    model, mask = saved(tmp_path / "m")
    names = {path.name for path in (tmp_path / "m").iterdir()}
    expected = {"config.json", WEIGHTS, "mask.safetensors", "subprobe.json", "tokenizer.json"}
    assert expected <= names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pkl"))]
    assert read_meta(tmp_path / "m") == {"task": "toy", "form": "compact"}
    folder, compact = str(tmp_path / "m"), logits(shrink(model, mask))
    for loaded in (load_classifier(folder, toy_spec()), load_saved(folder)):
        assert torch.equal(logits(loaded), compact)
        assert compact_mask(loaded) == mask
    encoder = load_encoder(folder, attention="eager")
    assert encoder.config._attn_implementation == "eager"
    assert type(encoder).__name__ == "BertModel"
    # stock transformers finds no weights, instead of making some up
    with pytest.raises(OSError, match="no file named"):
        transformers.AutoModelForSequenceClassification.from_pretrained(folder)


def test_same_model_same_bytes_and_a_whole_model_is_shrunk_on_the_way(tmp_path):
    model, mask = saved(tmp_path / "a")
    save_compact(model, tiny_tokenizer("wordpiece"), tmp_path / "b", mask, {"task": "toy"})
    names = [sorted(path.name for path in (tmp_path / side).iterdir()) for side in "ab"]
    assert "config.json" in names[0]
    assert names[0] == names[1]
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_nothing_or_nearly_everything_left(tmp_path, share):
    model, mask = saved(tmp_path / "m", mask=mask_of(share=share))
    assert torch.equal(logits(load_compact(tmp_path / "m")), logits(shrink(model, mask)))


def test_a_bare_encoder_comes_back(tmp_path):
    model = tiny_model("roberta", layers=L, heads=H, hidden=H * D)
    mask = mask_of()
    save_compact(shrink(model, mask), tiny_tokenizer("bpe"), tmp_path / "m", mask, {})
    with torch.no_grad(), gated(model, mask):
        expected = model(input_ids=IDS).last_hidden_state
        found = load_compact(tmp_path / "m")(input_ids=IDS).last_hidden_state
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    with pytest.raises(CheckpointError, match="it was saved as RobertaModel"):
        load_compact(tmp_path / "m", toy_spec())


def test_loading_leaves_the_random_state_alone(tmp_path):
    saved(tmp_path / "m")
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load_compact(tmp_path / "m")
    assert torch.equal(torch.rand(3), expected)


# -- what is refused ------------------------------------------------------------------------------


def other_mask(mask, change):
    head = mask.head_mask.copy()
    change(head)
    return Subnetwork(head, mask.mlp_mask, mask.neuron_mask)


def one_more(head):
    layer, number = np.argwhere(~head)[0]
    head[layer, number] = True


def another_of_the_layer(head):
    """As many heads, so that every shape is the same."""
    layer = int(np.flatnonzero(head.any(1) & ~head.all(1))[0])
    head[layer, np.flatnonzero(~head[layer])[0]] = True
    head[layer, np.flatnonzero(head[layer])[-1]] = False


@pytest.mark.parametrize(
    ("change", "said"),
    [(one_more, r"dense.weight \[.*by the mask \["), (another_of_the_layer, "another mask")],
)
def test_mask_and_weights_that_disagree_are_refused(tmp_path, change, said):
    _, mask = saved(tmp_path / "m")
    changed = other_mask(mask, change)
    assert changed != mask
    changed.save(tmp_path / "m" / "mask.safetensors")
    with pytest.raises(CheckpointError, match=f"mask.safetensors does not fit.*{said}"):
        load_compact(tmp_path / "m")
    with pytest.raises(CheckpointError, match=r"subprobe compact again"):
        load_saved(str(tmp_path / "m"))


@pytest.mark.parametrize("change", ["drop", "add", "cut"])
def test_weights_that_miss_or_add_something_are_refused(tmp_path, change):
    saved(tmp_path / "m")
    file = tmp_path / "m" / WEIGHTS
    weights, name = load_file(file), "classifier.weight"
    if change == "cut":
        file.write_bytes(file.read_bytes()[:200])
    else:
        weights = weights | {"extra": torch.ones(2)} if change == "add" else weights
        weights = {k: v for k, v in weights.items() if change != "drop" or k != name}
        with safe_open(file, "pt") as opened:
            meta = opened.metadata()
        save_file(weights, file, metadata=meta)
    said = {"drop": f"{name} missing", "add": r"extra \[2\]", "cut": "damaged"}[change]
    with pytest.raises(CheckpointError, match=said):
        load_compact(tmp_path / "m")


def test_a_file_of_another_version_or_maker_is_refused(tmp_path):
    saved(tmp_path / "m")
    file = tmp_path / "m" / WEIGHTS
    save_file(load_file(file), file, metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match="format version None"):
        load_compact(tmp_path / "m")


@pytest.mark.parametrize("name", ["mask.safetensors", WEIGHTS, "config.json"])
def test_a_folder_that_lacks_a_file_is_refused(tmp_path, name):
    saved(tmp_path / "m")
    (tmp_path / "m" / name).unlink()
    with pytest.raises((CheckpointError, MaskError)):
        load_compact(tmp_path / "m")


def test_the_class_must_be_one_of_the_library(tmp_path):
    saved(tmp_path / "m")
    file = tmp_path / "m" / "config.json"
    for name in ("Trainer", "NoSuchModel", "RobertaForSequenceClassification"):
        config = json.loads(file.read_text())
        file.write_text(json.dumps(config | {"architectures": [name]}))
        with pytest.raises(CheckpointError, match=name):
            load_compact(tmp_path / "m")


def test_tasks_and_heads_are_checked(tmp_path):
    saved(tmp_path / "m")
    folder = str(tmp_path / "m")
    with pytest.raises(
        CheckpointError, match="LABEL_0, LABEL_1, those of toy are label 0, label 1, label 2"
    ):
        load_compact(folder, toy_spec(3))
    with pytest.raises(CheckpointError, match="fine-tune the full model"):
        load_classifier(folder, toy_spec(), new_head=True)
    file = tmp_path / "m" / "subprobe.json"
    file.write_text(json.dumps({"task": "other"}))
    with pytest.raises(CheckpointError, match="fine-tuned on other"):
        load_classifier(folder, toy_spec())


def test_a_model_with_other_units_than_the_mask_is_not_saved(tmp_path):
    model = tiny_model("bert", "classification", layers=L, heads=H, hidden=H * D)
    compact, tokenizer = shrink(model, mask_of(4)), tiny_tokenizer("wordpiece")
    with pytest.raises(MaskError, match="are not those that the mask keeps"):
        save_compact(compact, tokenizer, tmp_path / "m", mask_of(5), {})
    with pytest.raises(CheckpointError, match="save_compact"):
        save_classifier(compact, tokenizer, tmp_path / "m", {})
    assert not (tmp_path / "m").exists()


# -- baked ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", mostly_slow(SEPARABLE))
def test_stock_transformers_loads_a_baked_folder(family, tmp_path):
    model = tiny_model(family, "classification", layers=L, heads=H, hidden=H * D)
    mask, folder = mask_of(), tmp_path / "m"
    tokenizer = tiny_tokenizer(TOKENIZER_OF[family])
    save_classifier(bake(model, mask), tokenizer, folder, {"task": "toy"}, mask)
    stock = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with gated(model, mask):
        torch.testing.assert_close(logits(stock), logits(model), atol=1e-5, rtol=0)
    assert Subnetwork.load(folder / "mask.safetensors") == mask
    assert torch.equal(logits(load_saved(str(folder))), logits(stock))


def test_a_whole_model_is_loaded_with_the_head_it_has(tmp_path):
    model = tiny_model("electra", "classification", num_labels=3)
    model.save_pretrained(tmp_path / "m")
    assert torch.equal(logits(load_saved(str(tmp_path / "m"))), logits(model))
    tiny_model("electra").save_pretrained(tmp_path / "e")
    assert type(load_saved(str(tmp_path / "e"))).__name__ == "ElectraModel"
