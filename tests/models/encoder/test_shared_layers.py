"""Layers that share weights: each has gates, deliveries and gradients of its own.

The oracle is transformers' own ALBERT with a group for every layer (`unrolled`).
"""

from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from probe_cases import hooks_on, random_examples
from subprobe.data.encoding.collate import Batch
from subprobe.data.errors import SubprobeError
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.encoder.layer_hooks import LayerHooks
from subprobe.models.masks.gates import Gates, gated
from subprobe.models.masks.subnetwork import full_subnetwork
from subprobe.probes.forward.base import Context, Probe
from subprobe.probes.forward.shared_pass import run_probes
from subprobe.pruning.importance.gate_gradients import frozen, gate_gradients
from tiny import tiny_model, tiny_tokenizer
from unrolled import unrolled

H = 4
SHAPES: dict[str, dict[str, Any]] = {
    "one group": {"layers": 4},
    "groups of unequal use": {"layers": 5, "num_hidden_groups": 2},
    "inner layers": {"layers": 2, "inner_group_num": 2},
    "groups of inner layers": {"layers": 4, "num_hidden_groups": 2, "inner_group_num": 3},
    "chunked MLP": {"layers": 3, "chunk_size_feed_forward": 3},
}
LAYERS = {"one group": 4, "groups of unequal use": 5, "inner layers": 4,
          "groups of inner layers": 12, "chunked MLP": 3}  # fmt: skip
shapes = pytest.mark.parametrize("shape", SHAPES)


def models(shape, **options):
    """A model with shared weights and its unrolled copy."""
    shared = tiny_model("albert", "classification", heads=H, **SHAPES[shape], **options)
    return shared, unrolled(shared)


