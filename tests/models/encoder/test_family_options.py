"""What a configuration may switch on within a family, and what the projections hold."""

from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
import torch
from subprobe.data.encoding.collate import Batch
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.encoder.layer_hooks import LayerHooks
from subprobe.models.masks.gates import Gates
from subprobe.pruning.importance.scoring import importance_pass
from tiny import FAMILIES, tiny_model

L, H, D = 3, 4, 8
RELATIVE_OFF = {"relative_attention": False, "pos_att_type": None}
BIASES = ("attention_bias", "mlp_bias", "norm_bias", "classifier_bias")

VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "deberta, absolute positions": ("deberta", {"position_biased_input": True}),
    "deberta, plain attention": ("deberta", RELATIVE_OFF),
    "deberta, talking heads": ("deberta", {"talking_head": True}),
    "deberta, small embeddings": ("deberta", {"embedding_size": 24}),
    "deberta-v2, convolution": ("deberta-v2", {"conv_kernel_size": 3}),
    "deberta-v2, position keys": ("deberta-v2", {"share_att_key": False}),
    "deberta-v2, c2p alone": ("deberta-v2", {"share_att_key": False, "pos_att_type": ["c2p"]}),
    "modernbert, biases": ("modernbert", dict.fromkeys(BIASES, True)),
    "modernbert, mean": ("modernbert", {"classifier_pooling": "mean"}),
}
variants = pytest.mark.parametrize("variant", VARIANTS)


def model_of(variant, **options):
    family, chosen = VARIANTS[variant]
    return tiny_model(
        family, "classification", layers=L, heads=H, hidden=H * D, **chosen, **options
    )


def texts():
    random = np.random.default_rng(3)
    return [random.integers(5, 400, length).tolist() for length in (4, 11, 7, 15)]


def batch_of(rows, index, extra=0):
    width = max(len(rows[i]) for i in index) + extra
    ids = torch.ones(len(index), width, dtype=torch.int64)
    mask = torch.zeros_like(ids)
    for place, i in enumerate(index):
        ids[place, : len(rows[i])] = torch.tensor(rows[i])
        mask[place, : len(rows[i])] = 1
    return Batch(ids, mask, None, torch.tensor([i % 2 for i in index]), index)


@torch.inference_mode()
def logits(model, batch):
    return model(batch.input_ids, attention_mask=batch.attention_mask).logits


@variants
def test_gates_equal_scaled_columns(variant):
    model, scaled = model_of(variant), model_of(variant)
    batch, anatomy = batch_of(texts(), (0, 1, 2, 3)), anatomy_of(model)
    generator = torch.Generator().manual_seed(2)
    head, mlp = torch.rand(L, H, generator=generator), torch.rand(L, generator=generator)
    head[1], mlp[2] = 0, 0
    with torch.no_grad():
        for layer in range(L):
            columns = head[layer].repeat_interleave(D)
            anatomy.attention_projection(scaled, layer).weight.mul_(columns)
            for parameter in anatomy.mlp_output(scaled, layer).parameters():
                parameter.mul_(mlp[layer])
    plain = logits(model, batch)
    with Gates(model, torch.ones(L, H), torch.ones(L)):
        assert torch.equal(logits(model, batch), plain)
    with Gates(model, head, mlp):
        found = logits(model, batch)
    torch.testing.assert_close(found, logits(scaled, batch), rtol=0, atol=1e-5)
    assert (found - plain).abs().max() > 1e-3


@variants
def test_padding_does_not_matter(variant):
    model, rows = model_of(variant), texts()
    ways = [
        [batch_of(rows, (i,)) for i in range(4)],
        [batch_of(rows, (0, 1, 2, 3))],
        [batch_of(rows, (3, 1)), batch_of(rows, (0, 2), extra=30)],
    ]
    ones = np.ones((L, H)), np.ones(L)
    first, *others = (importance_pass(model, way, *ones) for way in ways)
    assert first.head.max() > 1e-2
    for other in others:
        np.testing.assert_allclose(other.head, first.head, atol=1e-5)
        np.testing.assert_allclose(other.mlp, first.mlp, atol=1e-5)
        np.testing.assert_allclose(other.logits, first.logits, atol=1e-5)


