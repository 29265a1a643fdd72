"""Importance of units whose outputs are replaced: gradients and differences go to the constant."""

import numpy as np
import pytest
import torch
from scored import H, L, batches_of, classifier, some_dead, texts, whole
from subprobe.models.ablation.constants import mean_constants
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.language.answers import losses
from subprobe.models.masks.gates import Gates, gated
from subprobe.models.masks.replacement import replacement_of, replacing
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.models.smaller.candidate import shrunk
from subprobe.pruning.importance.gate_gradients import Units, frozen, gate_gradients
from subprobe.pruning.importance.scoring import importance_pass
from subprobe.pruning.importance.token_gates import TokenGates
from tiers import mostly_slow
from tiny import FAMILIES, SEPARABLE

COUNT = 8
TOLERANCE = 1e-5


def scene(family="bert", size=4):
    model = classifier(family)
    rows, labels = texts(COUNT)
    batches = batches_of(model, rows, labels, size)
    other, _ = texts(COUNT, seed=9)
    constants = mean_constants(model, batches_of(model, other, labels, size))
    return model, batches, constants


def masked(masks, constants, neuron=None):
    head, mlp = (np.asarray(one, dtype=bool) for one in masks)
    neuron = None if neuron is None else np.asarray(neuron, dtype=bool)
    return Subnetwork(head, mlp, neuron, ablation="mean", constants=constants)


@torch.no_grad()
def loss_of(model, mask, batches):
    found = []
    with gated(model, mask):
        for batch in batches:
            logits = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits
            found += losses(logits, batch.labels).tolist()
    return float(np.mean(found))


@pytest.mark.parametrize("family", mostly_slow(FAMILIES, ("bert", "modernbert")))
def test_leave_one_out_replaces_the_unit_by_its_constant(family):
    model, batches, constants = scene(family)
    masks = some_dead()
    full = masked(masks, constants)
    with replacing(model, full):
        found = importance_pass(model, batches, *masks, method="ablation", normalise="none")
    whole_loss = loss_of(model, full, batches)
    for layer, unit in np.ndindex(L, H):
        if not full.head_mask[layer, unit]:
            assert found.head[layer, unit] == 0
            continue
        head = full.head_mask.copy()
        head[layer, unit] = False
        rise = loss_of(model, full.with_meta(head_mask=head), batches) - whole_loss
        assert found.head[layer, unit] == pytest.approx(rise, abs=TOLERANCE)
    zeros = importance_pass(model, batches, *masks, method="ablation", normalise="none")
    assert np.abs(zeros.head - found.head).max() > 100 * TOLERANCE


@pytest.mark.parametrize("method", ["gate-example", "fisher", "gate-batch-accumulated"])
def test_a_smaller_model_gives_the_same_importance_of_kept_units(method):
    for family in SEPARABLE[:1] + SEPARABLE[-1:]:
        model, batches, constants = scene(family)
        masks = some_dead()
        mask = masked(masks, constants)
        smaller = shrunk(model, masks[0] > 0, masks[1] > 0, like=mask)
        assert smaller is not model
        found = {}
        for name, one in (("whole", model), ("smaller", smaller)):
            with replacing(one, mask):
                found[name] = importance_pass(one, batches, *masks, method=method, normalise="none")
        kept = mask.head_mask
        assert np.allclose(
            found["whole"].head[kept], found["smaller"].head[kept], atol=TOLERANCE, rtol=1e-4
        )
        assert np.allclose(found["whole"].logits, found["smaller"].logits, atol=TOLERANCE)
        assert np.abs(found["smaller"].head[~kept]).max() < TOLERANCE


@pytest.mark.parametrize("family", mostly_slow(FAMILIES, ("bert", "modernbert")))
def test_gradients_at_tokens_add_up_to_those_of_units(family):
    model, batches, constants = scene(family)
    neuron = np.ones((L, anatomy_of(model).num_neurons))
    masks = Units(*whole(), neuron)
    mask = masked(whole(), constants, neuron)
    for batch in batches:
        with frozen(model), replacing(model, mask):
            units = gate_gradients(model, batch, masks.head, masks.mlp, masks.neuron)
            with torch.enable_grad(), TokenGates(model, masks) as gates:
                inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
                loss = losses(model(**inputs).logits, batch.labels).sum()
                leaves = gates.leaves()
                found = torch.autograd.grad(loss, leaves)
        by_kind = {"head": [], "mlp": [], "neuron": []}
        for (kind, _layer), one in zip(sorted(gates._made), found, strict=True):
            by_kind[kind].append(one.sum((0, 1)))
        assert torch.allclose(torch.stack(by_kind["head"]), units.head.sum(0), atol=1e-4)
        assert torch.allclose(torch.stack(by_kind["mlp"])[:, 0], units.mlp.sum(0), atol=1e-4)
        assert torch.allclose(torch.stack(by_kind["neuron"]), units.neuron.sum(0), atol=1e-4)


def test_the_context_ends_with_the_ablation():
    model, batches, constants = scene()
    mask = masked(some_dead(), constants)
    plain = importance_pass(model, batches, *some_dead(), normalise="none")
    with pytest.raises(RuntimeError, match="stop"), replacing(model, mask):
        raise RuntimeError("stop")
    again = importance_pass(model, batches, *some_dead(), normalise="none")
    assert np.array_equal(plain.head, again.head)
    # zeros inside means, and a replacement that is given beats both
    batch = batches[0]
    inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
    gate = torch.tensor(mask.head_mask)
    with torch.no_grad():
        with replacing(model, mask), replacing(model, None), Gates(model, gate):
            zeroed = model(**inputs).logits
        with Gates(model, gate):
            assert torch.equal(model(**inputs).logits, zeroed)
        with replacement_of(model, mask) as instead, Gates(model, gate, instead=instead):
            assert (model(**inputs).logits - zeroed).abs().max() > 100 * TOLERANCE
