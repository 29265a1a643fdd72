"""Checkpoints in the forms that other tools leave: read as what they are, or refused."""

import importlib.util
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from stored_forms import classifier, edit_config, logits, rewrite
from subprobe.data.errors import CheckpointError, InputError
from subprobe.data.tasks.glue import GLUE
from subprobe.models.checkpoint.checkpoint import (
    load_classifier,
    load_encoder,
    load_saved,
    load_tokenizer,
    load_untrained,
)
from subprobe.models.checkpoint.loading import has_head
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.encoder.fingerprint import weights_fingerprint
from subprobe.models.encoder.kept_units import kept_units_of
from subprobe.models.folder.sources import resolve_model
from subprobe.models.masks.compact_mask import compact_mask
from subprobe.models.masks.gates import gated
from subprobe.models.masks.subnetwork import Subnetwork
from tiers import mostly_slow
from tiny import tiny_model, tiny_tokenizer

COLA = GLUE["cola"]
PRUNED = {0: [1], 1: [0, 2]}


# -- names that a training loop has changed --------------------------------------------------------


def after(family, name, part):
    """A name with `part` behind the name of the encoder: what a wrapped inner module leaves."""
    prefix = tiny_model(family).base_model_prefix
    return name.replace(f"{prefix}.", f"{prefix}.{part}", 1)


WRAPPERS = ("module.", "_orig_mod.", "model.", "module._orig_mod.", "model.module.")


@pytest.mark.parametrize(
    ("family", "before"),
    mostly_slow(
        product(["bert", "distilbert", "modernbert"], WRAPPERS),
        [*product(["bert"], WRAPPERS), ("distilbert", "module."), ("modernbert", "_orig_mod.")],
    ),
)
def test_names_behind_a_wrapper_are_read(family, before, tmp_path):
    folder = classifier(tmp_path / "m", family)
    expected = logits(load_classifier(str(folder), COLA))
    fingerprint = weights_fingerprint(load_encoder(str(folder)))
    rewrite(folder, lambda weights: {before + name: t for name, t in weights.items()})
    assert torch.equal(logits(load_classifier(str(folder), COLA)), expected)
    assert torch.equal(logits(load_saved(str(folder))), expected)
    assert weights_fingerprint(load_encoder(str(folder))) == fingerprint
    assert has_head(resolve_model(str(folder)))
    new = load_classifier(str(folder), COLA, new_head=True, seed=1)
    assert weights_fingerprint(new) == fingerprint
    assert not torch.equal(logits(new), expected)


@pytest.mark.parametrize("part", ["_orig_mod.", "_fsdp_wrapped_module.", "module."])
def test_a_wrapper_around_the_encoder_alone_is_read(part, tmp_path):
    folder = classifier(tmp_path / "m")
    expected = logits(load_classifier(str(folder), COLA))
    rewrite(folder, lambda weights: {after("bert", n, part): t for n, t in weights.items()})
    assert torch.equal(logits(load_classifier(str(folder), COLA)), expected)


def test_other_prefixes_are_named_and_never_called_untuned(tmp_path):
    folder = classifier(tmp_path / "m")
    whole = load_file(folder / "model.safetensors")
    for change, said in (
        ({f"student.{n}": t for n, t in whole.items()}, "begin with `student.`"),
        (
            {f"{who}.{n}": t.clone() for n, t in whole.items() for who in ("a", "b")},
            "begin with `a.`, `b.`",
        ),
        ({**whole, **{f"module.{n}": t.clone() for n, t in whole.items()}}, "stored twice"),
    ):

        def changed(_: Any, change: Any = change) -> Any:
            return change

        rewrite(folder, changed)
        for load in (
            lambda: load_classifier(str(folder), COLA),
            lambda: load_encoder(str(folder)),
            lambda: load_classifier(str(folder), COLA, new_head=True),
        ):
            with pytest.raises(CheckpointError, match=said) as caught:
                load()
            assert "fine-tune" not in str(caught.value)
            assert "\n" not in str(caught.value)


def test_missing_encoder_weights_are_not_called_untuned(tmp_path):
    folder = classifier(tmp_path / "m")
    rewrite(folder, lambda weights: {n: t for n, t in weights.items() if "layer.1" not in n})
    with pytest.raises(CheckpointError, match="complete checkpoint"):
        load_classifier(str(folder), COLA)


# -- heads that are gone ---------------------------------------------------------------------------


def without_heads(weights, family, heads, size):
    """Weights as transformers 4 saved them: without the rows and columns of pruned heads."""
    paths = {
        "bert": ("attention.self.query", "attention.self.key", "attention.self.value",
                 "attention.output.dense", "encoder.layer"),
        "distilbert": ("attention.q_lin", "attention.k_lin", "attention.v_lin",
                       "attention.out_lin", "transformer.layer"),
    }[family]  # fmt: skip
    *rows, columns, layers = paths
    changed = dict(weights)
    for layer, gone in PRUNED.items():
        kept = [h * size + i for h in range(heads) if h not in gone for i in range(size)]
        at = f"{layers}.{layer}."
        for name in weights:
            if at in name and any(f"{at}{path}." in name for path in rows):
                changed[name] = weights[name][kept]
            if f"{at}{columns}.weight" in name:
                changed[name] = weights[name][:, kept]
    return changed


