"""The size of a subnetwork follows from the costs of its units, as counted on the model itself."""

import pytest
from random_masks import random_mask
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.models.smaller.cost import cost
from subprobe.models.smaller.unit_costs import unit_costs
from tiers import mostly_slow
from tiny import SEPARABLE, tiny_model

L, H, D, F, S = 3, 4, 32, 48, 7


@pytest.mark.parametrize("family", mostly_slow(SEPARABLE))
def test_units_add_up_to_what_the_mask_costs(family):
    model = tiny_model(family, "classification", layers=L, heads=H, hidden=D, attention="eager")
    costs, mask = unit_costs(model, S), random_mask(L, H, F, 4, with_neurons=False, share=0.6)
    assert 0 < mask.n_heads < L * H
    assert 0 < mask.n_mlps < L
    found = cost(model, 1, S, mask)
    heads, mlps = costs.heads - mask.n_heads, costs.mlps - mask.n_mlps
    neurons = costs.neurons * mlps // costs.mlps
    lost = heads * costs.head_parameters + neurons * costs.neuron_parameters
    assert costs.parameters - lost - mlps * costs.mlp_parameters == found.parameters
    saved = heads * costs.head_flops + neurons * costs.neuron_flops
    assert costs.flops - saved == found.flops
    assert costs.separable


def test_neurons_are_counted_one_by_one():
    model = tiny_model("bert", "classification", layers=L, heads=H, hidden=D)
    costs, mask = unit_costs(model, S), random_mask(L, H, F, 4, with_neurons=True, share=0.6)
    mask = Subnetwork(mask.head_mask | True, mask.mlp_mask | True, mask.neuron_mask)
    lost = costs.neurons - int(mask.neuron_mask.sum())
    found = cost(model, 1, S, mask)
    assert costs.parameters - lost * costs.neuron_parameters == found.parameters
    assert costs.flops - lost * costs.neuron_flops == found.flops


def test_layers_that_share_weights_lose_nothing():
    model = tiny_model("albert", "classification", layers=L, heads=H, hidden=D, attention="eager")
    costs = unit_costs(model, S)
    assert not costs.separable
    assert costs.plain()["parameters"] == sum(p.numel() for p in model.parameters())
