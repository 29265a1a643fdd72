"""Masks with another ablation: their constants, and constants that are learnt."""

from typing import Any

import numpy as np
import pytest
import torch
from subprobe.data.errors import ConfigError, InputError, MaskError, UnknownNameError
from subprobe.data.masking.masked_batches import task_batches
from subprobe.models.ablation.constants import mean_constants, with_ablation
from subprobe.models.ablation.learned import learned_constants
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.encoder.fingerprint import weights_fingerprint
from subprobe.models.language.answers import losses
from subprobe.models.masks.gates import gated
from subprobe.models.masks.subnetwork import Subnetwork, full_subnetwork
from subprobe.models.smaller.shrink import shrink
from tiers import mostly_slow
from tiny import FAMILIES, TOKENIZER_OF, tiny_model, tiny_tokenizer
from toy_parts import toy_parts

L, H = 2, 4
READ: dict[str, Any] = {"batch_size": 5, "max_length": 32}


def scene(family="bert"):
    model, tokenizer = tiny_model(family, "classification"), tiny_tokenizer(TOKENIZER_OF[family])
    return model.eval(), tokenizer, toy_parts()


def some_mask(model, seed, share=0.5):
    random, neurons = np.random.default_rng(seed), anatomy_of(model).num_neurons
    return Subnetwork(
        random.random((L, H)) < share,
        random.random(L) < share,
        random.random((L, neurons)) < share,
    )


@torch.no_grad()
def loss_of(model, mask, batches):
    """The mean loss of all examples, by a plain loop."""
    found = []
    with gated(model, mask):
        for batch in batches:
            logits = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits
            found += losses(logits, batch.labels).tolist()
    return float(np.mean(found))


@pytest.mark.parametrize("family", mostly_slow(FAMILIES, ("bert",)))
def test_learnt_constants_cost_at_most_the_mean_and_zero(family):
    model, tokenizer, parts = scene(family)
    before = weights_fingerprint(model)
    batches = list(task_batches(tokenizer, parts.selection, parts.spec, **READ))
    gains = []
    for seed in range(3):
        mask = some_mask(model, seed)
        said = []
        made = {
            name: with_ablation(mask, name, model, tokenizer, parts, **READ, say=said.append)
            for name in ("zero", "mean", "learned")
        }
        loss = {name: loss_of(model, one, batches) for name, one in made.items()}
        assert loss["learned"] <= min(loss["mean"], loss["zero"]) + 1e-9
        assert f"{loss['learned']:.4f} with learnt constants" in said[0]
        assert f"{loss['mean']:.4f} with means, {loss['zero']:.4f} with zeros" in said[0]
        gains.append(min(loss["mean"], loss["zero"]) - loss["learned"])
        assert made["learned"].constants_of == before == made["mean"].constants_of
        assert made["learned"] == with_ablation(mask, "learned", model, tokenizer, parts, **READ)
    assert max(gains) > 1e-3
    assert weights_fingerprint(model) == before
    assert all(one.requires_grad for one in model.parameters())


def test_learning_that_only_gets_worse_keeps_what_it_started_from():
    model, tokenizer, parts = scene()
    batches = list(task_batches(tokenizer, parts.selection, parts.spec, **READ))
    mask, means = some_mask(model, 0), mean_constants(model, batches)
    found = learned_constants(model, mask, means, batches, epochs=2, learning_rate=1e4)
    assert min(found.history) > found.loss == min(found.mean, found.zero)
    kept = means if found.start == "mean" else {name: 0 * one for name, one in means.items()}
    for name, array in found.constants.items():
        assert np.array_equal(array, kept[name])


def test_only_the_constants_of_pruned_units_are_learnt():
    model, tokenizer, parts = scene()
    batches = list(task_batches(tokenizer, parts.selection, parts.spec, **READ))
    mask, means = some_mask(model, 1), mean_constants(model, batches)
    found = learned_constants(model, mask, means, batches)
    start = means if found.start == "mean" else {name: 0 * one for name, one in means.items()}
    for name, kept in (("head", mask.head_mask), ("mlp", mask.mlp_mask)):
        assert np.array_equal(found.constants[name][kept], start[name][kept])
        assert not np.array_equal(found.constants[name][~kept], start[name][~kept])


def test_a_mask_that_keeps_everything_learns_nothing():
    model, tokenizer, parts = scene()
    whole = full_subnetwork(anatomy_of(model))
    mask = with_ablation(whole, "learned", model, tokenizer, parts, **READ)
    with torch.no_grad(), gated(model, mask):
        batch = task_batches(tokenizer, parts.report, parts.spec, **READ).batch((0, 1))
        inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
        masked = model(**inputs).logits
        assert torch.equal(masked, model(**inputs).logits)


def test_another_ablation_replaces_the_one_before():
    model, tokenizer, parts = scene()
    mask = some_mask(model, 0)
    mean = with_ablation(mask, "mean", model, tokenizer, parts, **READ)
    assert with_ablation(mean, "zero", model, tokenizer, parts) == mask
    places = with_ablation(mean, "mean-by-position", model, tokenizer, parts, **READ)
    assert places.constants["head"].ndim == 4
    # the size of batches changes nothing but rounding
    small = with_ablation(mask, "mean", model, tokenizer, parts, batch_size=1, max_length=32)
    for name, array in mean.constants.items():
        assert np.allclose(array, small.constants[name], atol=1e-5)


def test_what_cannot_be_replaced_is_refused():
    model, tokenizer, parts = scene()
    mask = some_mask(model, 0)
    weights = full_subnetwork(anatomy_of(model), weight_masks={"a": np.ones((2, 2), dtype=bool)})
    with pytest.raises(UnknownNameError, match="ablation"):
        with_ablation(mask, "half", model, tokenizer, parts)
    with pytest.raises(MaskError, match="mask of single weights"):
        with_ablation(weights, "mean", model, tokenizer, parts)
    with pytest.raises(MaskError, match="smaller model"):
        with_ablation(mask, "mean", shrink(model, mask), tokenizer, parts)
    with pytest.raises(InputError, match="no examples"):
        mean_constants(model, [])
    batches = list(task_batches(tokenizer, parts.selection, parts.spec, **READ))
    means = mean_constants(model, batches)
    for wrong in ({"epochs": 0}, {"learning_rate": 0.0}):
        with pytest.raises(ConfigError, match="at least one pass"):
            learned_constants(model, mask, means, batches, **wrong)
    with pytest.raises(InputError, match="no examples"):
        learned_constants(model, mask, means, [])
