"""Every definition of importance against a plain second one."""

import copy
from contextlib import ExitStack

import numpy as np
import pytest
import torch
from scored import H, L, batch_of, batches_of, classifier, some_dead, texts, whole
from subprobe.data.errors import InputError, UnknownNameError
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.encoder.layer_hooks import LayerHooks
from subprobe.models.language.answers import losses
from subprobe.models.masks.gates import Gates, gated
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.pruning.importance.gate_gradients import Units, frozen, gate_gradients
from subprobe.pruning.importance.methods import IMPORTANCES
from subprobe.pruning.importance.scoring import importance_pass, layer_norms
from subprobe.pruning.importance.token_gates import TokenGates
from tiers import mostly_slow
from tiny import FAMILIES, SEPARABLE, tiny_model

COUNT = 6


def scene(family="bert", size=2):
    model = classifier(family)
    rows, labels = texts(COUNT)
    return model, rows, labels, batches_of(model, rows, labels, size)


def neurons(model, seed=None):
    shape = (L, anatomy_of(model).num_neurons)
    if seed is None:
        return np.ones(shape)
    return (np.random.default_rng(seed).random(shape) < 0.7).astype(float)


def run(model, batches, method, masks=whole, neuron=None, **options):
    options = {"normalise": "none", **options}
    head, mlp = masks()
    return importance_pass(model, batches, head, mlp, neuron, method=method, **options)


def logits_of(model, batch):
    return model(batch.input_ids, attention_mask=batch.attention_mask).logits


@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
def test_neuron_gradients_equal_central_differences(family, monkeypatch):
    # DeBERTa's LayerNorm and ModernBERT's rotation round to single precision in any model
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    model = classifier(family).double()
    rows, labels = texts(2)
    batch, neuron = batch_of(model, rows, labels, (0, 1)), neurons(classifier(family), seed=1)
    with frozen(model):
        found = gate_gradients(model, batch, *whole(), neuron)

    @torch.inference_mode()
    def loss(gate):
        with Gates(model, neuron=torch.tensor(gate)):
            return losses(logits_of(model, batch), batch.labels).numpy()

    for layer, unit in ((0, 0), (0, 5), (1, 3)):
        step = np.zeros_like(neuron)
        step[layer, unit] = 1e-4
        slope = (loss(neuron + step) - loss(neuron - step)) / 2e-4
        np.testing.assert_allclose(found.neuron[:, layer, unit], slope, rtol=1e-5, atol=1e-9)
    assert found.neuron.abs().max() > 1e-3


@pytest.mark.parametrize(
    ("method", "of"), [("gate-example", np.abs), ("fisher", np.square)], ids=["absolute", "squared"]
)
def test_gradients_of_single_examples_are_averaged(method, of):
    model, rows, labels, batches = scene()
    neuron = neurons(model)
    one = []
    with frozen(model):
        for i in range(COUNT):
            one.append(gate_gradients(model, batch_of(model, rows, labels, (i,)), *whole(), neuron))
    found = run(model, batches, method, neuron=neuron)
    for name in ("head", "mlp", "neuron"):
        expected = np.mean([of(getattr(g, name)[0].numpy()) for g in one], axis=0)
        np.testing.assert_allclose(getattr(found, name), expected, atol=1e-5)
        assert expected.max() > 1e-3


def test_the_published_code_adds_up_running_sums():
    model, _, _, batches = scene()
    head = torch.ones(L, H, requires_grad=True)
    mlp = torch.ones(L, requires_grad=True)
    totals = [torch.zeros(L, H), torch.zeros(L)]
    with frozen(model), Gates(model, head, mlp):
        for batch in batches:
            # nothing clears the gradient between batches
            losses(logits_of(model, batch), batch.labels).mean().backward()
            for total, leaf in zip(totals, (head, mlp), strict=True):
                total += leaf.grad.abs()
    found = run(model, batches, "gate-batch-accumulated")
    np.testing.assert_allclose(found.head, totals[0], rtol=1e-4)
    np.testing.assert_allclose(found.mlp, totals[1], rtol=1e-4)
    correct = run(model, batches, "gate-example").head
    assert np.abs(found.head / found.head.max() - correct / correct.max()).max() > 0.01


def keep_input(kept, name):
    def hook(_module, args):
        kept[name] = args[0]
        args[0].retain_grad()

    return hook


def keep_output(kept, name):
    def hook(_module, _args, output):
        kept[name] = output
        output.retain_grad()

    return hook


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_the_last_layer_is_divided_by_what_the_task_head_reads(pooling):
    model = classifier("modernbert", classifier_pooling=pooling)
    rows, labels = texts(COUNT)
    batches, masks = batches_of(model, rows, labels, 2), Units(*whole())
    sums = [np.zeros((L, H)), np.zeros(L)]
    with frozen(model):
        for batch in batches:
            with TokenGates(model, masks) as gates:
                loss = losses(logits_of(model, batch), batch.labels).sum()
                found = torch.autograd.grad(loss, gates.leaves())
            for total, added in zip(sums, gates.by_unit(found), strict=True):
                total += added
    tokens = sum(map(len, rows))
    last = COUNT if pooling == "cls" else tokens
    ours = run(model, batches, "gate-token")
    np.testing.assert_allclose(ours.mlp, sums[1] / [tokens, last], rtol=1e-5)
    np.testing.assert_allclose(ours.head, sums[0] / [[tokens], [last]], rtol=1e-5)


