"""Candidates scored on what is left of the model get the scores of the masked whole one."""

import copy

import numpy as np
import pytest
import torch
from scored import H, L, batches_of, classifier, some_dead, texts
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.models.smaller.candidate import BY_GATES, shrunk, shrunk_to
from subprobe.pruning.importance.scoring import importance_pass
from tiers import mostly_slow
from tiny import FAMILIES, SEPARABLE


@pytest.mark.parametrize("method", BY_GATES)
@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
def test_scores_of_living_units_are_the_same_and_dead_ones_have_none(family, method):
    model = classifier(family)
    before = copy.deepcopy(model.state_dict())
    rows, labels = texts(6)
    batches = batches_of(model, rows, labels, 3)
    head, mlp = some_dead()
    head[1] = 0  # a layer without heads
    neuron = np.ones((L, anatomy_of(model).num_neurons))
    neuron[0, ::2] = 0
    masks = head > 0, mlp > 0, neuron > 0
    small = shrunk(model, *masks)
    found, expected = (
        importance_pass(one, batches, *masks, method=method, normalise="none")
        for one in (small, model)
    )
    np.testing.assert_allclose(found.logits, expected.logits, atol=1e-5)
    for name, mask in zip(("head", "mlp", "neuron"), masks, strict=True):
        ours, theirs = getattr(found, name), getattr(expected, name)
        living = mask if name != "neuron" else mask & masks[1][:, None]
        np.testing.assert_allclose(ours[living], theirs[living], atol=1e-5, rtol=1e-4)
        if small is not model:
            assert not ours[~mask].any()
    assert expected.head.max() > 1e-3
    assert (small is not model) == (family in SEPARABLE)
    # what is not cut is not copied either, and the model is as it was
    assert small.get_input_embeddings().weight is model.get_input_embeddings().weight
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_a_whole_candidate_is_the_model_itself():
    model = classifier()
    assert shrunk(model, np.ones((L, H), dtype=bool), np.ones(L, dtype=bool)) is model


def test_single_weights_are_not_taken_out():
    model = classifier()
    head, mlp = (mask > 0 for mask in some_dead())
    rows = {"encoder.layer.0.intermediate.dense": np.ones((8, 8), dtype=bool)}
    assert shrunk_to(model, None) is model
    assert shrunk_to(model, Subnetwork(head, mlp, weight_masks=rows)) is model
    small = shrunk_to(model, Subnetwork(head, mlp))
    assert sum(p.numel() for p in small.parameters()) < sum(p.numel() for p in model.parameters())
