"""Fine-tuning masked language models: new masks each epoch, micro-batches, heads, stock folders."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from masked_texts import PIECES, masked_examples, masked_parts
from subprobe.data.errors import CheckpointError, ConfigError
from subprobe.data.masking.choice import IGNORED
from subprobe.data.masking.masked_batches import masked_batches
from subprobe.models.checkpoint.checkpoint import load_tokenizer, save_classifier
from subprobe.models.checkpoint.contract import contract
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.folder.sources import resolve_model
from subprobe.models.language.loading import has_language_head, load_language_model
from subprobe.models.language.new_head import train_head
from subprobe.models.masks.subnetwork import full_subnetwork
from subprobe.models.training.finetune import finetune
from subprobe.models.training.recipes import Recipe
from subprobe.models.training.trainer import Collator, micro_batches
from tiny import tiny_tokenizer
from transformers import AutoModelForMaskedLM, AutoTokenizer

RECIPE = Recipe(learning_rate=1e-3, epochs=2, batch_size=16, max_length=48)


def train(encoder, recipe=RECIPE, **options):
    return finetune(str(encoder), masked_parts(), recipe, seed_init=1, seed_order=1, **options)


@pytest.fixture(scope="module")
def trained(tiny_encoder):
    return train(tiny_encoder)


def test_each_epoch_has_masks_of_its_own_also_after_a_stop():
    texts = masked_batches(
        tiny_tokenizer("wordpiece"), masked_examples(10), PIECES, batch_size=4, max_length=48
    )
    steps = [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    whole = Collator(texts)
    read = [whole(places) for _ in range(3) for places in steps]
    for epoch in range(3):
        for place, places in enumerate(steps):
            wanted = texts.drawn(epoch).batch(tuple(places))
            assert read[3 * epoch + place]["labels"].equal(wanted.labels)
    again = Collator(texts, 4)
    assert again(steps[1])["input_ids"].equal(read[4]["input_ids"])
    assert again(steps[2])["input_ids"].equal(read[5]["input_ids"])
    assert again(steps[0])["input_ids"].equal(read[6]["input_ids"])


def test_parts_of_a_batch_are_weighted_by_their_masked_pieces():
    texts = masked_batches(
        tiny_tokenizer("wordpiece"), masked_examples(7), PIECES, batch_size=7, max_length=48
    )
    inputs = Collator(texts)(list(range(7)))
    parts = list(micro_batches(inputs, 3))
    asked = [int((part["labels"] != IGNORED).sum()) for part, _ in parts]
    shares = [share for _, share in parts]
    assert shares == pytest.approx(np.array(asked) / int((inputs["labels"] != IGNORED).sum()))
    assert all(part["labels"].shape == part["input_ids"].shape for part, _ in parts)


def test_a_training_learns_and_begins_with_the_head(trained):
    assert trained.head_loss > trained.losses[-1]
    assert trained.steps == 6
    assert not trained.diverged
    assert trained.loss_limit >= 2 * np.log(trained.model.config.vocab_size)


def test_micro_batches_change_nothing_but_rounding(trained, tiny_encoder):
    """The tiny encoder has dropout, which is drawn by part: losses are alike, not equal."""
    parts = train(tiny_encoder, replace(RECIPE, micro_batch=5))
    assert parts.head_loss == trained.head_loss
    assert parts.losses == pytest.approx(trained.losses, rel=0.05)
    assert parts.micro_batch == 5


def test_the_folder_is_a_stock_one_whose_head_is_kept(trained, tiny_encoder, tmp_path):
    name = str(tmp_path / "m")
    save_classifier(trained.model, trained.tokenizer, name, {"task": "mlm"})
    stock, tokenizer = (
        AutoModelForMaskedLM.from_pretrained(name),
        AutoTokenizer.from_pretrained(name),
    )
    given = tokenizer("The lazy [MASK] slept.", return_tensors="pt")
    with torch.no_grad():
        assert stock(**given).logits.equal(trained.model(**given).logits)
    assert has_language_head(name)
    assert not has_language_head(str(tiny_encoder))
    again = train(name, replace(RECIPE, epochs=1))
    assert again.head_loss is None
    assert again.losses[0] < trained.losses[0]
    for spec in (PIECES, replace(PIECES, name="mlm-whole-word", masked="words")):
        assert contract(resolve_model(name), spec) is None
    with pytest.raises(CheckpointError, match="was fine-tuned on mlm, not on sst2"):
        contract(resolve_model(name), replace(PIECES, name="sst2", masked="", labels=("a", "b")))
    with pytest.raises(ConfigError, match="mlm has no classes to map"):
        contract(resolve_model(name), PIECES, (("a", "b"),))


def test_a_random_start_has_a_head_trained_like_any_new_one(tiny_encoder):
    found = train(tiny_encoder, replace(RECIPE, epochs=1), start="random")
    assert found.head_loss > 0
    assert load_tokenizer(str(tiny_encoder)).mask_token_id is not None


def test_a_head_that_cannot_be_trained_leaves_the_encoder_as_it_was(tiny_encoder, monkeypatch):
    """Memory may run out: masked weights are put back, and the error stays what it is."""
    model = load_language_model(str(tiny_encoder), new_head=True)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    path = "encoder.layer.0.attention.self.query"
    weight = model.base_model.get_submodule(path).weight
    mask = full_subnetwork(anatomy_of(model)).with_meta(
        weight_masks={path: np.zeros(tuple(weight.shape), dtype=bool)}
    )
    texts = masked_batches(
        tiny_tokenizer("wordpiece"), masked_examples(4), PIECES, batch_size=4, max_length=48
    )
    seen = []

    def fails(*_args):
        seen.append(float(weight.abs().max()))
        raise MemoryError("full")

    monkeypatch.setattr("subprobe.models.language.new_head.piece_loss", fails)
    with pytest.raises(MemoryError, match="full"):
        train_head(model, texts, seed=0, subnetwork=mask, device="cpu")
    assert seen == [0.0]
    assert all(before[name].equal(tensor) for name, tensor in model.state_dict().items())
    assert all(parameter.requires_grad for parameter in model.parameters())
