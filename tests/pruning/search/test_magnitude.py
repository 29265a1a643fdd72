"""Magnitude pruning against a sort of all weights, and controls of exactly its size."""

import copy

import numpy as np
import pytest
import torch
from subprobe.data.errors import ConfigError
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.subnetwork import full_subnetwork
from subprobe.pruning.controls import random_like
from subprobe.pruning.search.magnitude import (
    MOST_STEPS,
    largest,
    magnitude_search,
    prunable_weights,
    smallest_of,
)
from subprobe.pruning.search.plan import Rule
from tiny import FAMILIES, tiny_model


def total(model):
    return sum(weight.numel() for weight in prunable_weights(model).values())


def alive(masks):
    return sum(int(mask.sum()) for mask in masks.values())


@pytest.mark.parametrize("family", FAMILIES)
def test_dense_weights_of_the_layers_are_prunable_and_nothing_else(family):
    model = tiny_model(family, "classification")
    anatomy = anatomy_of(model)
    D = model.config.hidden_size
    F = anatomy.num_neurons * (2 if anatomy.row.gated_mlp else 1)
    blocks = set(anatomy.blocks)
    expected = len(blocks) * (4 * D * D + D * F + D * anatomy.num_neurons)
    assert total(model) == expected
    assert all(path.startswith(tuple(blocks)) for path in prunable_weights(model))


@pytest.mark.parametrize("count", [0, 1, 700, 5000])
def test_the_largest_are_kept_over_all_layers(count):
    model = tiny_model("bert")
    with torch.no_grad():  # ties, also across modules
        for weight in prunable_weights(model).values():
            weight.mul_(4).round_().div_(4)
    masks = largest(model, count)
    weights = {path: w.abs().numpy() for path, w in prunable_weights(model).items()}
    ranked = sorted(
        (-value, path, place)
        for path, weight in weights.items()
        for place, value in enumerate(weight.ravel())
    )
    expected = {(path, place) for _, path, place in ranked[:count]}
    found = {(path, int(p)) for path, mask in masks.items() for p in np.flatnonzero(mask)}
    assert found == expected


def test_a_tenth_of_the_rest_goes_while_the_metric_holds():
    model = tiny_model("bert")
    seen, N = [], total(model)

    def score(masks):
        seen.append(alive(masks))
        return float(alive(masks) >= 0.6 * N)

    before = copy.deepcopy(model.state_dict())
    found = magnitude_search(model, score, rule=Rule("study"))
    expected = [N]
    while expected[-1] >= 0.6 * N:
        expected.append(expected[-1] - round(0.1 * expected[-1]))
    assert seen == expected
    assert [record["weights"] for record in found.trace] == expected
    assert [record["accepted"] for record in found.trace] == [True] * (len(expected) - 1) + [False]
    assert alive(found.weight_masks) == expected[-2]
    np.testing.assert_equal(found.weight_masks, largest(model, expected[-2]))
    assert found.degenerate == ""
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_searches_that_say_nothing_are_marked():
    model = tiny_model("bert", layers=1, hidden=8, heads=2)
    flat = magnitude_search(model, lambda masks: 0.7, rule=Rule("study"), baseline=0.6)
    assert flat.degenerate == "empty"
    assert alive(flat.weight_masks) == 0
    larger = tiny_model("bert", hidden=64)
    flat = magnitude_search(larger, lambda masks: 0.7, rule=Rule("study"), baseline=0.6)
    assert (flat.degenerate, len(flat.trace)) == ("empty", MOST_STEPS + 1)
    assert alive(flat.weight_masks) < 0.002 * total(larger)
    none = magnitude_search(model, lambda masks: 0.5, rule=Rule("gain"), baseline=0.6)
    assert none.degenerate == "no-gain"
    assert alive(none.weight_masks) == total(model)
    undefined = magnitude_search(model, lambda masks: float("nan"), rule=Rule("gain"))
    assert (undefined.degenerate, undefined.trace[0]["metric"]) == ("no-gain", None)
    with pytest.raises(ConfigError, match="below the threshold"):
        magnitude_search(model, lambda masks: 0.5, rule=Rule("absolute", 0.6))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_controls_have_exactly_as_many_weights(share):
    model = tiny_model("bert")
    keep = round(share * total(model))
    good = full_subnetwork(
        anatomy_of(model), weight_masks=largest(model, keep), kind="good", method="magnitude"
    )
    bad, random = smallest_of(model, good), random_like(good, seed=3)
    assert [alive(mask.weight_masks) for mask in (good, bad, random)] == [keep] * 3
    assert (bad.kind, bad.method, random.kind) == ("bad", "magnitude", "random")
    weights = prunable_weights(model)
    kept = [w[torch.tensor(bad.weight_masks[p])].abs().max() for p, w in weights.items()]
    dropped = [w[torch.tensor(~bad.weight_masks[p])].abs().min() for p, w in weights.items()]
    assert max(kept) <= min(dropped)
    shared = sum(int((bad.weight_masks[p] & good.weight_masks[p]).sum()) for p in weights)
    assert bad.borrowed_weights == pytest.approx(shared / keep)
    assert shared == max(0, 2 * keep - total(model))