def hidden_states(model, ids):
    """What the modules give that stand for hidden states 1 to L."""
    anatomy, seen = anatomy_of(model), []
    with ExitStack() as stack:
        hooks = LayerHooks(model, anatomy, stack)
        for layer in range(anatomy.num_layers):
            module = anatomy.states_module(model, layer)
            hooks.after(layer, module, lambda _module, _args, output: seen.append(output))
        model(ids)
    return [states[0] if isinstance(states, tuple) else states for states in seen]


@variants
def test_states_are_those_of_transformers(variant):
    model = model_of(variant)
    ids = batch_of(texts(), (1,)).input_ids
    expected = model(ids, output_hidden_states=True).hidden_states[1:]
    found = hidden_states(model, ids)
    assert len(found) == len(expected) == L
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_the_first_layer_may_be_the_last():
    for family in ("deberta-v2", "modernbert"):
        options: dict[str, Any] = {"conv_kernel_size": 3} if family == "deberta-v2" else {}
        model = tiny_model(family, layers=1, **options)
        ids = batch_of(texts(), (1,)).input_ids
        expected = model(ids, output_hidden_states=True).hidden_states[1]
        (found,) = hidden_states(model, ids)
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


PLAIN: dict[str, Any] = {
    "deberta": RELATIVE_OFF,
    "deberta-v2": {**RELATIVE_OFF, "norm_rel_ebd": "none"},
}
"""Options without which attention is more than softmax(q k / sqrt d)."""


@pytest.mark.parametrize("family", FAMILIES)
def test_rows_are_the_queries_keys_and_values_of_each_head(family):
    """Attention maps and mixed values by hand, from the rows that the anatomy names."""
    model = tiny_model(family, heads=H, hidden=H * D, attention="eager", **PLAIN.get(family, {}))
    anatomy, seen = anatomy_of(model), {}
    layer = 0  # ModernBERT's second one looks at near tokens alone
    if family == "mpnet":
        torch.nn.init.zeros_(model.encoder.relative_attention_bias.weight)
    # with all tokens in one place a rotary position turns nothing
    places = {"position_ids": torch.zeros(1, 4, dtype=torch.int64)}
    extra = places if family == "modernbert" else {}

    def keep(name):
        return lambda _module, args, output: seen.update({name: (args[0], output)})

    projections = [anatomy.query, anatomy.key, anatomy.value_projection]
    hooked = [*projections, anatomy.attention_module, anatomy.attention_projection]
    handles = [find(model, layer).register_forward_hook(keep(find.__name__)) for find in hooked]
    with torch.no_grad():
        model(torch.tensor([[11, 222, 333, 44]]), output_attentions=True, **extra)
    for handle in handles:
        handle.remove()
    parts = {}
    for part, find in zip(("query", "key", "value"), projections, strict=True):
        rows = anatomy.rows(part)  # type: ignore[arg-type]
        assert rows.shape == (H, D)
        parts[part] = seen[find.__name__][1][0][:, rows].transpose(0, 1)  # [H, S, d]
    if biases := anatomy.head_biases(model, layer):
        for part, bias in zip(("query", "value"), biases, strict=True):
            parts[part] = parts[part] + bias.detach().reshape(H, 1, D)
    scores = parts["query"] @ parts["key"].transpose(1, 2) / D**0.5
    expected = torch.softmax(scores, dim=-1)
    maps = seen["attention_module"][1][1][0]
    torch.testing.assert_close(maps, expected, rtol=0, atol=1e-5)
    assert maps.std() > 1e-2
    mixed = (expected @ parts["value"]).transpose(0, 1).flatten(1)
    torch.testing.assert_close(seen["attention_projection"][0][0], mixed, rtol=0, atol=1e-5)


def test_neuron_of_a_gated_mlp_reads_two_rows():
    model = tiny_model("modernbert", mlp_bias=True)
    anatomy, seen = anatomy_of(model), {}
    up, down = anatomy.mlp_up(model, 0), anatomy.mlp_output(model, 0)
    handles = [
        up.register_forward_hook(lambda _m, _a, output: seen.update(up=output)),
        down.register_forward_hook(lambda _m, args, _o: seen.update(down=args[0])),
    ]
    with torch.no_grad():
        model(torch.tensor([[11, 222, 333, 44]]))
    for handle in handles:
        handle.remove()
    F = anatomy.num_neurons
    expected = torch.nn.functional.gelu(seen["up"][..., :F]) * seen["up"][..., F:]
    torch.testing.assert_close(seen["down"], expected)
