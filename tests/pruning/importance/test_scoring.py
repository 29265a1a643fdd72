"""Importance against finite differences, one example at a time, and other ways to batch."""

import numpy as np
import pytest
import torch
from scored import H, L, N, batch_of, batches_of, classifier, some_dead, texts, whole
from subprobe.data.encoding.collate import Batch
from subprobe.data.errors import InputError, SubprobeError
from subprobe.models.language.answers import losses
from subprobe.models.masks.gates import Gates
from subprobe.pruning.importance.gate_gradients import frozen, gate_gradients
from subprobe.pruning.importance.scoring import importance_pass, layer_norms
from tiers import mostly_slow
from tiny import FAMILIES


@pytest.mark.parametrize("masks", [whole, some_dead])
@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
def test_signed_gradients_equal_central_differences(family, masks, monkeypatch):
    # DeBERTa's LayerNorm and ModernBERT's rotation round to single precision in any model
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    model = classifier(family).double()
    rows, labels = texts(3)
    batch = batch_of(model, rows, labels, (0, 1, 2))
    head, mlp = masks()
    with frozen(model):
        found = gate_gradients(model, batch, head, mlp)

    @torch.inference_mode()
    def loss(head, mlp):
        gates = [torch.tensor(np.broadcast_to(gate, (3, *gate.shape))) for gate in (head, mlp)]
        with Gates(model, *gates):
            logits = model(batch.input_ids, attention_mask=batch.attention_mask).logits
        return losses(logits, batch.labels).numpy()

    # two step widths, extrapolated: the error is of fourth order in the step
    def slope(change):
        wide, narrow = 2e-3, 1e-3
        at = {
            step: (loss(*change(step)) - loss(*change(-step))) / (2 * step)
            for step in (wide, narrow)
        }
        return (4 * at[narrow] - at[wide]) / 3

    checked = []
    for layer in range(L):
        for unit in range(H):

            def nudge_head(step, layer=layer, unit=unit):
                moved = head.copy()
                moved[layer, unit] += step
                return moved, mlp

            checked.append((found.head[:, layer, unit].numpy(), slope(nudge_head)))

        def nudge_mlp(step, layer=layer):
            moved = mlp.copy()
            moved[layer] += step
            return head, moved

        checked.append((found.mlp[:, layer].numpy(), slope(nudge_mlp)))

    ours, numeric = (np.stack(side) for side in zip(*checked, strict=True))
    scale = np.abs(numeric).max()
    assert scale > 1e-2
    np.testing.assert_allclose(ours, numeric, rtol=1e-6, atol=1e-7 * scale)


def test_regression_gradients_are_those_of_the_squared_error():
    model = classifier(num_labels=1).double()
    rows, _ = texts(2)
    targets = np.array([0.5, 4.0])
    batch = batch_of(model, rows, targets, (0, 1))
    head, mlp = whole()
    with frozen(model):
        found = gate_gradients(model, batch, head, mlp)
        step = np.zeros((L, H))
        step[1, 0] = 1e-5
        up, down = (gate_gradients(model, batch, head + s, mlp) for s in (step, -step))
    expected = (found.logits[:, 0].numpy() - targets) ** 2
    np.testing.assert_allclose(found.loss.numpy(), expected, rtol=1e-12)
    slope = ((up.loss - down.loss) / 2e-5).numpy()
    np.testing.assert_allclose(found.head[:, 1, 0].numpy(), slope, rtol=1e-6)


def test_whole_numbered_targets_of_a_regression_are_numbers():
    logits = torch.tensor([[1.0], [3.0]])
    assert losses(logits, torch.tensor([3, 3])).tolist() == [4.0, 0.0]


@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
def test_the_pass_is_the_mean_of_absolute_gradients_of_single_examples(family):
    model = classifier(family)
    rows, labels = texts(7)
    head, mlp = some_dead()
    heads, mlps, logits = [], [], []
    with frozen(model):
        for i in range(7):
            one = gate_gradients(model, batch_of(model, rows, labels, (i,)), head, mlp)
            heads.append(one.head[0].abs().numpy())
            mlps.append(one.mlp[0].abs().numpy())
            logits.append(one.logits[0].numpy())
    batches = batches_of(model, rows, labels, 4)
    found = importance_pass(model, batches, head, mlp, normalise="none")
    np.testing.assert_allclose(found.head, np.mean(heads, axis=0), atol=1e-5)
    np.testing.assert_allclose(found.mlp, np.mean(mlps, axis=0), atol=1e-5)
    np.testing.assert_allclose(found.logits, logits, atol=1e-5)
    assert found.head.dtype == found.mlp.dtype == found.logits.dtype == np.float64
    # pruned units have an importance too: what would change if they came back
    assert (found.head[head == 0] > 1e-3).all()
    assert (found.mlp[mlp == 0] > 1e-3).all()


