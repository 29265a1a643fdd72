"""Masked-LM heads: taken from the checkpoint, made from a seed, or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from subprobe.data.errors import CheckpointError
from subprobe.models.language.loading import has_language_head, load_language_model
from tiny import FAMILIES, tiny_model


def saved(model: Any, folder: Path) -> str:
    model.save_pretrained(folder)
    return str(folder)


def logits(model: Any) -> torch.Tensor:
    ids = torch.arange(5, 12)[None]
    with torch.no_grad():
        return model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits


@pytest.mark.parametrize("family", FAMILIES)
def test_a_head_is_loaded_as_it_was_saved(family: str, tmp_path: Path) -> None:
    model = tiny_model(family, "language")
    name = saved(model, tmp_path / "model")
    assert has_language_head(name)
    loaded = load_language_model(name)
    torch.testing.assert_close(logits(loaded), logits(model), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_encoder_without_a_head_gets_a_tied_one_from_the_seed(
    family: str, tmp_path: Path
) -> None:
    name = saved(tiny_model(family), tmp_path / "model")
    assert not has_language_head(name)
    with pytest.raises(CheckpointError, match="has no masked-LM head") as refused:
        load_language_model(name)
    assert "subprobe finetune" in str(refused.value)
    first, again, other = (
        load_language_model(name, new_head=True, seed=seed) for seed in (0, 0, 1)
    )
    assert torch.equal(logits(first), logits(again))
    assert not torch.equal(logits(first), logits(other))
    decoder = first.get_output_embeddings()
    assert decoder.weight is first.get_input_embeddings().weight


def test_the_head_of_a_classifier_is_none(tmp_path: Path) -> None:
    for family in ("bert", "modernbert"):
        name = saved(tiny_model(family, "classification"), tmp_path / family)
        assert not has_language_head(name)
        with pytest.raises(CheckpointError, match="has no masked-LM head"):
            load_language_model(name)


def test_a_discriminator_is_refused_with_the_reason(tmp_path: Path) -> None:
    from transformers import ElectraForPreTraining

    encoder = tiny_model("electra")
    name = saved(ElectraForPreTraining(encoder.config), tmp_path / "model")
    for call in (load_language_model, has_language_head):
        with pytest.raises(CheckpointError, match="detects replaced tokens"):
            call(name)


def test_the_head_of_published_deberta_checkpoints(tmp_path: Path) -> None:
    model = tiny_model("deberta", "language", legacy=False)
    name = saved(model, tmp_path / "model")
    config = tmp_path / "model" / "config.json"
    config.write_text(config.read_text().replace('"legacy": false', '"legacy": true'))
    assert has_language_head(name)
    torch.testing.assert_close(logits(load_language_model(name)), logits(model))


def test_missing_weights_of_the_encoder_are_never_random(tmp_path: Path) -> None:
    name = saved(tiny_model("bert", "language"), tmp_path / "model")
    weights = load_file(tmp_path / "model" / "model.safetensors")
    del weights["bert.encoder.layer.0.attention.self.query.weight"]
    save_file(weights, tmp_path / "model" / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match="1 weights are missing"):
        load_language_model(name, new_head=True)
