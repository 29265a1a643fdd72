"""Stacked classifiers: their scores, their losses and what they learn, beside plain ones."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from subprobe.probes.learning.fitting import Schedule, fit
from subprobe.probes.learning.readouts import Form, Pairs, Readouts, first_weights
from subprobe.probes.learning.word_batches import WordBatch, WordReadouts
from torch import nn

FORMS = [Form(5, 4), Form(5, 4, rank=2), Form(5, 4, hidden=3)]


def plain(form, weights):
    """The same classifier of torch modules."""

    def linear(weight, bias=None):
        layer = nn.Linear(weight.shape[0], weight.shape[1], bias=bias is not None)
        layer.weight.data = weight.detach().T
        if bias is not None:
            layer.bias.data = bias.detach()
        return layer

    if form.hidden:
        return nn.Sequential(linear(*weights[:2]), nn.ReLU(), linear(*weights[2:]))
    if form.rank:
        return nn.Sequential(linear(weights[0]), linear(*weights[1:]))
    return linear(*weights)


@pytest.mark.parametrize("form", FORMS)
def test_each_classifier_of_a_stack_is_a_plain_one(form):
    readouts = Readouts(form, [0, 1, 2])
    vectors, gold = torch.randn(2, 7, 5), torch.arange(7) % 4
    active = [2, 0]
    logits = readouts.logits(active, vectors)
    losses = readouts.losses(active, vectors, gold)
    of_each = readouts.losses(active, vectors, torch.stack([gold, gold.flip(0)]))
    for k, place in enumerate(active):
        own = plain(form, readouts.parameters()[place])(vectors[k])
        torch.testing.assert_close(logits[k], own)
        torch.testing.assert_close(losses[k], nn.functional.cross_entropy(own, gold))
        theirs = gold.flip(0) if k else gold
        torch.testing.assert_close(of_each[k], nn.functional.cross_entropy(own, theirs))


@pytest.mark.parametrize("form", [replace(form, width=15) for form in FORMS])
def test_pairs_are_read_as_if_they_were_laid_out(form):
    words = torch.randn(2, 6, 5)
    first, second = torch.tensor([0, 3, 3, 5, 2, 0]), torch.tensor([1, 3, 0, 4, 2, 1])
    pairs = Pairs.of(words, first, second)
    x, y = words[:, first], words[:, second]
    whole = torch.cat([x, y, x * y], dim=2)
    readouts, gold = Readouts(form, [0, 1]), torch.arange(6) % 4
    torch.testing.assert_close(readouts.logits([0, 1], pairs), readouts.logits([0, 1], whole))
    torch.testing.assert_close(
        readouts.logits([1], pairs[torch.tensor([1])]), readouts.logits([1], whole[1:])
    )
    found = []
    for read in (pairs, whole):
        every = [one for of in readouts.parameters() for one in of]
        loss = readouts.losses([0, 1], read, gold).sum()
        found.append(torch.autograd.grad(loss, every))
    torch.testing.assert_close(*found)
    assert len(pairs) == 2


@pytest.mark.parametrize("form", FORMS)
def test_first_weights_are_those_of_a_linear_layer_and_of_their_seed(form):
    for ours, again, other in zip(*(first_weights(form, seed) for seed in (3, 3, 4)), strict=True):
        assert torch.equal(ours, again)
        assert not torch.equal(ours, other)
    (weight, bias) = first_weights(Form(400, 50), 0)
    assert weight.shape == (400, 50)
    bound = 1 / np.sqrt(400)
    for one in (weight, bias):
        assert 0.9 * bound < one.abs().max() <= bound
    state = torch.random.get_rng_state()
    first_weights(form, 1)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_hidden_layer_and_a_rank_exclude_each_other():
    with pytest.raises(ValueError, match="hidden layer or a rank, not both"):
        Readouts(Form(5, 4, hidden=3, rank=2), [0])


def test_a_stack_converges_to_the_logistic_regression_of_scikit_learn():
    """Three classes that overlap, two views of them: the least loss is unique but for a shift."""
    draw = np.random.default_rng(0)
    gold = draw.integers(0, 3, 240)
    views = np.stack([
        np.eye(3)[gold] @ draw.normal(size=(3, 4)) + 2 * draw.normal(size=(240, 4))
        for _ in range(2)
    ]).astype(np.float32)  # fmt: skip
    batch = WordBatch(torch.from_numpy(views), torch.from_numpy(gold))
    stack = WordReadouts(Readouts(Form(4, 3), [0, 1]), [0, 1])
    schedule = Schedule(epochs=250, lr=0.05, lr_patience=10, patience=40, min_gain=1e-7)
    courses = fit(stack, lambda _: [batch], lambda: [batch], schedule)
    with torch.no_grad():
        ours = stack.logits([0, 1], batch).softmax(-1).numpy()
    for k, view in enumerate(views):
        oracle = LogisticRegression(C=np.inf, max_iter=2000, tol=1e-8).fit(view, gold)
        theirs = oracle.predict_proba(view)
        np.testing.assert_allclose(ours[k], theirs, atol=0.01)
        loss = -np.log(theirs[np.arange(240), gold]).mean()
        assert courses[k].loss == pytest.approx(loss, abs=1e-4)
        weight = stack.parameters()[k][0].detach().numpy().T
        centred = weight - weight.mean(axis=0)
        np.testing.assert_allclose(centred, oracle.coef_ - oracle.coef_.mean(axis=0), atol=0.05)
        right = (ours[k].argmax(1) == gold).mean()
        assert right == pytest.approx(oracle.score(view, gold), abs=0.01)
