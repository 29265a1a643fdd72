from __future__ import annotations

import numpy as np
import pytest
import torch
from probe_cases import random_examples, tiny_context
from subprobe.probes.attribution.classified import classify
from subprobe.probes.attribution.gradient_methods import (
    GRADIENT_METHODS,
    integrated_gradients,
)
from subprobe.probes.attribution.settings import AttributionSettings
from subprobe.probes.faithfulness.chosen_words import generator_of
from subprobe.probes.faithfulness.perturbed_words import infidelities, max_sensitivity
from subprobe.probes.forward.texts import read_texts


@pytest.fixture(scope="module")
def context():
    return tiny_context("bert", "classification")


@pytest.fixture(scope="module")
def example():
    return random_examples(1)[0]


@pytest.fixture(scope="module")
def batch(context, example):
    return classify(context, read_texts(context, [example]), np.array([0]))


def test_infidelity_is_that_of_the_best_scale_over_moves_of_words(context, example, batch):
    scores = np.random.default_rng(3).standard_normal(len(example.first.words))
    drawn = generator_of(0, example.id, "infidelity").uniform(0, 0.7, (6, len(scores)))
    lost, label, word = [], int(batch.target[0]), batch.view.word[0].tolist()
    for share in drawn:
        mixed = batch.embedded.clone()
        for place in (place for place, number in enumerate(word) if number >= 0):
            move = batch.blank[0, place] - batch.embedded[0, place]
            mixed[0, place] += share[word[place]] * move
        with torch.no_grad():
            logits = context.model(inputs_embeds=mixed).logits[0]
        lost.append(float(batch.logits[0, label] - logits[label]))
    told = drawn @ scores
    expected = ((told @ lost / (told @ told) * told - lost) ** 2).mean()
    for at_once in (2, 64):
        found = infidelities(
            batch, [scores, -5 * scores], radius=0.7, draws=6, seed=0, at_once=at_once
        )
        assert found == pytest.approx([expected, expected], rel=1e-6)
    assert expected > 1e-6


def by_hand(context, batch, method, embedded):
    """Scores of the words of a text at some embeddings [1, S, D], from passes of its own."""
    label, word = int(batch.target[0]), batch.view.word[0]
    here = embedded.clone().requires_grad_()
    logit = context.model(inputs_embeds=here).logits[0, label]
    words = range(len(batch.view.kept[0]))
    if method == "input-x-gradient":
        (gradient,) = torch.autograd.grad(logit, here)
        pieces = (here * gradient)[0].detach().sum(-1)
        return np.array([float(pieces[word == one].sum()) for one in words])
    lost = []
    for one in words:
        without = embedded.clone()
        without[0, word == one] = batch.blank[0, word == one]
        with torch.no_grad():
            lost.append(float(logit - context.model(inputs_embeds=without).logits[0, label]))
    return np.array(lost)


@pytest.mark.parametrize("method", ["input-x-gradient", "feature-ablation"])
def test_max_sensitivity_is_the_largest_change_of_the_scores(method, context, example, batch):
    settings = AttributionSettings(method, seed=3)
    inside = (batch.view.real & ~batch.view.special)[0]
    drawn = generator_of(3, example.id, "noise").uniform(-0.1, 0.1, (3, int(inside.sum()), 32))
    plain = by_hand(context, batch, method, batch.embedded)
    changes = []
    for noise in drawn:
        moved = batch.embedded.clone()
        moved[0, inside] += torch.from_numpy(noise)
        scores = by_hand(context, batch, method, moved)
        changes.append(np.linalg.norm(scores - plain) / np.linalg.norm(plain))
    found = max_sensitivity(batch, settings, radius=0.1, draws=3)
    assert found == pytest.approx(max(changes), rel=1e-6)
    assert min(changes) < found
    assert found > 1e-3


def test_noise_does_not_count_as_steps_that_are_missing(batch, monkeypatch):
    """A moved text is compared with its own logits, so that no needless steps are taken."""
    steps, run = [], integrated_gradients

    def counted(batch, settings, n_steps):
        steps.append(n_steps)
        return run(batch, settings, n_steps)

    monkeypatch.setitem(GRADIENT_METHODS, "integrated-gradients", counted)
    settings = AttributionSettings("integrated-gradients", n_steps=16, tolerance=1e-3)
    max_sensitivity(batch, settings, radius=0.1, draws=3)
    assert set(steps) == {16}