@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
def test_one_gate_a_token(family):
    model, rows, labels, batches = scene(family)
    anatomy, masks = anatomy_of(model), some_dead()
    neuron = neurons(model, seed=2)
    heads, mlps, ones = np.zeros((L, H)), np.zeros(L), np.zeros_like(neuron)
    for i in range(COUNT):
        batch, kept = batch_of(model, rows, labels, (i,)), {}
        stack = ExitStack()
        hooks = LayerHooks(model, anatomy, stack)
        gates = [torch.tensor(m, requires_grad=True) for m in (*masks, neuron)]
        # the oracle's hooks come after the gates', so they see what is scaled; and the gradient
        # at a pruned unit's output times its own (zero) output says nothing: only living ones here
        with Gates(model, *gates):
            for layer in range(L):
                projection = anatomy.attention_projection(model, layer)
                down = anatomy.mlp_output(model, layer)
                hooks.before(layer, projection, keep_input(kept, ("head", layer)))
                hooks.before(layer, down, keep_input(kept, ("neuron", layer)))
                hooks.after(layer, down, keep_output(kept, ("mlp", layer)))
            losses(logits_of(model, batch), batch.labels).sum().backward()
        stack.close()
        for layer in range(L):
            products = {
                name: (t.grad * t)[0].detach() for (name, at), t in kept.items() if at == layer
            }
            by_head = products["head"].reshape(-1, H, anatomy.head_size).sum(-1)
            heads[layer] += by_head.abs().sum(0).numpy()
            ones[layer] += products["neuron"].abs().sum(0).numpy()
            mlps[layer] += products["mlp"].sum(-1).abs().sum().item()
        model.zero_grad()
    tokens = np.array([sum(len(row) for row in rows)] * (L - 1) + [COUNT], dtype=float)
    found = run(model, batches, "gate-token", some_dead, neuron)
    living = masks[0] > 0, masks[1] > 0, neuron > 0
    for name, sums, alive in zip(
        ("head", "mlp", "neuron"), (heads, mlps, ones), living, strict=True
    ):
        expected = sums / tokens.reshape(-1, *[1] * (sums.ndim - 1))
        np.testing.assert_allclose(
            getattr(found, name)[alive], expected[alive], atol=1e-5, rtol=1e-3
        )
        assert expected.max() > 1e-3


@pytest.mark.parametrize("family", mostly_slow(SEPARABLE))
def test_taylor_of_the_columns_is_the_gradient_of_the_batch_at_the_gate(family):
    model, _, _, batches = scene(family, size=3)
    head, mlp = some_dead()
    expected = np.zeros((L, H)), np.zeros(L)
    with frozen(model):
        for batch in batches:
            one = gate_gradients(model, batch, head, mlp)
            expected[0][:] += one.head.mean(0).abs().numpy()
            expected[1][:] += one.mlp.mean(0).abs().numpy()
    found = run(model, batches, "taylor-weight", some_dead)
    alive = head > 0
    np.testing.assert_allclose(found.head[alive], expected[0][alive], atol=1e-5)
    np.testing.assert_allclose(found.mlp[mlp > 0], expected[1][mlp > 0], atol=1e-5)
    assert not found.head[~alive].any()
    assert expected[0].max() > 1e-3


def test_taylor_of_neurons_sums_row_and_column():
    model, _, _, batches = scene(size=COUNT)
    anatomy = anatomy_of(model)
    losses(logits_of(model, batches[0]), batches[0].labels).mean().backward()
    expected = np.zeros((L, anatomy.num_neurons))
    for layer in range(L):
        up, down = anatomy.mlp_up(model, layer), anatomy.mlp_output(model, layer)
        for unit in range(anatomy.num_neurons):
            row = (up.weight.grad[unit] * up.weight[unit]).sum() + up.bias.grad[unit] * up.bias[
                unit
            ]
            column = (down.weight.grad[:, unit] * down.weight[:, unit]).sum()
            expected[layer, unit] = abs(row.item()) + abs(column.item())
    model.zero_grad()
    found = run(model, batches, "taylor-weight", neuron=neurons(model))
    np.testing.assert_allclose(found.neuron, expected, atol=1e-5)
    assert expected.max() > 1e-3


