"""Masks as sets: laws of sets, what is kept at every level, and what has no answer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_masks import random_mask
from subprobe.data.errors import MaskError, UnknownNameError
from subprobe.models.masks.algebra import complement
from subprobe.models.masks.subnetwork import Subnetwork, full_subnetwork
from tiny import tiny_model

LAYERS, HEADS, NEURONS = 3, 4, 5


@st.composite
def masks_of_units(draw, neurons=False):
    share = draw(st.sampled_from([0.0, 0.3, 0.7, 1.0]))
    seed = draw(st.integers(0, 2**16))
    return random_mask(LAYERS, HEADS, NEURONS, seed, with_neurons=neurons, share=share)


def mask_of_neurons(seed):
    kept = np.random.default_rng(seed).random((LAYERS, NEURONS)) < 0.5
    return Subnetwork(np.ones((LAYERS, HEADS), bool), np.ones(LAYERS, bool), kept,
                      method="structured-neurons")  # fmt: skip


def mask_of_weights(seed, paths=("one", "two")):
    rng = np.random.default_rng(seed)
    weights = {path: rng.random((4, 3)) < 0.5 for path in paths}
    return Subnetwork(np.ones((LAYERS, HEADS), bool), np.ones(LAYERS, bool), None, weights,
                      method="magnitude")  # fmt: skip


def units(mask):
    """Every unit that lives, by name: a plain second way to say what a mask keeps."""
    found = {("head", *at) for at in np.argwhere(mask.head_mask).tolist()}
    found |= {("mlp", layer) for layer in np.flatnonzero(mask.mlp_mask).tolist()}
    for layer in np.flatnonzero(mask.mlp_mask).tolist():
        kept = (
            range(NEURONS) if mask.neuron_mask is None else np.flatnonzero(mask.neuron_mask[layer])
        )
        found |= {("neuron", layer, int(neuron)) for neuron in kept}
    for path, kept in mask.weight_masks.items():
        found |= {(path, *at) for at in np.argwhere(kept).tolist()}
    return found


@given(masks_of_units(), masks_of_units())
def test_heads_and_mlps_obey_the_laws_of_sets(one, other):
    assert units(one & other) == units(one) & units(other)
    assert units(one | other) == units(one) | units(other)
    everything = units(one | ~one)
    assert len(everything) == LAYERS * (HEADS + 1 + NEURONS)
    assert units(~one) == everything - units(one)
    assert units(one - other) == units(one) - units(other)
    for left, right in (
        (~(one & other), ~one | ~other),
        (~(one | other), ~one & ~other),
        (~~one, one),
        (one & other, other & one),
    ):
        assert left.mask_id == right.mask_id


@given(masks_of_units(), masks_of_units(neurons=True))
def test_neurons_live_where_their_mlp_does(one, other):
    assert units(one & other) == units(one) & units(other)
    assert units(one | other) == units(one) | units(other)


@pytest.mark.parametrize("make", [mask_of_neurons, mask_of_weights])
def test_neurons_and_weights_are_sets_too(make):
    one, other = make(1), make(2)
    assert units(one & other) == units(one) & units(other)
    assert units(one | other) == units(one) | units(other)
    of = one.size_of
    left, everything = one.counts()[of]
    assert (~one).counts()[of] == (everything - left, everything)
    # what is coarser stays whole: a complement of neurons in pruned MLPs would be nothing
    assert (~one).head_mask.all()
    assert (~one).mlp_mask.all()
    assert (one & ~one).counts()[of][0] == 0
    assert (~(one & other)).mask_id == (~one | ~other).mask_id
    assert (one - other).mask_id == (one & ~other).mask_id


def test_a_module_without_a_mask_is_kept_whole():
    one, other = mask_of_weights(1, ("one",)), mask_of_weights(2)
    assert (one & other).weight_masks["two"].tolist() == other.weight_masks["two"].tolist()
    assert (one | other).weight_masks["two"].all()
    assert (one & full_like(one)).mask_id == one.mask_id


def full_like(mask):
    return mask.with_meta(
        head_mask=np.ones_like(mask.head_mask), mlp_mask=np.ones_like(mask.mlp_mask),
        neuron_mask=None, weight_masks={}, kind="full", method="full", fingerprint="",
    )  # fmt: skip


def test_a_combined_mask_says_what_both_share():
    one = random_mask(LAYERS, HEADS, NEURONS, 1, with_neurons=False, share=0.5).with_meta(
        task="acceptability", model="m", seed_init=1, seed_order=1, fingerprint="aa", draw=3,
        history=({"step": 0},), kind="random", borrowed_heads=0.5,
    )  # fmt: skip
    same = one & one
    assert (same.kind, same.task, same.seed_init, same.fingerprint) == (
        "combined", "acceptability", 1, "aa",
    )  # fmt: skip
    assert (same.draw, same.history, same.borrowed_heads) == (0, (), 0.0)
    other = one & one.with_meta(task="rte", seed_init=2, fingerprint="bb", method="l0")
    assert (other.task, other.seed_init, other.seed_order, other.fingerprint, other.method) == (
        "", 0, 1, "", "several",
    )  # fmt: skip
    # a mask of no particular weights takes on those of the other
    whole = full_subnetwork_of_bert()
    assert (one_of_bert() & whole).fingerprint == "aa"
    assert (whole & one_of_bert()).method == "structured"
    assert (~one).kind == "complement"
    assert (~one).fingerprint == "aa"


def full_subnetwork_of_bert():
    from subprobe.models.encoder.anatomy import anatomy_of

    return full_subnetwork(anatomy_of(tiny_model("bert")))


def one_of_bert():
    return random_mask(2, 4, NEURONS, 1, with_neurons=False, share=0.5).with_meta(fingerprint="aa")


def test_a_combined_mask_survives_its_file(tmp_path):
    made = mask_of_neurons(1) - mask_of_neurons(2)
    made.save(tmp_path / "made.safetensors")
    assert Subnetwork.load(tmp_path / "made.safetensors") == made


def test_what_does_not_belong_together_is_refused():
    one = random_mask(2, 4, NEURONS, 1, with_neurons=False, share=0.5)
    wider = random_mask(2, 3, NEURONS, 1, with_neurons=False, share=0.5)
    for combine in ("__and__", "__or__", "__sub__"):
        with pytest.raises(MaskError, match=r"different shapes, \[L, H\]: \[2, 4\] and \[2, 3\]"):
            getattr(one, combine)(wider)
        with pytest.raises(MaskError, match="different models: 'a' and 'b'"):
            getattr(one.with_meta(model="a"), combine)(one.with_meta(model="b"))
        with pytest.raises(TypeError, match="another one, got 3"):
            getattr(one, combine)(3)
    of_two_levels = one.with_meta(neuron_mask=np.eye(2, 5, dtype=bool))
    with pytest.raises(MaskError, match="neurons and larger units"):
        _ = ~of_two_levels
    weights = mask_of_weights(1)
    units_only = random_mask(LAYERS, HEADS, NEURONS, 1, with_neurons=False, share=0.5)
    with pytest.raises(MaskError, match="single weights"):
        _ = weights | units_only


def test_the_complement_of_heads_and_neurons_flips_both():
    made = mask_of_neurons(1)
    heads = np.zeros_like(made.head_mask)
    heads[0] = True
    both = made.with_meta(head_mask=heads)
    rest = ~both
    assert rest.kind == "complement"
    assert (rest.head_mask == ~heads).all()
    assert (rest.neuron_mask == ~made.neuron_mask).all()
    assert rest.mlp_mask.all()
    assert (~rest).mask_id == both.mask_id
    without_mlp = both.with_meta(mlp_mask=np.arange(len(both.mlp_mask)) > 0)
    with pytest.raises(MaskError, match="neurons and larger units"):
        _ = ~without_mlp


def test_the_complement_flips_the_levels_that_are_named():
    units = random_mask(LAYERS, HEADS, NEURONS, 1, with_neurons=False, share=0.5)
    rest = complement(units, ("heads",))
    assert (rest.head_mask == ~units.head_mask).all()
    assert (rest.mlp_mask == units.mlp_mask).all()
    made = mask_of_neurons(1)
    nothing = complement(
        made.with_meta(head_mask=np.ones_like(made.head_mask)), ("heads", "neurons")
    )
    assert not nothing.head_mask.any()
    assert (nothing.neuron_mask == ~made.neuron_mask).all()


@pytest.mark.parametrize("method", ["structured-heads", "l0"])
def test_the_complement_of_a_mask_of_heads_keeps_all_mlps(method):
    heads = np.random.default_rng(0).random((LAYERS, HEADS)) < 0.5
    one = Subnetwork(heads, np.ones(LAYERS, bool), method=method)
    assert (~one).mlp_mask.all()
    assert ((~one).head_mask == ~heads).all()
    assert (~~one).mask_id == one.mask_id
    mlps = Subnetwork(np.ones((LAYERS, HEADS), bool), np.array([True, False, True]),
                      method="structured-mlps")  # fmt: skip
    assert (~mlps).head_mask.all()
    assert (~mlps).mlp_mask.tolist() == [False, True, False]


@given(
    st.sampled_from(
        ["structured", "structured-heads", "structured-mlps", "l0", "hard-concrete",
         "continuous-sparsification", "several"]
    ),
    st.sampled_from(["", "heads", "mlps", "heads-mlps"]),
    st.lists(st.booleans(), min_size=LAYERS * HEADS, max_size=LAYERS * HEADS),
    st.lists(st.booleans(), min_size=LAYERS, max_size=LAYERS),
)  # fmt: skip
def test_the_complement_of_a_complement_is_the_mask(method, gated, heads, mlps):
    history = ({"units": gated},) if gated else ()
    mask = Subnetwork(np.reshape(heads, (LAYERS, HEADS)), np.array(mlps), method=method,
                      history=history)  # fmt: skip
    assert (~~mask).mask_id == mask.mask_id
    assert (~~~mask).mask_id == (~mask).mask_id


@given(
    st.lists(st.booleans(), min_size=LAYERS * HEADS, max_size=LAYERS * HEADS),
    st.integers(0, 3),
)
def test_the_complement_of_a_complement_of_neurons_is_the_mask(heads, seed):
    made = mask_of_neurons(seed)
    mask = made.with_meta(head_mask=np.reshape(heads, made.head_mask.shape))
    assert (~~mask).mask_id == mask.mask_id
    weights = mask_of_weights(seed)
    assert (~~weights).mask_id == weights.mask_id
    named = complement(mask, ("heads",))
    assert (~named).mask_id == mask.mask_id


def test_a_joint_mask_that_prunes_every_mlp_comes_back(tmp_path):
    heads = np.arange(LAYERS * HEADS).reshape(LAYERS, HEADS) % 3 > 0
    mask = Subnetwork(heads, np.zeros(LAYERS, bool), method="hard-concrete",
                      history=({"units": "heads-mlps"},))  # fmt: skip
    rest = ~mask
    assert rest.mlp_mask.all()
    rest.save(tmp_path / "rest.safetensors")
    assert (~Subnetwork.load(tmp_path / "rest.safetensors")).mask_id == mask.mask_id


def test_a_level_that_is_not_there_is_refused():
    with pytest.raises(MaskError, match="has no neurons; name a level that it has: heads, mlps"):
        complement(random_mask(2, 4, NEURONS, 1, with_neurons=False, share=0.5), ("neurons",))
    with pytest.raises(UnknownNameError, match="unknown level 'layers'"):
        complement(mask_of_neurons(1), ("layers",))


@pytest.mark.parametrize("method", ["l0", "hard-concrete", "continuous-sparsification"])
@pytest.mark.parametrize("units", ["heads", "mlps", "heads-mlps"])
def test_a_mask_learned_by_gates_inverts_the_units_that_had_gates(method, units):
    rng = np.random.default_rng(3)
    heads = (
        rng.random((LAYERS, HEADS)) < 0.5 if "heads" in units else np.ones((LAYERS, HEADS), bool)
    )
    mlps = np.array([True, False, True]) if "mlps" in units else np.ones(LAYERS, bool)
    for history in ((), ({"units": units},)):
        rest = ~Subnetwork(heads, mlps, method=method, history=history)
        assert np.array_equal(rest.head_mask, ~heads if "heads" in units else heads)
        assert np.array_equal(rest.mlp_mask, ~mlps if "mlps" in units else mlps)
    # gates of both that happen to keep every MLP: the rest has none
    every = ~Subnetwork(
        heads, np.ones(LAYERS, bool), method=method, history=({"units": "heads-mlps"},)
    )
    assert not every.mlp_mask.any()
