"""Gates against plain surgery on the weights, for every family, on models whose heads matter."""

import numpy as np
import pytest
import torch
from subprobe.data.errors import MaskError
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.gates import Gates, gated
from subprobe.models.masks.subnetwork import Subnetwork, full_subnetwork
from tiers import mostly_slow
from tiny import FAMILIES, SDPA, tiny_model
from unrolled import unrolled

L, H, D = 3, 4, 8
TOLERANCE = 1e-5
# effects below this prove nothing about agreement within the tolerance
EFFECT = 100 * TOLERANCE

CASES = [(family, "eager") for family in FAMILIES] + [(family, "sdpa") for family in SDPA]
MASKS = {
    "first": ([(0, 0)], []),
    "last": ([(L - 1, H - 1)], []),
    "mlp0": ([], [0]),
    "mlp-last": ([], [L - 1]),
    "whole layer": ([(1, h) for h in range(H)], []),
    "several": ([(0, 1), (1, 2), (2, 0), (2, 3)], [1, 2]),
    "all": ([(i, h) for i in range(L) for h in range(H)], list(range(L))),
}


def model_of(family, attention=None, head="classification"):
    return tiny_model(family, head, layers=L, heads=H, hidden=H * D, attention=attention)


def inputs_of(model):
    padding = model.config.pad_token_id
    ids = torch.randint(5, 500, (3, 9), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    ids[1, 6:], mask[1, 6:] = padding, 0
    return {"input_ids": ids, "attention_mask": mask}


@torch.inference_mode()
def outputs(model, inputs):
    """Logits and all hidden states, padding left out, as one vector."""
    found = model(**inputs, output_hidden_states=True)
    real = inputs["attention_mask"].bool()
    return torch.cat([found.logits.flatten(), *(s[real].flatten() for s in found.hidden_states)])


def hook_count(model):
    """Hooks on the model, but for those that transformers leaves there to collect states."""
    hooks = [
        hook
        for module in model.modules()
        for hook in (*module._forward_hooks.values(), *module._forward_pre_hooks.values())
    ]
    return sum(not hook.__module__.startswith("transformers.") for hook in hooks)


def without(model, heads=(), mlps=()):
    """Oracle: a copy with the columns that read a head, or a whole MLP's output, set to zero."""
    changed = unrolled(model)
    anatomy = anatomy_of(changed)
    with torch.no_grad():
        for layer, head in heads:
            columns = slice(head * D, (head + 1) * D)
            anatomy.attention_projection(changed, layer).weight[:, columns] = 0
        for layer in mlps:
            for parameter in anatomy.mlp_output(changed, layer).parameters():
                parameter.zero_()
    return changed


def masks(heads=(), mlps=()):
    head, mlp = torch.ones(L, H), torch.ones(L)
    for layer, number in heads:
        head[layer, number] = 0
    for layer in mlps:
        mlp[layer] = 0
    return head, mlp


@pytest.mark.parametrize(("family", "attention"), CASES)
def test_gates_of_ones_change_no_bit(family, attention):
    model = model_of(family, attention)
    inputs = inputs_of(model)
    plain = outputs(model, inputs)
    for shape in ((), (3,)):
        with Gates(model, torch.ones(*shape, L, H), torch.ones(*shape, L)):
            assert float((outputs(model, inputs) - plain).abs().max()) == 0.0


@pytest.mark.parametrize("mask", mostly_slow(MASKS, ["first", "several", "all"]))
@pytest.mark.parametrize(("family", "attention"), CASES)
def test_a_zero_gate_equals_zeroed_columns(family, attention, mask):
    heads, mlps = MASKS[mask]
    model = model_of(family, attention)
    inputs = inputs_of(model)
    expected = outputs(without(model, heads, mlps), inputs)
    with Gates(model, *masks(heads, mlps)):
        found = outputs(model, inputs)
    assert float((found - expected).abs().max()) <= TOLERANCE
    assert float((expected - outputs(model, inputs)).abs().max()) >= EFFECT


@pytest.mark.parametrize("family", FAMILIES)
def test_each_gate_scales_its_own_unit_only(family):
    """A fractional gate equals the same factor on the columns that read the head."""
    model = model_of(family)
    inputs, scaled = inputs_of(model), unrolled(model)
    anatomy, generator = anatomy_of(scaled), torch.Generator().manual_seed(2)
    head, mlp = torch.rand(L, H, generator=generator), torch.rand(L, generator=generator)
    with torch.no_grad():
        for layer in range(L):
            columns = head[layer].repeat_interleave(D)
            anatomy.attention_projection(scaled, layer).weight.mul_(columns)
            for parameter in anatomy.mlp_output(scaled, layer).parameters():
                parameter.mul_(mlp[layer])
    with Gates(model, head, mlp):
        found = outputs(model, inputs)
    expected = outputs(scaled, inputs)
    assert float((found - expected).abs().max()) <= TOLERANCE
    assert float((expected - outputs(model, inputs)).abs().max()) >= EFFECT


@pytest.mark.parametrize("family", FAMILIES)
def test_gates_per_example_equal_one_mask_at_a_time(family):
    model = model_of(family)
    inputs = inputs_of(model)
    generator = torch.Generator().manual_seed(3)
    head = torch.randint(0, 2, (3, L, H), generator=generator).float()
    mlp = torch.randint(0, 2, (3, L), generator=generator).float()
    with torch.inference_mode(), Gates(model, head, mlp):
        together = model(**inputs).logits
    for i in range(3):
        one = {name: tensor[i : i + 1] for name, tensor in inputs.items()}
        with torch.inference_mode(), Gates(model, head[i], mlp[i]):
            alone = model(**one).logits
        torch.testing.assert_close(together[i : i + 1], alone, rtol=0, atol=TOLERANCE)


def test_a_gate_may_ask_for_gradients_on_a_frozen_model():
    model = model_of("bert").requires_grad_(False)
    head, mlp = (gate.requires_grad_() for gate in masks())
    with Gates(model, head, mlp):
        model(**inputs_of(model)).logits.sum().backward()
    assert bool((head.grad != 0).all())
    assert bool((mlp.grad != 0).all())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_gates_take_any_precision_and_the_model_keeps_its_own():
    model = model_of("bert").double()
    with torch.inference_mode(), Gates(model, *masks()):
        assert model(**inputs_of(model)).logits.dtype == torch.float64


@pytest.mark.parametrize("family", FAMILIES)
def test_hooks_are_gone_after_the_context(family):
    model = model_of(family)
    before, anatomy = hook_count(model), anatomy_of(model)
    # shared layers are told apart by hooks on the model and on each of its blocks
    counting = 1 + len(set(anatomy.blocks)) if anatomy.shared else 0
    with Gates(model, *masks()):
        assert hook_count(model) == before + 2 * L + counting
    assert hook_count(model) == before


def test_hooks_are_gone_after_an_exception_inside():
    model = model_of("bert")
    inputs = inputs_of(model)
    plain = outputs(model, inputs)
    with pytest.raises(ZeroDivisionError), Gates(model, *masks([(0, 0)], [1])):
        raise ZeroDivisionError
    assert hook_count(model) == 0
    assert torch.equal(outputs(model, inputs), plain)


def test_hooks_are_gone_after_a_forward_that_fails():
    model = model_of("bert")
    wrong = torch.ones(5, L, H)  # five examples, the batch has three
    with pytest.raises(RuntimeError), Gates(model, wrong):
        outputs(model, inputs_of(model))
    assert hook_count(model) == 0


def test_hooks_are_gone_when_attaching_itself_fails():
    model = model_of("bert")
    last = anatomy_of(model).block(model, L - 1)
    gates = Gates(model, *masks())
    del last.output
    with pytest.raises(AttributeError), gates:
        pass
    assert hook_count(model) == 0


def test_nested_gates_multiply_and_take_off_only_their_own():
    model = model_of("roberta")
    inputs = inputs_of(model)
    outer, inner, both = (masks(h)[0] for h in ([(0, 0)], [(1, 1)], [(0, 0), (1, 1)]))
    with Gates(model, both):
        expected = outputs(model, inputs)
    with Gates(model, outer):
        alone = outputs(model, inputs)
        with Gates(model, inner):
            torch.testing.assert_close(outputs(model, inputs), expected, rtol=0, atol=TOLERANCE)
        assert torch.equal(outputs(model, inputs), alone)
    assert hook_count(model) == 0


def test_gates_cannot_be_attached_twice():
    model = model_of("bert")
    gates = Gates(model, *masks())
    with gates, pytest.raises(RuntimeError, match="already attached"), gates:
        pass
    assert hook_count(model) == 0


def test_hooks_of_others_stay():
    model = model_of("bert")
    projection = anatomy_of(model).attention_projection(model, 0)
    handle = projection.register_forward_pre_hook(lambda _module, _args: None)
    with Gates(model, *masks()):
        pass
    assert hook_count(model) == 1
    handle.remove()


@pytest.mark.parametrize(
    ("head", "mlp"),
    [
        (torch.ones(L, H + 1), None),
        (torch.ones(L * H), None),
        (torch.ones(H, L), None),
        (torch.ones(1, 1, L, H), None),
        (None, torch.ones(L + 1)),
        (None, torch.ones(())),
        (None, torch.ones(2, 2, L)),
    ],
)
def test_a_gate_of_another_shape_is_refused(head, mlp):
    with pytest.raises(MaskError, match=r"of shape \[.*\] on a model with"):
        Gates(model_of("bert"), head, mlp)


def subnetwork(heads=(), mlps=()):
    head, mlp = masks(heads, mlps)
    return Subnetwork(head.bool().numpy(), mlp.bool().numpy(), fingerprint="of other weights")


@pytest.mark.parametrize("family", FAMILIES)
def test_gated_runs_the_subnetwork(family):
    model = model_of(family)
    inputs = inputs_of(model)
    heads, mlps = [(0, 1), (2, 2)], [1]
    expected = outputs(without(model, heads, mlps), inputs)
    with gated(model, subnetwork(heads, mlps)):
        found = outputs(model, inputs)
    assert float((found - expected).abs().max()) <= TOLERANCE
    assert hook_count(model) == 0


@pytest.mark.parametrize("whole", [None, "full"])
def test_gated_by_a_whole_model_attaches_nothing(whole):
    model = model_of("bert")
    with gated(model, whole and full_subnetwork(anatomy_of(model))):
        assert hook_count(model) == 0


def test_gated_attaches_only_the_side_that_lost_units():
    model = model_of("bert")
    with gated(model, subnetwork(mlps=[0])):
        assert hook_count(model) == L


def test_gated_refuses_a_mask_of_another_shape():
    mask = Subnetwork(np.ones((L + 1, H), dtype=bool), np.ones(L + 1, dtype=bool))
    with pytest.raises(MaskError, match=r"\[4, 4\].*\[3, 4\]"), gated(model_of("bert"), mask):
        pass
