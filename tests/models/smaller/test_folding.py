"""Means under gates, in baked weights and in compact models are the same, for every family."""

import numpy as np
import pytest
import torch
from random_masks import random_mask
from subprobe.data.encoding.collate import Batch
from subprobe.data.errors import InputError, MaskError
from subprobe.models.ablation.constants import mean_constants
from subprobe.models.checkpoint.checkpoint import save_classifier
from subprobe.models.checkpoint.compact_files import load_compact, save_compact
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.gates import gated
from subprobe.models.masks.subnetwork import Subnetwork, full_subnetwork
from subprobe.models.smaller.bake import bake
from subprobe.models.smaller.candidate import classifying_as, shrunk, shrunk_to
from subprobe.models.smaller.cost import cost
from subprobe.models.smaller.shrink import shrink
from tiers import KINDS, mostly_slow
from tiny import SEPARABLE, TOKENIZER_OF, tiny_model, tiny_tokenizer
from transformers import AutoModelForSequenceClassification

L, H, D, F = 2, 4, 8, 48
MASKS = 20
TOLERANCE = 1e-5
EFFECT = 100 * TOLERANCE


def model_of(family):
    return tiny_model(family, "classification", layers=L, heads=H, hidden=H * D)


def batch_of(model, lengths, seed=1):
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(5, 500, (len(lengths), max(lengths)), generator=generator)
    mask = torch.zeros_like(ids)
    for row, length in enumerate(lengths):
        mask[row, :length] = 1
        ids[row, length:] = model.config.pad_token_id
    return Batch(ids, mask, None, None, tuple(range(len(lengths))))


@torch.inference_mode()
def logits(model, batch):
    return model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits


def distance(a, b):
    return float((a - b).abs().max())


def mean_mask(model, seed, constants, *, share=0.5):
    mask = random_mask(L, H, F, seed, with_neurons=seed % 2 == 0, share=share)
    return mask.with_meta(ablation="mean", constants=constants)


@pytest.mark.parametrize("family", mostly_slow(SEPARABLE, KINDS))
def test_gates_baked_and_compact_models_agree(family):
    model = model_of(family)
    batch = batch_of(model, [9, 6, 3])
    constants = mean_constants(model, [batch_of(model, [8, 7, 5], seed=2)])
    whole = logits(model, batch)
    for seed in range(MASKS):
        mask = mean_mask(model, seed, constants, share=(0.2, 0.5, 0.8)[seed % 3])
        with gated(model, mask):
            masked = logits(model, batch)
        baked, compact = bake(model, mask), shrink(model, mask)
        assert distance(logits(baked, batch), masked) <= TOLERANCE
        assert distance(logits(compact, batch), masked) <= TOLERANCE
        with gated(compact, mask):
            assert distance(logits(compact, batch), masked) <= TOLERANCE
        with gated(baked, mask):
            assert distance(logits(baked, batch), masked) <= TOLERANCE
        with gated(model, mask.with_meta(ablation="zero", constants={})):
            assert distance(logits(model, batch), masked) >= EFFECT
        assert distance(masked, whole) >= EFFECT
    assert distance(logits(model, batch), whole) == 0


@pytest.mark.parametrize("family", mostly_slow(SEPARABLE, KINDS))
def test_saved_checkpoints_keep_the_constants(family, tmp_path):
    model = model_of(family)
    batch = batch_of(model, [9, 6, 3])
    mask = mean_mask(model, 4, mean_constants(model, [batch_of(model, [8, 7, 5], seed=2)]))
    tokenizer = tiny_tokenizer(TOKENIZER_OF[family])
    with gated(model, mask):
        masked = logits(model, batch)
    save_classifier(bake(model, mask), tokenizer, tmp_path / "baked", {}, mask)
    # any library, here transformers alone
    found, about = AutoModelForSequenceClassification.from_pretrained(
        tmp_path / "baked", output_loading_info=True
    )
    assert not about["missing_keys"]
    assert not about["unexpected_keys"]
    assert distance(logits(found.eval(), batch), masked) <= TOLERANCE
    save_compact(shrink(model, mask), tokenizer, tmp_path / "compact", mask, {})
    assert distance(logits(load_compact(tmp_path / "compact"), batch), masked) <= TOLERANCE
    assert model.config.to_dict() == model_of(family).config.to_dict()


