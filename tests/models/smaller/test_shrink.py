"""Mask, baked zeros and physical removal compute the same, for every family and any mask."""

import copy
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_masks import masks, random_mask
from subprobe.data.errors import InputError, MaskError
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.encoder.kept_units import kept_units_of
from subprobe.models.masks.gates import Gates, gated
from subprobe.models.masks.subnetwork import Subnetwork, full_subnetwork
from subprobe.models.smaller import cuts
from subprobe.models.smaller.bake import bake
from subprobe.models.smaller.shrink import shrink, write_back
from tiers import KINDS, mostly_slow
from tiny import POST_NORM, SDPA, SEPARABLE, tiny_model

L, H, D, F = 3, 4, 8, 48
TOLERANCE = 1e-5
EFFECT = 100 * TOLERANCE
NOTHING = Subnetwork(np.zeros((L, H), dtype=bool), np.zeros(L, dtype=bool))


def model_of(family, attention=None):
    return tiny_model(
        family, "classification", layers=L, heads=H, hidden=H * D, attention=attention
    )


def inputs_of(model):
    padding = model.config.pad_token_id
    ids = torch.randint(5, 500, (3, 9), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    ids[1, 6:], mask[1, 6:] = padding, 0
    return {"input_ids": ids, "attention_mask": mask}


@torch.inference_mode()
def logits(model, inputs):
    return model(**inputs).logits


def distance(a, b):
    return float((a - b).detach().abs().max())


@pytest.mark.parametrize(
    ("family", "count"),
    [
        *((family, 10) for family in KINDS),
        *(pytest.param(family, 50, marks=pytest.mark.slow) for family in SEPARABLE),
    ],
)
def test_mask_baked_and_compact_agree_on_any_mask(family, count):
    """Many masks a family, each under every kind of attention that the family has."""
    layers, effects = 2, []
    model = tiny_model(family, "classification", layers=layers, heads=H, hidden=H * D)
    kinds = ("eager", "sdpa") if family in SDPA else ("eager",)
    inputs = inputs_of(model)
    whole = logits(model, inputs)

    @settings(max_examples=count)
    @given(masks(layers, H, F))
    def check(mask):
        compact, baked = shrink(model, mask), bake(model, mask)
        for kind in kinds:
            for one in (model, compact, baked):
                one.set_attn_implementation(kind)
            with gated(model, mask):
                masked = logits(model, inputs)
            assert distance(logits(compact, inputs), masked) <= TOLERANCE
            assert distance(logits(baked, inputs), masked) <= TOLERANCE
            # the smaller model under its own mask is the smaller model
            with gated(compact, mask):
                assert distance(logits(compact, inputs), masked) <= TOLERANCE
            effects.append(distance(masked, whole))

    check()
    assert len(effects) >= count * len(kinds)
    # every mask empties a layer: each must be seen, or the agreement says nothing
    assert min(effects) >= EFFECT
    assert distance(logits(model, inputs), whole) == 0


@pytest.mark.parametrize("family", mostly_slow(POST_NORM, ["bert", "mpnet"]))
def test_a_mask_that_removes_everything_still_works(family):
    model = model_of(family)
    inputs = inputs_of(model)
    with gated(model, NOTHING):
        masked = logits(model, inputs)
    for smaller in (shrink(model, NOTHING), bake(model, NOTHING)):
        assert distance(logits(smaller, inputs), masked) <= TOLERANCE
    anatomy, smaller = anatomy_of(model), shrink(model, NOTHING)
    blocks = sum(p.numel() for i in range(L) for p in anatomy.block(smaller, i).parameters())
    # the biases of the output projections and two LayerNorms a layer
    assert blocks == L * 5 * H * D


@pytest.mark.parametrize("family", POST_NORM)
def test_what_is_left_is_where_it_should_be(family):
    model = model_of(family)
    mask = random_mask(L, H, F, 3, with_neurons=True, share=0.5)
    anatomy, compact = anatomy_of(model), shrink(model, mask)
    assert anatomy_of(compact) == anatomy
    living = compact.subprobe_kept_units
    assert living is kept_units_of(compact.base_model)
    for layer in range(L):
        heads = np.flatnonzero(mask.head_mask[layer])
        neurons = np.flatnonzero(mask.neuron_mask[layer] & mask.mlp_mask[layer])
        assert np.array_equal(living.heads[layer], heads)
        assert np.array_equal(living.neurons[layer], neurons)
        for new, head in enumerate(heads):
            here, there = slice(new * D, new * D + D), slice(head * D, head * D + D)
            for find in (anatomy.query, anatomy.key, anatomy.value_projection):
                assert torch.equal(
                    find(compact, layer).weight[here], find(model, layer).weight[there]
                )
                assert torch.equal(find(compact, layer).bias[here], find(model, layer).bias[there])
            columns = anatomy.attention_projection(compact, layer).weight[:, here]
            assert torch.equal(columns, anatomy.attention_projection(model, layer).weight[:, there])
        up, down = anatomy.mlp_up(compact, layer), anatomy.mlp_output(compact, layer)
        assert (up.out_features, down.in_features) == (len(neurons), len(neurons))
        assert torch.equal(up.weight, anatomy.mlp_up(model, layer).weight[neurons])
        assert (down.bias is not None) == bool(mask.mlp_mask[layer])


def test_no_weight_is_shared_and_the_original_is_untouched():
    model = model_of("bert")
    before = copy.deepcopy(model.state_dict())
    compact = shrink(model, full_subnetwork(anatomy_of(model)))
    own = {parameter.data_ptr() for parameter in model.parameters()}
    assert not own & {parameter.data_ptr() for parameter in compact.parameters()}
    with torch.no_grad():
        for parameter in compact.parameters():
            parameter.add_(1)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("family", mostly_slow(SEPARABLE))
def test_a_smaller_model_can_be_made_smaller_again(family):
    model = model_of(family)
    inputs = inputs_of(model)
    first = random_mask(L, H, F, 5, with_neurons=True, share=0.8)
    random = np.random.default_rng(6)
    second = Subnetwork(
        first.head_mask & (random.random((L, H)) < 0.6),
        first.mlp_mask & (random.random(L) < 0.6),
        first.neuron_mask & (random.random((L, F)) < 0.6),
    )
    with gated(model, second):
        masked = logits(model, inputs)
    once = shrink(model, first)
    twice = shrink(once, second)
    assert distance(logits(twice, inputs), masked) <= TOLERANCE
    assert sum(p.numel() for p in twice.parameters()) == sum(
        p.numel() for p in shrink(model, second).parameters()
    )
    with pytest.raises(MaskError, match="units that the model does not have"):
        shrink(once, full_subnetwork(anatomy_of(model)))
    more = first.with_meta(head_mask=np.ones((L, H), dtype=bool))
    with pytest.raises(MaskError, match="does not have"), gated(once, more):
        pass


def test_each_head_of_mpnet_keeps_its_own_relative_bias():
    """Numbered wrongly, the same weights give another answer."""
    model = model_of("mpnet")
    inputs = inputs_of(model)
    head = np.zeros((L, H), dtype=bool)
    head[:, [1, 3]] = True
    compact = shrink(model, Subnetwork(head, np.ones(L, dtype=bool)))
    right = logits(compact, inputs)
    for layer in range(L):
        living = anatomy_of(model).attention_module(compact, layer).get_buffer("living_heads")
        living.copy_(torch.tensor([0, 2]))
    assert distance(logits(compact, inputs), right) >= EFFECT


@pytest.mark.parametrize("family", mostly_slow(SEPARABLE))
def test_maps_are_collected_for_the_heads_that_are_left(family):
    model = model_of(family, "eager")
    head = np.ones((L, H), dtype=bool)
    head[0], head[1, 2] = False, False
    compact = shrink(model, Subnetwork(head, np.ones(L, dtype=bool)))
    with torch.inference_mode():
        found = compact(**inputs_of(model), output_attentions=True).attentions
    assert [tuple(one.shape[:2]) for one in found] == [(3, 0), (3, 3), (3, 4)]


# -- gates on a smaller model ---------------------------------------------------------------------


@pytest.mark.parametrize("family", mostly_slow(SEPARABLE))
@pytest.mark.parametrize("share", [0.0, 0.6])
def test_gates_of_full_size_act_on_the_living_and_dead_units_get_no_gradient(family, share):
    model = model_of(family).requires_grad_(False)
    inputs = inputs_of(model)
    mask = random_mask(L, H, F, 8, with_neurons=True, share=share)
    compact = shrink(model, mask)
    generator = torch.Generator().manual_seed(4)
    sizes = [(3, L, H), (3, L), (3, L, F)]
    values = [torch.rand(size, generator=generator) for size in sizes]
    gates = [one.clone().requires_grad_() for one in values]
    with Gates(compact, *gates):
        found = compact(**inputs).logits
        gradients = torch.autograd.grad(found.square().sum(), gates)
    living = [mask.head_mask, mask.mlp_mask, mask.neuron_mask & mask.mlp_mask[:, None]]
    full = [
        (value * torch.tensor(alive)).requires_grad_()
        for value, alive in zip(values, living, strict=True)
    ]
    with Gates(model, *full):
        expected = model(**inputs).logits
        wanted = torch.autograd.grad(expected.square().sum(), full)
    assert distance(found, expected) <= TOLERANCE
    for mine, theirs, alive in zip(gradients, wanted, living, strict=True):
        inside = torch.tensor(alive).expand_as(mine)
        assert not mine[~inside].any()
        torch.testing.assert_close(mine[inside], theirs[inside], rtol=1e-4, atol=TOLERANCE)
        assert not share or float(mine.abs().max()) >= EFFECT


def test_a_gate_is_read_at_each_call():
    """Leave-one-out scores flip an entry while the gates are on."""
    model = model_of("bert")
    inputs, anatomy = inputs_of(model), anatomy_of(model)
    head = np.ones((L, H), dtype=bool)
    head[1, 0] = False
    compact = shrink(model, Subnetwork(head, np.ones(L, dtype=bool)))
    gate = torch.tensor(head, dtype=torch.float32)
    with Gates(compact, gate):
        gate[1, 2] = 0
        found = logits(compact, inputs)
    head[1, 2] = False
    with gated(model, Subnetwork(head, np.ones(anatomy.num_layers, dtype=bool))):
        assert distance(found, logits(model, inputs)) <= TOLERANCE


# -- training -------------------------------------------------------------------------------------


@torch.no_grad()
def gradients(model, whole):
    """Gradients of a model in the shape of the whole one, 0 where there is none."""
    filled = copy.deepcopy(model)
    for held, parameter in zip(filled.parameters(), model.parameters(), strict=True):
        held.copy_(torch.zeros_like(held) if parameter.grad is None else parameter.grad)
    if kept_units_of(model) is None:
        return list(filled.parameters())
    spread = copy.deepcopy(whole)
    for parameter in spread.parameters():
        parameter.zero_()
    write_back(filled, spread)
    return list(spread.parameters())


@pytest.mark.parametrize(
    ("family", "neurons"),
    mostly_slow(
        product(SEPARABLE, (False, True)),
        fast=[("bert", True), ("deberta-v2", False), ("modernbert", True)],
    ),
)
def test_training_the_smaller_model_is_training_under_the_mask(family, neurons):
    """Without dropout: loss and gradients over 20 steps, and the model that comes out."""
    model = model_of(family)
    mask = random_mask(L, H, F, 9, with_neurons=neurons, share=0.6)
    compact, start = shrink(model, mask), copy.deepcopy(model)
    optimisers = [
        torch.optim.AdamW(one.parameters(), lr=1e-4, weight_decay=0.01) for one in (model, compact)
    ]
    generator, losses = torch.Generator().manual_seed(7), []
    for _ in range(20):
        inputs = inputs_of(model) | {"labels": torch.randint(2, (3,), generator=generator)}
        inputs["input_ids"] = torch.randint(5, 500, (3, 9), generator=generator)
        for optimiser in optimisers:
            optimiser.zero_grad()
        with gated(model, mask):
            masked = model(**inputs).loss
            masked.backward()
        smaller = compact(**inputs).loss
        smaller.backward()
        assert distance(masked, smaller) <= TOLERANCE
        pairs = zip(gradients(model, start), gradients(compact, start), strict=True)
        assert max(distance(one, other) for one, other in pairs) <= TOLERANCE
        for optimiser in optimisers:
            optimiser.step()
        losses.append(masked.item())
    assert max(losses) - min(losses) >= EFFECT
    back, inputs = copy.deepcopy(start), inputs_of(model)
    write_back(compact, back)
    outcomes = []
    for one in (model, back, start):
        with gated(one, mask):
            outcomes.append(logits(one, inputs))
    assert distance(outcomes[0], outcomes[1]) <= 10 * TOLERANCE
    assert distance(outcomes[0], outcomes[2]) >= 10 * EFFECT


def test_writing_back_leaves_dead_units_as_they_were():
    model = model_of("roberta")
    mask = random_mask(L, H, F, 9, with_neurons=True, share=0.6)
    compact, before = shrink(model, mask), copy.deepcopy(model)
    with torch.no_grad():
        for parameter in compact.parameters():
            parameter.add_(1)
    write_back(compact, model)
    anatomy = anatomy_of(model)
    for layer in range(L):
        moved = anatomy.query(model, layer).weight - anatomy.query(before, layer).weight
        rows = torch.tensor(mask.head_mask[layer]).repeat_interleave(D)
        assert torch.equal(moved.abs().sum(1) > 0, rows)
    with pytest.raises(MaskError, match="not a smaller model"):
        write_back(before, model)


# -- what cannot be made smaller ------------------------------------------------------------------


def weight_mask(model):
    path = "encoder.layer.0.intermediate.dense"
    mask = np.random.default_rng(0).random((F, H * D)) < 0.5
    head = np.ones((L, H), dtype=bool)
    head[0, 1] = False
    return Subnetwork(head, np.ones(L, dtype=bool), weight_masks={path: mask}, method="magnitude")


def test_single_weights_are_baked_and_not_removed():
    model = model_of("bert")
    mask, inputs = weight_mask(model), inputs_of(model)
    with gated(model, mask):
        masked = logits(model, inputs)
    baked = bake(model, mask)
    assert distance(logits(baked, inputs), masked) <= TOLERANCE
    dead = torch.tensor(~mask.weight_masks["encoder.layer.0.intermediate.dense"])
    assert not anatomy_of(model).mlp_up(baked, 0).weight[dead].any()
    with pytest.raises(MaskError, match=r"single weights.*subprobe bake"):
        shrink(model, mask)


@pytest.mark.parametrize("family", mostly_slow(SEPARABLE))
def test_baked_zeros_are_the_weights_that_are_taken_out(family):
    model = model_of(family)
    mask = random_mask(L, H, F, 2, with_neurons=True, share=0.5)
    baked, compact = bake(model, mask), shrink(model, mask)
    zeros = sum(int((p == 0).sum()) for p in baked.parameters())
    before = sum(int((p == 0).sum()) for p in model.parameters())
    counts = [sum(p.numel() for p in one.parameters()) for one in (model, compact)]
    assert zeros - before == counts[0] - counts[1] > 0
    with pytest.raises(MaskError, match="no pruned weights to set to zero"):
        bake(compact, mask)


@pytest.mark.parametrize("act", [shrink, bake])
@pytest.mark.parametrize(
    ("family", "options", "said"),
    [
        ("albert", {}, "share their weights"),
        ("deberta", {"talking_head": True}, "head_logits_proj"),
    ],
)
def test_families_without_parts_of_their_own_are_refused_with_the_reason(
    act, family, options, said
):
    model = tiny_model(family, **options)
    with pytest.raises(InputError, match=rf"{said}.*`mask`"):
        act(model, full_subnetwork(anatomy_of(model)))


def test_weights_of_an_unknown_kind_are_refused():
    model = model_of("bert")
    attention = anatomy_of(model).attention_module(model, 1)
    attention.pos_proj = torch.nn.Linear(H * D, H * D)
    with pytest.raises(InputError, match="pos_proj"):
        shrink(model, full_subnetwork(anatomy_of(model)))


@pytest.mark.parametrize("act", [shrink, bake])
def test_a_mask_of_another_shape_is_refused(act):
    mask = Subnetwork(np.ones((L + 1, H), dtype=bool), np.ones(L + 1, dtype=bool))
    with pytest.raises(MaskError, match=r"\[4, 4\].*\[3, 4\]"):
        act(model_of("bert"), mask)


@given(st.lists(st.booleans(), min_size=6, max_size=6))
def test_a_cut_parts_rows_into_kept_and_dead(alive):
    kept = torch.tensor(np.flatnonzero(alive), dtype=torch.int64)
    cut = cuts.Cut(torch.nn.Linear(2, 6), "weight", 0, kept)
    assert sorted([*kept.tolist(), *cut.dead.tolist()]) == list(range(6))