def inputs():
    ids = torch.randint(5, 400, (3, 9), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    ids[1, 6:], mask[1, 6:] = 1, 0
    return {"input_ids": ids, "attention_mask": mask}


@torch.inference_mode()
def logits(model, given=None):
    return model(**(given or inputs())).logits


def some_dead(anatomy):
    """A mask that leaves out heads of the second and third layer, and the second MLP."""
    whole = full_subnetwork(anatomy)
    head_mask, mlp_mask = whole.head_mask.copy(), whole.mlp_mask.copy()
    head_mask[1, 0] = head_mask[2, 3] = mlp_mask[1] = False
    return replace(whole, head_mask=head_mask, mlp_mask=mlp_mask)


def random_gates(layers, *batch, seed=1):
    generator = torch.Generator().manual_seed(seed)
    shapes = ((layers, H), (layers,), (layers, 48))
    return [torch.rand(*batch, *shape, generator=generator) for shape in shapes]


@shapes
def test_layers_are_passes_through_blocks(shape):
    shared, alone = models(shape)
    anatomy, own = anatomy_of(shared), anatomy_of(alone)
    assert anatomy.num_layers == own.num_layers == LAYERS[shape]
    assert (anatomy.shared, own.shared) == (True, False)
    states = shared(**inputs(), output_hidden_states=True).hidden_states
    assert len(states) == LAYERS[shape] + 1
    torch.testing.assert_close(logits(alone), logits(shared), rtol=0, atol=0)


@shapes
@pytest.mark.parametrize("batch", [(), (3,)])
def test_gates_are_those_of_layers_with_weights_of_their_own(shape, batch):
    shared, alone = models(shape)
    gates = random_gates(LAYERS[shape], *batch)
    with Gates(alone, *gates):
        expected = logits(alone)
    with Gates(shared, *gates):
        torch.testing.assert_close(logits(shared), expected, rtol=0, atol=1e-5)
        # and again: the count of layers starts over
        torch.testing.assert_close(logits(shared), expected, rtol=0, atol=1e-5)
    assert (expected - logits(shared)).abs().max() > 1e-3


@shapes
def test_each_layer_matters_alone(shape):
    shared, alone = models(shape)
    found = []
    for layer in range(LAYERS[shape]):
        head = torch.ones(LAYERS[shape], H)
        head[layer, 1] = 0
        with Gates(shared, head):
            found.append(logits(shared))
        with Gates(alone, head):
            torch.testing.assert_close(found[-1], logits(alone), rtol=0, atol=1e-5)
    for i in range(len(found)):
        for j in range(i):
            assert (found[i] - found[j]).abs().max() > 1e-4


@shapes
def test_gradients_are_those_of_layers_with_weights_of_their_own(shape):
    shared, alone = models(shape)
    given = inputs()
    batch = Batch(given["input_ids"], given["attention_mask"], None, torch.tensor([0, 1, 1]), ())
    head, mlp = np.ones((LAYERS[shape], H)), np.ones(LAYERS[shape])
    head[1, 2] = mlp[0] = 0
    found = []
    for model in (shared, alone):
        with frozen(model):
            found.append(gate_gradients(model, batch, head, mlp))
    torch.testing.assert_close(found[0].head, found[1].head, rtol=0, atol=1e-5)
    torch.testing.assert_close(found[0].mlp, found[1].mlp, rtol=0, atol=1e-5)
    assert found[0].head.abs().min(dim=0).values.max() > 1e-3


class Everything(Probe):
    """Keeps all maps and states, in the order in which they come."""

    name = "everything"
    needs_attention = needs_hidden = True

    def __init__(self):
        self.seen = []

    def begin(self, batch):
        self.real = batch.real

    def layer(self, layer, attention):
        real = self.real[:, None, :, None] & self.real[:, None, None, :]
        self.seen.append(("attention", layer, attention * real))

    def hidden(self, layer, states):
        self.seen.append(("states", layer, states * self.real[..., None]))

    def end(self):
        pass

    def result(self):
        return self


@shapes
def test_probes_see_each_layer_once_and_in_order(shape):
    examples, results = random_examples(4), []
    for model in models(shape):
        anatomy = anatomy_of(model)
        mask = some_dead(anatomy)
        context = Context(model, tiny_tokenizer("unigram"), anatomy, mask)
        before = hooks_on(model)
        probe = Everything()
        run_probes(context, examples, [probe], batch_size=4)
        results.append(probe.seen)
        assert hooks_on(model) == before
    layers = LAYERS[shape]
    order = [("states", 0)]
    for layer in range(layers):
        order += [("attention", layer), ("states", layer + 1)]
    for found in results:
        assert [entry[:2] for entry in found] == order
    for (*_, ours), (*_, theirs) in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_a_pass_that_failed_half_way_does_not_shift_the_next():
    shared, alone = models("one group")
    gates = random_gates(4)
    with Gates(alone, *gates):
        expected = logits(alone)
    anatomy, calls = anatomy_of(shared), []

    def fail_once(_module, _args):
        calls.append(1)
        if len(calls) == 2:
            raise MemoryError

    with Gates(shared, *gates), ExitStack() as stack:
        stack.callback(
            anatomy.attention_projection(shared, 0).register_forward_pre_hook(fail_once).remove
        )
        with pytest.raises(MemoryError):
            logits(shared)
        torch.testing.assert_close(logits(shared), expected, rtol=0, atol=1e-5)


def test_nested_gates_multiply():
    shared, alone = models("groups of unequal use")
    outer, inner = random_gates(5, seed=1), random_gates(5, seed=2)
    with Gates(alone, *(a * b for a, b in zip(outer, inner, strict=True))):
        expected = logits(alone)
    with Gates(shared, *outer), Gates(shared, *inner):
        torch.testing.assert_close(logits(shared), expected, rtol=0, atol=1e-5)
    assert hooks_on(shared) == 0


def test_a_block_that_runs_outside_its_model_is_noticed():
    """Nobody can tell which layer it stands for, and a gate must not be lost in silence."""
    shared, _ = models("one group")
    with Gates(shared, *random_gates(4)):
        logits(shared)
        with pytest.raises(SubprobeError, match="outside a forward pass"):
            anatomy_of(shared).block(shared, 2)(torch.ones(1, 3, 32))


def test_hooks_are_called_in_their_layer_alone():
    shared, _ = models("groups of inner layers")
    anatomy, calls = anatomy_of(shared), []
    with ExitStack() as stack:
        hooks = LayerHooks(shared, anatomy, stack)
        for layer in range(anatomy.num_layers):
            block, down = anatomy.block(shared, layer), anatomy.mlp_output(shared, layer)
            hooks.before(layer, block, lambda _m, _a, n=layer: calls.append(("block", n)))
            hooks.after(layer, down, lambda _m, _a, _o, n=layer: calls.append(("MLP", n)))
        logits(shared)
    assert calls == [(what, layer) for layer in range(12) for what in ("block", "MLP")]
    assert hooks_on(shared) == 0


def test_a_mask_runs_on_the_layers_it_names():
    shared, alone = models("inner layers")
    mask = some_dead(anatomy_of(shared))
    whole = logits(alone)
    with gated(alone, mask):
        expected = logits(alone)
    with gated(shared, mask):
        torch.testing.assert_close(logits(shared), expected, rtol=0, atol=1e-5)
    assert (expected - whole).abs().max() > 1e-3
