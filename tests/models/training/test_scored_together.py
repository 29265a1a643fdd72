"""Masks scored together have the scores of each mask by itself, in every kind of task."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from masked_texts import masked_parts
from model_state import PlantedError, failing_at, model_state, weights_of
from questions import chooser, question_parts
from subprobe.data.encoding.collate import to_inputs
from subprobe.data.masking.masked_batches import task_batches
from subprobe.models.ablation.constants import with_ablation
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.language.answers import answered, answers
from subprobe.models.masks.gates import gated
from subprobe.models.masks.subnetwork import ABLATIONS, full_subnetwork
from subprobe.models.smaller import shared_layers
from subprobe.models.training.evaluate import Scorer
from tiers import mostly_slow
from tiny import FAMILIES, TOKENIZER_OF, tiny_model, tiny_tokenizer
from toy_parts import toy_parts

L, H, LENGTH = 3, 4, 128


def classification(family="bert"):
    model = tiny_model(family, "classification", 2, layers=L, heads=H)
    return model, tiny_tokenizer(TOKENIZER_OF[family]), toy_parts(train=12, report=9)


def regression(family="bert"):
    model = tiny_model(family, "classification", 1, layers=L, heads=H)
    return model, tiny_tokenizer(TOKENIZER_OF[family]), toy_parts(1, train=12, report=9)


def masked(family="bert"):
    model = tiny_model(family, "language", layers=L, heads=H)
    return model, tiny_tokenizer(TOKENIZER_OF[family]), masked_parts(12, 9)


def choice(family="bert"):
    return *chooser(family, layers=L, heads=H), question_parts(12, 8)


TASKS = (classification, regression, masked, choice)


def some_masks(model):
    """Masks that share no, one and two layers, equal masks, and the full model."""
    full = full_subnetwork(anatomy_of(model), kind="good", method="structured")
    random = np.random.default_rng(0)
    heads = random.random((4, L, H)) < 0.5
    heads[1, :1], heads[2, :2] = heads[0, :1], heads[0, :2]
    masks = [replace(full, head_mask=one) for one in heads]
    masks += [replace(masks[0], mlp_mask=np.array([True, True, False])), masks[2]]
    return [None, *masks, full]


def by_gates(model, tokenizer, parts, mask):
    """Logits of single examples on the whole model."""
    batches = task_batches(tokenizer, parts.report, parts.spec, batch_size=1, max_length=LENGTH)
    rows = []
    with gated(model, mask), torch.no_grad():
        for batch in sorted(batches, key=lambda one: one.index):
            logits = answers(model, to_inputs(batch), batch.labels)
            rows.append(answered(logits, batch.labels, batch.index)[0])
    return np.concatenate(rows)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("most", [1, shared_layers.MOST_BYTES])
def test_each_kind_of_task(task, most, monkeypatch):
    monkeypatch.setattr(shared_layers, "MOST_BYTES", most)
    model, tokenizer, parts = task()
    masks = some_masks(model)
    before, weights = model_state(model), weights_of(model)
    scorer = Scorer(model, tokenizer, parts.report, parts.spec, batch_size=4, max_length=LENGTH)
    assert len(shared_layers.SharedLayers(model, masks)) == 6
    told = []
    found = scorer.score_all(masks, lambda done, of: told.append(done / of))
    assert told == sorted(told)
    assert told[-1] == 1
    for mask, one in zip(masks, found, strict=True):
        alone = scorer.score(mask)
        np.testing.assert_array_equal(one.logits, alone.logits)
        assert one.metrics == alone.metrics
        assert one.ids == alone.ids
        expected = by_gates(model, tokenizer, parts, mask)
        np.testing.assert_allclose(one.logits, expected, atol=1e-4)
    assert np.abs(found[1].logits - found[0].logits).max() > 1e-3
    assert model_state(model) == before
    assert all(torch.equal(weights[name], one) for name, one in model.state_dict().items())


@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
def test_low_precision_changes_nothing_in_what_is_shared(family):
    model, tokenizer, parts = classification(family)
    model = model.to(torch.bfloat16)
    scorer = Scorer(model, tokenizer, parts.report, parts.spec, batch_size=4)
    masks = some_masks(model)
    for mask, one in zip(masks, scorer.score_all(masks), strict=True):
        assert np.isfinite(one.logits).all()
        np.testing.assert_array_equal(one.logits, scorer.score(mask).logits)


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_each_ablation(ablation):
    model, tokenizer, parts = classification()
    parts = replace(parts, **{
        part: tuple(
            replace(one, counterfactuals=((" ".join(one.texts()[0].split()[::-1]),),))
            for one in getattr(parts, part)
        )
        for part in ("train", "selection", "report")
    })  # fmt: skip
    masks = [
        with_ablation(mask, ablation, model, tokenizer, parts, max_length=LENGTH)
        for mask in some_masks(model)[1:4]
    ]
    before = model_state(model)
    scorer = Scorer(model, tokenizer, parts.report, parts.spec, batch_size=4, max_length=LENGTH)
    # under one ablation and beside masks of another one
    zeros = [mask.with_meta(ablation="zero", constants={}, constants_of="") for mask in masks]
    found = scorer.score_all([*masks, *zeros])
    for mask, one in zip([*masks, *zeros], found, strict=True):
        expected = by_gates(model, tokenizer, parts, mask)
        np.testing.assert_allclose(one.logits, expected, atol=1e-5)
    assert model_state(model) == before


@pytest.mark.parametrize("task", [masked, choice])
def test_nothing_is_left_after_an_error(task):
    model, tokenizer, parts = task()
    scorer = Scorer(model, tokenizer, parts.report, parts.spec, batch_size=4, max_length=LENGTH)
    before = model_state(model)
    for call in (2, 5):
        failing = failing_at(model, call.__eq__)
        with failing, pytest.raises(PlantedError):
            scorer.score_all(some_masks(model))
        assert model_state(model) == before