@pytest.mark.parametrize("stored", ["whole", "cut"])
@pytest.mark.parametrize("family", ["bert", "distilbert"])
def test_pruned_heads_are_the_mask_that_they_are(family, stored, tmp_path):
    folder = classifier(tmp_path / "m", family)
    whole = load_classifier(str(folder), COLA)
    anatomy = anatomy_of(whole)
    heads = np.ones((anatomy.num_layers, anatomy.num_heads), dtype=bool)
    for layer, numbers in PRUNED.items():
        heads[layer, numbers] = False
    mask = Subnetwork(heads, np.ones(anatomy.num_layers, dtype=bool))
    with gated(whole, mask):
        expected = logits(whole)
    assert (expected - logits(whole)).abs().max() > 1e-2
    if stored == "cut":
        H, d = anatomy.num_heads, anatomy.head_size
        rewrite(folder, lambda weights: without_heads(weights, family, H, d))
    edit_config(folder, pruned_heads={str(layer): gone for layer, gone in PRUNED.items()})
    loaded = load_classifier(str(folder), COLA)
    torch.testing.assert_close(logits(loaded), expected, atol=1e-5, rtol=0)
    for model in (loaded, load_saved(str(folder)), load_encoder(str(folder))):
        living = kept_units_of(model)
        assert living is not None
        assert np.array_equal(compact_mask(model).head_mask, heads)
        assert compact_mask(model).mlp_mask.all()
        assert not hasattr(model.config, "pruned_heads")
    load_untrained(str(folder), COLA, seed=1)


def test_an_empty_list_of_pruned_heads_means_nothing(tmp_path):
    folder = classifier(tmp_path / "m")
    expected = logits(load_classifier(str(folder), COLA))
    for empty in ({}, {"0": []}):
        edit_config(folder, pruned_heads=empty)
        model = load_classifier(str(folder), COLA)
        assert kept_units_of(model) is None
        assert torch.equal(logits(model), expected)


@pytest.mark.parametrize("pruned", [{"2": [0]}, {"0": [4]}, {"0": ["a"]}, {"x": [0]}, [0, 1]])
def test_pruned_heads_that_do_not_exist_are_named(pruned, tmp_path):
    folder = classifier(tmp_path / "m")
    edit_config(folder, pruned_heads=pruned)
    with pytest.raises(CheckpointError, match="pruned_heads names"):
        load_encoder(str(folder))


def test_shared_layers_cannot_have_lost_heads(tmp_path):
    folder = classifier(tmp_path / "m", "albert")
    edit_config(folder, pruned_heads={"0": [1]})
    with pytest.raises(InputError, match="share their weights"):
        load_encoder(str(folder))


# -- weights that are not floats -------------------------------------------------------------------


def test_quantised_weights_are_refused(tmp_path):
    folder = classifier(tmp_path / "m")
    kept = (folder / "config.json").read_text()
    for method in ("bitsandbytes", "gptq"):
        edit_config(folder, quantization_config={"quant_method": method, "bits": 4})
        with pytest.raises(CheckpointError, match=rf"quantised \({method}\)"):
            load_classifier(str(folder), COLA)
    (folder / "config.json").write_text(kept)
    name = "bert.encoder.layer.0.output.dense.weight"
    rewrite(folder, lambda weights: {**weights, name: (weights[name] * 9).to(torch.int8)})
    with pytest.raises(CheckpointError, match=f"{name} is stored as I8"):
        load_encoder(str(folder))


# -- tokenizers that need a package ----------------------------------------------------------------


def sentencepiece_only(folder):
    """A DeBERTa-v3 checkpoint in the published form: spm.model and no tokenizer.json."""
    spm = pytest.importorskip("sentencepiece")
    from tiny import CORPUS

    tiny_model("deberta-v2", "classification").save_pretrained(folder)
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false, "vocab_type": "spm"}')
    with (folder / "spm.model").open("wb") as target:
        spm.SentencePieceTrainer.train(
            sentence_iterator=iter(CORPUS * 3), model_writer=target, vocab_size=120,
            pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece="[PAD]", bos_piece="[CLS]",
            eos_piece="[SEP]", unk_piece="[UNK]", minloglevel=2,
        )  # fmt: skip
    return folder


@pytest.mark.parametrize("configured", [True, False])
def test_a_sentencepiece_file_alone_is_enough(configured, tmp_path):
    import sentencepiece

    folder = sentencepiece_only(tmp_path / "m")
    if not configured:
        (folder / "tokenizer_config.json").unlink()
    tokenizer = load_tokenizer(str(folder))
    assert tokenizer.is_fast
    text = "The quick brown fox jumps over the lazy dog."
    plain = sentencepiece.SentencePieceProcessor(model_file=str(folder / "spm.model"))
    ids = tokenizer(text)["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ids) == [
        "[CLS]", *plain.encode(text, out_type=str), "[SEP]",
    ]  # fmt: skip


@pytest.mark.parametrize("module", ["sentencepiece", "google.protobuf"])
def test_a_package_that_a_tokenizer_needs_is_named(module, tmp_path, monkeypatch):
    folder = sentencepiece_only(tmp_path / "m")
    real = importlib.import_module

    def without(name, *arguments):
        if name == module:
            raise ModuleNotFoundError(name)
        return real(name, *arguments)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(
        CheckpointError, match=r"spm\.model.*pip install 'subprobe\[sentencepiece\]"
    ):
        load_tokenizer(str(folder))
    tiny_tokenizer("unigram").save_pretrained(folder)
    load_tokenizer(str(folder))
