"""Masks of single weights: zero inside, restored outside, and exactly zero after training."""

import copy

import numpy as np
import pytest
import torch
from subprobe.data.errors import MaskError
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.gates import gated
from subprobe.models.masks.subnetwork import full_subnetwork
from subprobe.models.masks.weight_masks import held_at_zero, zero_weights
from tiny import FAMILIES, tiny_model
from unrolled import unrolled

INPUTS = {"input_ids": torch.arange(5, 23).reshape(2, 9)}


def masked(model, seed=0, share=0.5):
    """A mask over the query and MLP weights of every layer."""
    anatomy, random = anatomy_of(model), np.random.default_rng(seed)
    names = {id(module): path for path, module in model.base_model.named_modules()}
    chosen = [
        find(model, layer)
        for layer in range(anatomy.num_layers)
        for find in (anatomy.query, anatomy.mlp_output)
    ]
    masks = {names[id(m)]: random.random(tuple(m.weight.shape)) < share for m in chosen}
    return full_subnetwork(anatomy, weight_masks=masks, kind="good", method="magnitude")


def surgery(model, mask):
    """Oracle: a copy whose pruned weights are zero, place by place."""
    changed = copy.deepcopy(model)
    state = dict(changed.base_model.named_parameters())
    with torch.no_grad():
        for path, living in mask.weight_masks.items():
            for place in np.argwhere(~living):
                state[f"{path}.weight"][tuple(place)] = 0
    return changed


@pytest.mark.parametrize("family", ["bert", "distilbert", "mpnet"])
def test_a_weight_mask_is_surgery_for_a_while(family):
    model = tiny_model(family, "classification")
    mask, before = masked(model), copy.deepcopy(model.state_dict())
    with torch.inference_mode():
        whole = model(**INPUTS).logits
        with gated(model, mask):
            inside = model(**INPUTS).logits
        torch.testing.assert_close(inside, surgery(model, mask)(**INPUTS).logits)
        assert (inside - whole).abs().max() > 1e-3
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_weights_come_back_after_an_error():
    model = tiny_model("bert", "classification")
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(RuntimeError, match="stop"), gated(model, masked(model)):
        raise RuntimeError("stop")
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_no_step_moves_a_dead_weight(decay):
    model = tiny_model("bert", "classification").train()
    mask, start = masked(model), copy.deepcopy(model.state_dict())
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=decay)
    with held_at_zero(model, mask):
        for _ in range(5):
            optimiser.zero_grad()
            model(**INPUTS, labels=torch.tensor([0, 1])).loss.backward()
            optimiser.step()
    prefix = model.base_model_prefix
    for path, living in mask.weight_masks.items():
        weight = model.state_dict()[f"{prefix}.{path}.weight"]
        assert not weight[torch.tensor(~living)].any()
        moved = weight != start[f"{prefix}.{path}.weight"]
        assert moved[torch.tensor(living)].float().mean() > 0.9
    # the hooks are gone: now they move
    model(**INPUTS, labels=torch.tensor([0, 1])).loss.backward()
    path, living = next(iter(mask.weight_masks.items()))
    gradient = model.base_model.get_submodule(path).weight.grad
    assert gradient[torch.tensor(~living)].any()


@pytest.mark.parametrize(
    ("masks", "said"),
    [
        ({"no.such": np.ones((2, 2), dtype=bool)}, "does not have"),
        ({"encoder.layer.0.output.dense": np.ones((2, 2), dtype=bool)}, "its weight"),
    ],
)
def test_a_mask_of_other_modules_is_refused_and_changes_nothing(masks, said):
    model = tiny_model("bert")
    before = copy.deepcopy(model.state_dict())
    mask = full_subnetwork(anatomy_of(model), weight_masks=masks)
    with pytest.raises(MaskError, match=said):
        zero_weights(model, mask)
    with pytest.raises(MaskError, match=said), gated(model, mask):
        pass
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_neuron_mask_zeroes_columns_of_the_second_layer(family):
    model = tiny_model(family, "classification")
    anatomy = anatomy_of(model)
    living = np.random.default_rng(1).random((anatomy.num_layers, anatomy.num_neurons)) < 0.5
    changed = unrolled(model)
    with torch.no_grad():
        for layer in range(anatomy.num_layers):
            dead = torch.from_numpy(~living[layer])
            anatomy_of(changed).mlp_output(changed, layer).weight[:, dead] = 0
        whole, expected = model(**INPUTS).logits, changed(**INPUTS).logits
        with gated(model, full_subnetwork(anatomy, neuron_mask=living)):
            inside = model(**INPUTS).logits
    torch.testing.assert_close(inside, expected, atol=1e-5, rtol=0)
    assert (inside - whole).abs().max() > 1e-3
    wrong = full_subnetwork(anatomy, neuron_mask=living[:, 1:])
    with pytest.raises(MaskError, match="L, F"), gated(model, wrong):
        pass