def test_magnitude_is_the_norm_of_what_writes_the_output():
    model, _, _, batches = scene("roberta")
    anatomy = anatomy_of(model)
    found = run(model, batches, "magnitude", neuron=neurons(model))
    for layer in range(L):
        out = anatomy.attention_projection(model, layer).weight.detach().numpy()
        down = anatomy.mlp_output(model, layer).weight.detach().numpy()
        size = anatomy.head_size
        for head in range(H):
            norm = np.linalg.norm(out[:, head * size : (head + 1) * size])
            assert found.head[layer, head] == pytest.approx(norm, rel=1e-6)
        np.testing.assert_allclose(found.neuron[layer], np.linalg.norm(down, axis=0), rtol=1e-6)
        assert found.mlp[layer] == pytest.approx(np.linalg.norm(down), rel=1e-6)


@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
def test_ablation_is_the_rise_of_the_loss_without_the_unit(family):
    model, rows, labels, batches = scene(family, size=4)
    head, mlp = some_dead()
    neuron = np.zeros((L, anatomy_of(model).num_neurons))
    neuron[:, :3] = 1

    def loss(head, mlp, neuron):
        mask = Subnetwork(head > 0, mlp > 0, neuron > 0)
        total = 0.0
        with torch.inference_mode(), gated(model, mask):
            for i in range(COUNT):
                batch = batch_of(model, rows, labels, (i,))
                total += losses(logits_of(model, batch), batch.labels).item()
        return total / COUNT

    masks = {"head": head, "mlp": mlp, "neuron": neuron}
    start, found = loss(**masks), run(model, batches, "ablation", some_dead, neuron)
    for name, mask in masks.items():
        expected = np.zeros_like(mask)
        for place in np.argwhere(mask):
            without = mask.copy()
            without[tuple(place)] = 0
            expected[tuple(place)] = loss(**{**masks, name: without}) - start
        np.testing.assert_allclose(getattr(found, name), expected, atol=1e-5)
        assert np.abs(expected).max() > 1e-3
    assert not any("forward" in vars(module) for module in model.modules())


def test_random_scores_come_from_the_seed():
    model, _, _, batches = scene()
    first, again, other = (run(model, batches, "random", seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.head, again.head)
    assert (first.head != other.head).all()
    np.testing.assert_array_equal(run(model, batches, "random", some_dead, seed=1).head, first.head)


@pytest.mark.parametrize("method", sorted(IMPORTANCES))
def test_every_method_answers_alike_and_leaves_the_model_alone(method):
    model, _, labels, batches = scene()
    before = copy.deepcopy(model.state_dict())
    found = run(model, batches, method, some_dead, neurons(model))
    head, mlp = (mask > 0 for mask in some_dead())
    with torch.inference_mode(), gated(model, Subnetwork(head, mlp)):
        expected = torch.cat([logits_of(model, batch) for batch in batches]).numpy()
    np.testing.assert_allclose(found.logits, expected, atol=1e-5)
    np.testing.assert_array_equal(found.labels, labels)
    assert found.neuron.shape == (L, anatomy_of(model).num_neurons)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    for module in model.modules():
        assert not module._forward_pre_hooks
        assert not [h for h in module._forward_hooks.values() if "subprobe" in h.__module__]
    assert all(p.grad is None and p.requires_grad for p in model.parameters())


def test_normalisation_is_by_layer_and_named():
    model, _, _, batches = scene()
    plain = run(model, batches, "fisher", neuron=neurons(model))
    l2 = run(model, batches, "fisher", neuron=neurons(model), normalise="l2")
    np.testing.assert_allclose(l2.head, layer_norms(plain.head), rtol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(l2.neuron, axis=1), 1)
    np.testing.assert_array_equal(l2.mlp, plain.mlp)


def test_shared_weights_have_no_gradient_of_one_layer():
    model, _, _, batches = scene("albert")
    with pytest.raises(InputError, match="share their weights"):
        run(model, batches, "taylor-weight")


@pytest.mark.parametrize("option", [{"method": "gradient"}, {"normalise": "l3"}])
def test_unknown_names_are_refused(option):
    model, _, _, batches = scene()
    with pytest.raises(UnknownNameError, match="known"):
        importance_pass(model, batches, *whole(), **option)


def test_leaving_out_every_unit_computes_at_most_three_fifths_of_the_layers():
    """The limit of the cost, counted: layers computed against those of whole passes."""
    layers, heads = 6, 12
    model = tiny_model("bert", "classification", 3, layers=layers, heads=heads, hidden=48)
    rows, labels = texts(2)
    batches, anatomy = batches_of(model, rows, labels, 2), anatomy_of(model)
    computed = 0

    def count(*_):
        nonlocal computed
        computed += 1

    for layer in range(layers):
        anatomy.mlp_output(model, layer).register_forward_hook(count)
    found = importance_pass(
        model, batches, np.ones((layers, heads)), np.ones(layers), method="ablation",
        normalise="none",
    )  # fmt: skip
    assert np.abs(found.head).min() > 0
    assert computed <= 0.6 * layers * (heads + 1) * layers