@pytest.mark.parametrize("normalise", ["l2", "none"])
@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
def test_batch_size_order_and_padding_do_not_matter(family, normalise):
    model = classifier(family)
    rows, labels = texts()
    by_length = sorted(range(N), key=lambda i: -len(rows[i]))
    ways = [
        batches_of(model, rows, labels, 1),
        batches_of(model, rows, labels, 8),
        batches_of(model, rows, labels, 32),
        batches_of(model, rows, labels, 8, order=by_length),
        batches_of(model, rows, labels, 8, extra=1),
        batches_of(model, rows, labels, 8, extra=40),
    ]
    first, *others = (
        importance_pass(model, way, *some_dead(), normalise=normalise) for way in ways
    )
    assert first.head.max() > 1e-2
    for other in others:
        np.testing.assert_allclose(other.head, first.head, atol=1e-5)
        np.testing.assert_allclose(other.mlp, first.mlp, atol=1e-5)
        np.testing.assert_allclose(other.logits, first.logits, atol=1e-5)
        np.testing.assert_array_equal(other.labels, first.labels)
    np.testing.assert_array_equal(first.labels, labels)


def test_sdpa_and_eager_agree():
    rows, labels = texts()
    results = []
    for attention in ("sdpa", "eager"):
        model = classifier(attention=attention)
        results.append(importance_pass(model, batches_of(model, rows, labels, 8), *whole()))
    np.testing.assert_allclose(results[0].head, results[1].head, atol=1e-5)
    np.testing.assert_allclose(results[0].mlp, results[1].mlp, atol=1e-5)


def test_the_model_is_left_as_it_was():
    model = classifier().train()
    model.classifier.bias.requires_grad_(False)
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    rows, labels = texts(4)
    importance_pass(model, batches_of(model, rows, labels, 2), *whole())
    assert model.training
    for name, parameter in model.named_parameters():
        assert parameter.grad is None
        assert parameter.requires_grad == (name != "classifier.bias")
        assert torch.equal(parameter, before[name])


def test_no_weight_gradient_is_made():
    """The graph starts at the gates: autograd knows no parameter as a leaf."""
    model = classifier()
    rows, labels = texts(2)
    leaves = set()

    def walk(node):
        leaves.update({id(node.variable)} if hasattr(node, "variable") else ())
        for below, _ in node.next_functions:
            if below is not None:
                walk(below)

    head, mlp = torch.ones(L, H, requires_grad=True), torch.ones(L, requires_grad=True)
    with frozen(model), Gates(model, head, mlp):
        batch = batch_of(model, rows, labels, (0, 1))
        walk(model(batch.input_ids, attention_mask=batch.attention_mask).logits.grad_fn)
    assert leaves == {id(head), id(mlp)}


def test_frozen_puts_everything_back_after_an_exception():
    model = classifier().train()
    seen = []

    def fail():
        seen.append((model.training, any(p.requires_grad for p in model.parameters())))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), frozen(model):
        fail()
    assert seen == [(False, False)]
    assert model.training
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_importance_works_where_gradients_are_switched_off():
    model = classifier()
    rows, labels = texts(4)
    batches = batches_of(model, rows, labels, 2)
    expected = importance_pass(model, batches, *whole())
    with torch.no_grad():
        found = importance_pass(model, batches, *whole())
    np.testing.assert_array_equal(found.head, expected.head)


def test_layers_are_divided_by_their_norm():
    head = np.array([[3.0, 4.0], [0.0, 0.0], [5.0, 12.0]])
    np.testing.assert_allclose(layer_norms(head), np.array([[0.6, 0.8], [0, 0], [5 / 13, 12 / 13]]))
    counted = np.array([[True, False], [True, True], [True, True]])
    expected = np.array([[1, 0], [0, 0], [5 / 13, 12 / 13]])
    np.testing.assert_allclose(layer_norms(head, counted), expected)
    # leaving heads out afterwards is the same as never having counted them
    np.testing.assert_allclose(layer_norms(layer_norms(head), counted), expected)


def test_progress_counts_batches():
    model = classifier()
    rows, labels = texts(5)
    seen = []
    batches = batches_of(model, rows, labels, 2)
    importance_pass(model, batches, *whole(), progress=lambda *at: seen.append(at))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_examples_without_labels_are_refused():
    model = classifier()
    batch = Batch(torch.tensor([[3, 4]]), torch.ones(1, 2), None, None, (0,))
    with pytest.raises(InputError, match="labelled"):
        importance_pass(model, [batch], *whole())
    with pytest.raises(InputError, match="no examples"):
        importance_pass(model, [], *whole())


def test_an_example_that_is_missing_or_doubled_is_noticed():
    model = classifier()
    rows, labels = texts(4)
    for index in ((0, 0), (0, 2)):
        with pytest.raises(SubprobeError, match="exactly once"):
            importance_pass(model, [batch_of(model, rows, labels, index)], *whole())


def test_a_broken_model_is_noticed():
    model = classifier()
    with torch.no_grad():
        model.classifier.weight.fill_(float("nan"))
    rows, labels = texts(2)
    with pytest.raises(SubprobeError, match="contain NaN or infinity"):
        importance_pass(model, batches_of(model, rows, labels, 2), *whole())
