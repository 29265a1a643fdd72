"""A training diverged, did not learn, or learned: each is called so, and recorded."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from subprobe.analysis.statistics.uncertainty import bootstrap_interval
from subprobe.analysis.steps.outcome import outcome
from subprobe.data.tasks.metrics import majority
from subprobe.models.training.evaluate import evaluate
from subprobe.models.training.finetune import finetune
from subprobe.models.training.recipes import Recipe
from tiny_run import save_tiny_encoder
from toy_parts import toy_parts

LEARNING = Recipe(learning_rate=3e-3, epochs=6, batch_size=16, max_length=64)
STILL = replace(LEARNING, learning_rate=1e-30, epochs=1)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_tiny_encoder(tmp_path_factory.mktemp("encoder") / "m")


def train(encoder, recipe, parts):
    return finetune(str(encoder), parts, recipe, seed_init=1, seed_order=1)


@pytest.mark.parametrize("classes", [1, 2])
def test_a_model_that_learned_has_no_flag_and_one_that_did_not_is_unlearned(encoder, classes):
    parts = toy_parts(classes, train=128)
    learned = train(encoder, LEARNING, parts)
    found = outcome(learned, parts, LEARNING)
    assert (found.flag, found.why) == ("", "")
    unlearned = train(encoder, STILL, parts)
    assert not unlearned.diverged
    found = outcome(unlearned, parts, STILL)
    assert (found.flag, found.notes["flag"]) == ("unlearned", "unlearned")
    assert found.why.startswith("UNLEARNED: ")
    assert "on the 24 selection examples is not significantly above the" in found.why
    assert {1: "mean's", 2: "majority's"}[classes] in found.why
    assert "after 1 epoch of 128 examples, 16 per step, learning rate 1e-30" in found.why
    assert found.notes["training"]["steps"] == 8


def test_the_interval_is_that_of_the_selection_examples(encoder):
    parts = toy_parts(train=128)
    # one label is wrong, since a score whose resamples are all alike has no interval
    first, *others = parts.selection
    wrong = replace(first, label=1 - first.label)
    parts = replace(parts, report=parts.report[:5], selection=(wrong, *others))
    trained = train(encoder, LEARNING, parts)
    noted = outcome(trained, parts, LEARNING).notes["training"]["on_selection"]
    said = evaluate(trained.model, trained.tokenizer, parts.selection, parts.spec)
    gold = [example.label for example in parts.selection]
    expected = bootstrap_interval("accuracy", said.predictions, gold)
    assert (noted["ci_low"], noted["ci_high"]) == (expected.low, expected.high)
    assert noted["value"] == np.mean(said.predictions == gold)
    train_labels = [example.label for example in parts.train]
    assert noted["baseline_value"] == majority(parts.spec, train_labels, gold)["accuracy"]
    assert (noted["n"], noted["metric"]) == (24, "accuracy")


def test_a_constant_answer_on_a_rare_class_is_unlearned_however_low_its_loss(encoder):
    """Nine of ten have one label: saying it is right in 90% and knows nothing."""
    whole = toy_parts(train=200, report=100)
    many = {0: 1, 1: 9}

    def thinned(examples):
        kept, seen = [], {0: 0, 1: 0}
        for example in examples:
            seen[example.label] += 1
            if seen[example.label] % 10 < many[example.label]:
                kept.append(example)
        return tuple(kept)

    parts = replace(
        whole, train=thinned(whole.train), selection=thinned(whole.selection),
        report=thinned(whole.report),
    )  # fmt: skip
    trained = train(encoder, STILL, parts)
    with torch.no_grad():
        trained.model.classifier.weight.zero_()
        trained.model.classifier.bias.copy_(torch.tensor([0.0, 2.2]))
    found = outcome(trained, parts, STILL)
    assert found.flag == "unlearned"
    assert found.notes["training"]["on_selection"]["value"] == pytest.approx(0.9, abs=0.02)


def test_explosion_is_told_from_not_learning(encoder):
    parts = toy_parts()
    wild = replace(LEARNING, learning_rate=0.5, epochs=1)
    found = outcome(train(encoder, wild, parts), parts, wild)
    assert found.flag == "diverged"
    assert "the mean loss of the last epoch is" in found.why
    assert "twice the loss at the start of a training" in found.why
    lost = replace(train(encoder, STILL, parts), losses=(float("nan"),), diverged=True)
    found = outcome(lost, parts, STILL)
    assert found.why.startswith("DIVERGED: the loss of epoch 1 is not finite")
    assert json.loads(json.dumps(found.notes, allow_nan=False))["training"]["losses"] == [None]


def test_weights_that_end_as_no_numbers_are_a_divergence(encoder, monkeypatch):
    """The last step's loss was fine; what it did to the weights was not."""
    from subprobe.models.training import prepared_training as module

    monkeypatch.setattr(module, "is_finite", lambda _model: False)
    parts = toy_parts()
    found = outcome(train(encoder, STILL, parts), parts, STILL)
    assert found.flag == "diverged"
    assert "the weights contain NaN or infinity after the last step" in found.why


def test_without_selection_examples_nothing_is_said_of_learning(encoder):
    parts = replace(toy_parts(), selection=())
    found = outcome(train(encoder, STILL, parts), parts, STILL)
    assert (found.flag, found.scored) == ("", None)
