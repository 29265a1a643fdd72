"""Many masks scored together get the scores of gates, mask by mask, and each layer runs once."""

import copy

import numpy as np
import pytest
import torch
from model_state import PlantedError, failing_at, model_state
from scored import batches_of, texts
from subprobe.data.encoding.collate import to_inputs
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.gates import gated
from subprobe.models.masks.subnetwork import Subnetwork, full_subnetwork
from subprobe.models.smaller import shared_layers
from subprobe.models.smaller.candidate import classifying_as
from subprobe.models.smaller.shared_layers import SharedLayers
from subprobe.models.smaller.shrink import shrink
from tiers import mostly_slow
from tiny import FAMILIES, SEPARABLE, tiny_model

L, H = 3, 4


def some_masks(model, seed=0):
    """Nested, random, equal and full masks of heads, MLPs, neurons and weights."""
    anatomy, random = anatomy_of(model), np.random.default_rng(seed)
    full = full_subnetwork(anatomy)
    heads = np.ones((L, H), dtype=bool)
    nested = [None, full]
    for layer, head in ((2, 1), (2, 3), (1, 0), (0, 2)):
        heads = heads.copy()
        heads[layer, head] = False
        nested.append(full.with_meta(head_mask=heads))
    mlps = [
        full.with_meta(mlp_mask=np.array(kept, dtype=bool))
        for kept in ([1, 1, 0], [1, 0, 0], [0, 0, 0])
    ]
    drawn = [
        Subnetwork(random.random((L, H)) < 0.6, random.random(L) < 0.6) for _ in range(4)
    ]  # fmt: skip
    neurons = np.ones((L, anatomy.num_neurons), dtype=bool)
    neurons[1:, ::2] = False
    finer = [full.with_meta(neuron_mask=neurons), full.with_meta(neuron_mask=neurons | True)]
    path = f"{anatomy.blocks[0]}.{anatomy.row.mlp_down}"
    weight = anatomy.mlp_output(model, 0).weight
    weights = [full.with_meta(weight_masks={path: random.random(weight.shape) < 0.5})]
    again = [one.with_meta(kind="random", draw=3) for one in drawn]
    return [*nested, *mlps, *drawn, *finer, *weights, *again]


def by_gates(model, masks, batches):
    """Logits of each mask on each batch, one forward pass of the whole model each."""
    found = []
    with torch.no_grad():
        for mask in masks:
            with gated(model, mask):
                found.append([model(**to_inputs(batch)).logits.numpy() for batch in batches])
    return found


def together(model, masks, batches):
    shared = SharedLayers(model, masks)
    tokens = [batch.input_ids.numel() for batch in batches]
    with torch.inference_mode():
        made = shared.run(batches, tokens, lambda running, b: running(**to_inputs(b)).logits)
    return shared, [[one.numpy() for one in made[place]] for place in shared.places]


@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
@pytest.mark.parametrize("most", [1, shared_layers.MOST_BYTES])
def test_logits_are_those_of_gates(family, most, monkeypatch):
    monkeypatch.setattr(shared_layers, "MOST_BYTES", most)  # 1: each batch on its own
    model = tiny_model(family, "classification", 3, layers=L, heads=H)
    batches = batches_of(model, *texts(7), 3)
    before, weights = model_state(model), copy.deepcopy(model.state_dict())
    masks = some_masks(model)
    shared, found = together(model, masks, batches)
    expected = by_gates(model, masks, batches)
    for ours, theirs in zip(found, expected, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)
    # the masks differ in what they compute
    assert np.abs(expected[5][0] - expected[0][0]).max() > 1e-3
    assert len(shared) == len(masks) - 2 - 4
    if family in SEPARABLE:
        assert shared.layers_run < L * len(shared)
    assert model_state(model) == before
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


def test_every_layer_runs_once_for_each_distinct_start():
    model = tiny_model("bert", "classification", 3, layers=L, heads=H)
    anatomy = anatomy_of(model)
    calls = [0] * L
    masks = [
        Subnetwork(np.ones((L, H), dtype=bool), np.array(kept, dtype=bool))
        for kept in ([1, 1, 1], [1, 1, 0], [1, 0, 1], [1, 0, 0], [0, 1, 1])
    ]
    shared = SharedLayers(model, masks)
    starts = {tuple(mask.mlp_mask[:depth]) for mask in masks for depth in range(1, L + 1)}
    assert shared.layers_run == len(starts)
    original = classifying_as

    def counted(running, mask):
        manager = original(running, mask)
        smaller = manager.__enter__()
        for layer in range(L):
            anatomy.attention_module(smaller, layer).register_forward_hook(
                lambda *_args, at=layer: calls.__setitem__(at, calls[at] + 1)
            )
        return _Open(manager, smaller)

    batches = batches_of(model, *texts(4), 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared_layers, "classifying_as", counted)
        together(copy.deepcopy(model), masks[1:], batches)
    by_depth = [{tuple(m.mlp_mask[: d + 1]) for m in masks[1:]} for d in range(L)]
    assert calls == [len(one) for one in by_depth]


class _Open:
    def __init__(self, manager, model):
        self._manager, self._model = manager, model

    def __enter__(self):
        return self._model

    def __exit__(self, *error):
        return self._manager.__exit__(*error)


def test_nothing_is_left_on_the_model_after_an_error():
    model = tiny_model("bert", "classification", 3, layers=L, heads=H)
    batches = batches_of(model, *texts(4), 2)
    before = model_state(model)
    with failing_at(model, lambda number: number == 3), pytest.raises(PlantedError):
        together(model, some_masks(model)[:4], batches)
    assert model_state(model) == before


def test_a_smaller_model_runs_as_it_is_and_under_masks_of_what_it_has():
    model = tiny_model("bert", "classification", 3, layers=L, heads=H)
    kept = some_masks(model)[5]
    less = kept.with_meta(mlp_mask=np.array([True, False, True]))
    batches = batches_of(model, *texts(4), 2)
    _, found = together(shrink(model, kept), [None, kept, less], batches)
    expected = by_gates(model, [kept, kept, less], batches)
    for ours, theirs in zip(found, expected, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_masks_whose_donors_run_the_model_share_no_layer():
    model = tiny_model("bert", "classification", 3, layers=L, heads=H)
    masks = some_masks(model)[2:6]
    assert SharedLayers(model, masks).layers_run < L * len(masks)
    for mask in masks:
        object.__setattr__(mask, "ablation", "resample")  # without the donors of a real one
    assert SharedLayers(model, masks).layers_run == L * len(masks)