@pytest.mark.parametrize("family", mostly_slow(SEPARABLE, KINDS))
def test_a_compact_model_can_lose_more_units(family):
    model = model_of(family)
    batch = batch_of(model, [9, 6, 3])
    constants = mean_constants(model, [batch_of(model, [8, 7, 5], seed=2)])
    first = mean_mask(model, 0, constants, share=0.7)
    second = first & mean_mask(model, 2, constants, share=0.7)
    with gated(model, second):
        masked = logits(model, batch)
    twice = shrink(shrink(model, first), second)
    assert distance(logits(twice, batch), masked) <= TOLERANCE
    smaller = shrink(model, first)
    with gated(smaller, second):
        assert distance(logits(smaller, batch), masked) <= TOLERANCE


def test_a_model_without_units_outputs_constants():
    model = model_of("modernbert")
    batch = batch_of(model, [6])
    constants = mean_constants(model, [batch_of(model, [8], seed=2)])
    nothing = Subnetwork(
        np.zeros((L, H), bool), np.zeros(L, bool), ablation="mean", constants=constants
    )
    with gated(model, nothing):
        masked = logits(model, batch)
    for smaller in (bake(model, nothing), shrink(model, nothing)):
        assert distance(logits(smaller, batch), masked) <= TOLERANCE
    assert cost(shrink(model, nothing), 1, 8).parameters < cost(model, 1, 8).parameters


def test_scoring_folds_what_it_can_and_gates_the_rest():
    model = model_of("bert")
    batch, source = batch_of(model, [9, 6]), [batch_of(model, [8, 7], seed=2)]
    mean = mean_mask(model, 2, mean_constants(model, source))
    by_position = mean.with_meta(
        ablation="mean-by-position", constants=mean_constants(model, source, True)
    )
    assert shrunk_to(model, mean) is not model
    assert shrunk_to(model, by_position) is model
    assert shrunk(model, mean.head_mask, mean.mlp_mask, like=by_position) is model
    for mask in (mean, by_position):
        with gated(model, mask):
            masked = logits(model, batch)
        with classifying_as(model, mask) as running:
            assert distance(logits(running, batch), masked) <= TOLERANCE


def test_what_weights_cannot_express_is_refused():
    model = model_of("bert")
    source = [batch_of(model, [8, 7], seed=2)]
    mask = mean_mask(model, 0, mean_constants(model, source))
    by_position = mask.with_meta(
        ablation="mean-by-position", constants=mean_constants(model, source, True)
    )
    for make in (bake, shrink):
        with pytest.raises(MaskError, match="depends on the position"):
            make(model, by_position)
    albert = model_of("albert")
    shared = full_subnetwork(anatomy_of(albert)).with_meta(
        mlp_mask=np.array([True, False]),
        ablation="mean",
        constants=mean_constants(albert, source),
    )
    for make in (bake, shrink):
        with pytest.raises(InputError, match="share their weights"):
            make(albert, shared)
    compact = shrink(model, mask)
    zero = mask.with_meta(ablation="zero", constants={})
    for use in (lambda: shrink(compact, zero), lambda: gated(compact, zero).__enter__()):
        with pytest.raises(MaskError, match="with the ablation mean, and the mask has zero"):
            use()
    with pytest.raises(MaskError, match="smaller model has no outputs"):
        mean_constants(compact, source)


@pytest.mark.parametrize("family", mostly_slow(SEPARABLE, KINDS))
def test_the_cost_of_a_mask_counts_the_biases_that_hold_its_constants(family):
    model = model_of(family)
    constants = mean_constants(model, [batch_of(model, [8, 7, 5], seed=2)])
    zeros = 0
    for seed in range(6):
        mask = mean_mask(model, seed, constants)
        assert cost(model, 3, 7, mask) == cost(shrink(model, mask), 3, 7)
        plain = cost(model, 3, 7, mask.with_meta(ablation="zero", constants={}))
        zeros += cost(model, 3, 7, mask).parameters - plain.parameters
    assert zeros > 0
