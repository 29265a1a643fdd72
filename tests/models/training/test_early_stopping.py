"""A training that is ended early, by the rule that was stated."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from subprobe.data.errors import ConfigError, UnknownNameError
from subprobe.models.training import prepared_training
from subprobe.models.training.early_stopping import without_progress
from subprobe.models.training.evaluate import evaluate
from subprobe.models.training.finetune import finetune
from subprobe.models.training.precision import check_precision, without_autocast
from subprobe.models.training.recipes import Recipe
from tiny_run import save_tiny_encoder
from toy_parts import toy_parts

RECIPE = Recipe(learning_rate=1e-3, epochs=4, batch_size=16, max_length=64)
"""Twelve steps of three an epoch."""


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_tiny_encoder(tmp_path_factory.mktemp("encoder") / "m")


def train(encoder, recipe, parts=None, **options):
    return finetune(
        str(encoder), parts or toy_parts(), recipe, seed_init=1, seed_order=1, **options
    )


def content(trained):
    return {name: tensor.numpy().tobytes() for name, tensor in trained.model.state_dict().items()}


@pytest.mark.parametrize(
    ("scores", "since"),
    [
        ([], 0),
        ([0.5], 0),
        ([0.5, 0.5], 1),
        ([0.5, 0.4, 0.45], 2),
        ([0.5, 0.4, 0.6], 0),
        ([0.5, math.nan, 0.5], 2),
        ([math.nan, math.nan], 2),
        ([math.nan, -3.0], 0),
    ],
)
def test_ties_and_what_is_no_number_are_no_progress(scores, since):
    assert without_progress(scores) == since


def scored(monkeypatch, scores):
    """Let the selection examples give these scores, in their order."""
    left = list(scores)
    monkeypatch.setattr(prepared_training, "selection_score", lambda *_: lambda: left.pop(0))


@pytest.mark.parametrize(
    ("scores", "every", "steps"),
    [
        ([0.5, 0.6, 0.6, 0.6], 0, 12),  # the last score would come with the last step
        ([0.5, 0.4, 0.5], 0, 9),
        ([0.5, 0.6, 0.4, 0.5], 2, 8),
        ([0.1, 0.2, 0.3, 0.4, 0.5], 2, 12),
    ],
)
def test_it_ends_after_two_scores_without_a_new_best(scores, every, steps, encoder, monkeypatch):
    scored(monkeypatch, scores)
    trained = train(encoder, replace(RECIPE, patience=2, evaluate_every=every))
    assert trained.steps == steps
    assert trained.stopped_early == (steps < 12)
    every = every or 3
    assert [step for step, _ in trained.scores] == list(range(every, min(steps, 11) + 1, every))


def test_the_scores_are_those_of_the_selection_examples(encoder, monkeypatch):
    """At a rate that moves nothing they are those of the model after its training."""
    parts, still = toy_parts(), replace(RECIPE, learning_rate=1e-30)
    trained = train(encoder, replace(still, patience=9, evaluate_every=4))
    found = evaluate(trained.model, trained.tokenizer, parts.selection, parts.spec, max_length=64)
    assert trained.scores == ((4, found.metrics["accuracy"]), (8, found.metrics["accuracy"]))


def test_looking_at_the_scores_moves_neither_weights_nor_random_states(encoder):
    trained = train(encoder, replace(RECIPE, patience=9, evaluate_every=2))
    assert content(trained) == content(train(encoder, RECIPE))


def test_the_weights_of_the_last_step_count(encoder, monkeypatch):
    """The rate falls as it does in the whole training, to where it ends."""
    scored(monkeypatch, [0.5, 0.5])
    ended, whole = train(encoder, replace(RECIPE, patience=1)), train(encoder, RECIPE)
    assert ended.steps == 6
    assert ended.losses == whole.losses[:2]
    assert content(ended) != content(whole)
    assert content(ended) != content(train(encoder, replace(RECIPE, epochs=2)))


def test_without_patience_the_curve_is_recorded_and_nothing_stops(encoder, monkeypatch):
    scored(monkeypatch, [0.5, 0.4, 0.3, 0.2, 0.1])
    trained = train(encoder, replace(RECIPE, evaluate_every=2))
    assert (trained.steps, trained.stopped_early) == (12, False)
    assert trained.scores == ((2, 0.5), (4, 0.4), (6, 0.3), (8, 0.2), (10, 0.1))
    assert content(trained) == content(train(encoder, RECIPE))


def test_without_selection_examples_there_is_nothing_to_stop_by(encoder):
    with pytest.raises(ConfigError, match="selection examples"):
        train(encoder, replace(RECIPE, patience=1), replace(toy_parts(), selection=()))
    with pytest.raises(ConfigError, match="evaluate_every"):
        train(encoder, replace(RECIPE, evaluate_every=1), replace(toy_parts(), selection=()))


def test_float16_needs_a_gpu(encoder):
    with pytest.raises(ConfigError, match="float16 needs a CUDA GPU"):
        train(encoder, replace(RECIPE, precision="float16"), device="cpu")
    with pytest.raises(UnknownNameError, match="int8"):
        check_precision("int8", "cpu")
    for precision in ("float32", "bfloat16"):
        check_precision(precision, "cpu")


def test_a_gpu_without_bfloat16_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    with pytest.raises(ConfigError, match="does not support bfloat16"):
        check_precision("bfloat16", "cuda")
    check_precision("float16", "cuda")


def test_what_was_trained_in_bfloat16_is_scored_in_float32(encoder):
    """Trainer leaves its autocast on a model; numbers that are reported are of the weights."""
    parts = toy_parts()
    trained = train(encoder, replace(RECIPE, precision="bfloat16"))
    assert not {"forward", "_original_forward"} & set(vars(trained.model))
    text = trained.tokenizer("cats dogs houses", return_tensors="pt")
    found = trained.model(**text).logits
    with torch.autocast("cpu", torch.bfloat16):
        coarse = trained.model(**text).logits.float()
    assert found.dtype == torch.float32
    assert (found - coarse).abs().max() > 1e-4
    assert evaluate(trained.model, trained.tokenizer, parts.report, parts.spec).logits.any()


def test_scores_for_stopping_are_float32_too():
    model: Any = torch.nn.Linear(64, 64)
    inputs = torch.randn(4, 64)
    exact = model(inputs)

    def lower(given):
        with torch.autocast("cpu", torch.bfloat16):
            return torch.nn.Linear.forward(model, given)

    model.forward = lower
    assert model(inputs).dtype == torch.bfloat16
    with without_autocast(model):
        assert torch.equal(model(inputs), exact)
    assert model(inputs).dtype == torch.bfloat16
