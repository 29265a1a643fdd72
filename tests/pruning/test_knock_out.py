"""Knocked-out masks keep exactly what the mask removes; random ones match size or layer profile."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from subprobe.data.errors import ConfigError, MaskError, UnknownNameError
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.pruning.controls import log_masks, random_like
from subprobe.pruning.knock_out import knocked_out, random_knocked_out, searched_levels
from subprobe.pruning.sampling import sample


def mask_of(method="structured", seed=0, neurons=False, weights=False, layers=4, width=6):
    """A mask that prunes about half of the units of its method, and none of the others."""
    rng = np.random.default_rng(seed)

    def half(*shape):
        bits = (rng.permutation(math.prod(shape)) < math.prod(shape) // 2).reshape(shape)
        return bits

    whole = method in ("structured-neurons", "magnitude")
    heads = (
        np.ones((layers, width), bool) if whole or method.endswith("mlps") else half(layers, width)
    )
    mlps = np.ones(layers, bool) if whole or method.endswith("heads") else half(layers)
    return Subnetwork(
        heads, mlps, half(layers, 8) if neurons else None,
        {"a": half(3, 4), "b": half(5, 4)} if weights else {}, method=method, fingerprint="f" * 64,
    )  # fmt: skip


MASKS = {
    "structured": mask_of(),
    "structured-heads": mask_of("structured-heads"),
    "structured-mlps": mask_of("structured-mlps"),
    "structured-neurons": mask_of("structured-neurons", neurons=True),
    "magnitude": mask_of("magnitude", weights=True),
}


def kept(mask):
    """Every unit of every level, as one vector."""
    parts = [mask.head_mask.ravel(), mask.mlp_mask]
    parts += [] if mask.neuron_mask is None else [mask.neuron_mask.ravel()]
    return np.concatenate([*parts, *(one.ravel() for one in mask.weight_masks.values())])


@pytest.mark.parametrize("method", MASKS)
def test_a_complement_inverts_what_was_searched_and_nothing_else(method):
    good = MASKS[method]
    rest = knocked_out(good)
    searched = {
        "heads": (good.head_mask, rest.head_mask),
        "mlps": (good.mlp_mask, rest.mlp_mask),
        "neurons": (good.neuron_mask, rest.neuron_mask),
        "weights": (
            kept(good)[-32:] if good.weight_masks else None,
            kept(rest)[-32:] if rest.weight_masks else None,
        ),
    }
    for level, (before, after) in searched.items():
        if before is not None:
            expected = ~before if level in searched_levels(good) else before
            assert np.array_equal(after, expected), level
    assert (rest.kind, rest.fingerprint) == ("complement", good.fingerprint)


@pytest.mark.parametrize("method", MASKS)
def test_random_ones_remove_as_many_units(method):
    good = MASKS[method]
    for draw in range(5):
        random = random_knocked_out(good, 3, draw)
        assert random.counts() == knocked_out(good).counts()
        assert random.kind == "random-complement"
        # draw by draw, what the random mask of the run keeps is removed
        assert kept(random).sum() + kept(random_like(good, 3, draw)).sum() == sum(
            (2 - (level in searched_levels(good))) * total if level not in searched_levels(good)
            else total
            for level, (_, total) in good.counts().items() if level != "units"
        )  # fmt: skip


@given(st.integers(0, 2**32 - 1), st.integers(0, 100))
def test_only_pruned_units_are_removed_where_asked(seed, draw):
    good = mask_of(seed=1)
    random = random_knocked_out(good, seed, draw, within="pruned")
    assert random.head_mask[good.head_mask].all()
    assert random.mlp_mask[good.mlp_mask].all()
    assert random.counts() == knocked_out(good).counts()


@given(st.integers(0, 2**32 - 1), st.integers(0, 100), st.sampled_from(sorted(MASKS)))
def test_the_layer_profile_is_kept(seed, draw, method):
    good = MASKS[method]
    random = random_like(good, seed, draw, match="layer")
    assert np.array_equal(random.head_mask.sum(1), good.head_mask.sum(1))
    assert np.array_equal(random.mlp_mask, good.mlp_mask)
    if good.neuron_mask is not None:
        assert np.array_equal(random.neuron_mask.sum(1), good.neuron_mask.sum(1))
    for path, one in good.weight_masks.items():
        assert random.weight_masks[path].sum() == one.sum()
    assert (random.match, random_like(good, seed, draw).match) == ("layer", "")
    assert random.to_bytes() == random_like(good, seed, draw, match="layer").to_bytes()


def test_by_layer_every_head_of_a_layer_is_drawn_equally_often():
    good = mask_of(seed=2)
    drawn = np.mean([random_like(good, 0, d, "layer").head_mask for d in range(3000)], axis=0)
    expected = np.repeat(good.head_mask.mean(1, keepdims=True), 6, axis=1)
    assert np.abs(drawn - expected).max() < 0.04
    # the global draw has no such profile
    plain = np.mean([random_like(good, 0, d).head_mask for d in range(500)], axis=0)
    assert np.abs(plain - good.head_mask.mean()).max() < 0.09


def test_the_number_of_masks_is_that_of_all_that_can_be_drawn():
    good = Subnetwork(
        np.array([[True, False, False], [True, True, False]]), np.array([True, False])
    )
    every = [np.array(bits).reshape(2, 3) for bits in product([False, True], repeat=6)]
    whole = sum(one.sum() == 3 for one in every) * 2
    by_layer = sum(tuple(one.sum(1)) == (1, 2) for one in every)
    assert math.isclose(math.exp(log_masks(good)), whole)
    assert math.isclose(math.exp(log_masks(good, "layer")), by_layer)


@pytest.mark.parametrize("keep", [False, True])
def test_there_must_be_something_to_knock_out(keep):
    mask = Subnetwork(np.full((2, 3), keep), np.full(2, keep))
    said = "keeps every head or MLP" if keep else "keeps no head or MLP"
    for kind in ("complement", "random-complement"):
        with pytest.raises(MaskError, match=said):
            sample(kind, [mask], 0)


def test_what_cannot_be_drawn_is_refused():
    large = Subnetwork(np.array([[True, True, False]]), np.array([True]))
    with pytest.raises(MaskError, match="fewer than the 2 that are kept"):
        random_knocked_out(large, 0, within="pruned")
    with pytest.raises(UnknownNameError, match="source of random units"):
        random_knocked_out(large, 0, within="nowhere")
    with pytest.raises(UnknownNameError, match="match"):
        sample("random", [large], 0, match="head")
    with pytest.raises(ConfigError, match="bad masks are not drawn by layer"):
        sample("bad", [large], 0, match="layer")
    with pytest.raises(MaskError, match="no other mask keeps as many units of each layer"):
        sample("random", [MASKS["structured-mlps"]], 0, match="layer")


def test_gates_that_keep_every_mlp_lose_them_in_the_complement():
    heads = mask_of("structured-heads").head_mask
    learned = Subnetwork(
        heads, np.ones(4, bool), method="hard-concrete", history=({"units": "heads-mlps"},)
    )
    assert searched_levels(learned) == ("heads", "mlps")
    assert not knocked_out(learned).mlp_mask.any()
    assert knocked_out(learned).mask_id == (~learned).mask_id
    # of a control, which has no history, the levels that it prunes
    assert searched_levels(learned.with_meta(history=())) == ("heads",)
