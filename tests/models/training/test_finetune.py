"""Fine-tuning: it learns, repeats itself, keeps masks, and leaves nothing behind."""

import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from subprobe.data.errors import ConfigError
from subprobe.models.checkpoint.checkpoint import load_classifier, load_encoder
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.subnetwork import full_subnetwork
from subprobe.models.training.evaluate import evaluate
from subprobe.models.training.finetune import finetune
from subprobe.models.training.recipes import Recipe
from tiers import mostly_slow
from tiny_run import save_tiny_encoder
from toy_parts import toy_parts

RECIPE = Recipe(learning_rate=1e-3, epochs=2, batch_size=16, max_length=64)
LEARNING = Recipe(learning_rate=3e-3, epochs=8, batch_size=16, max_length=64)


def train(encoder, recipe=RECIPE, init=1, order=1, parts=None, **options):
    return finetune(
        str(encoder), parts or toy_parts(), recipe, seed_init=init, seed_order=order, **options
    )


def weights(trained):
    return trained.model.state_dict()


def same(one, other):
    return [name for name in one if not torch.equal(one[name], other[name])] == []


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_tiny_encoder(tmp_path_factory.mktemp("encoder") / "m")


def mask(encoder, heads=(), mlps=()):
    """A mask without these (layer, head) pairs and MLP layers."""
    full = full_subnetwork(anatomy_of(load_encoder(str(encoder))), kind="good", method="structured")
    head_mask, mlp_mask = full.head_mask.copy(), full.mlp_mask.copy()
    for layer, head in heads:
        head_mask[layer, head] = False
    mlp_mask[list(mlps)] = False
    return replace(full, head_mask=head_mask, mlp_mask=mlp_mask)


@pytest.mark.parametrize(
    "family",
    mostly_slow(["bert", "deberta", "deberta-v2", "albert", "modernbert"], ["bert"]),
)
def test_it_learns_a_task_that_can_be_learned(family, tmp_path):
    encoder, parts = save_tiny_encoder(tmp_path / "m", family), toy_parts(train=128)
    trained = train(encoder, LEARNING, parts=parts)
    found = evaluate(trained.model, trained.tokenizer, parts.report, parts.spec)
    assert found.metrics["accuracy"] >= 0.9
    assert trained.losses[-1] < 0.5 * trained.losses[0]
    assert len(trained.losses) == 8
    assert not trained.diverged
    assert not trained.model.training


@pytest.mark.parametrize("family", ["albert", "modernbert"])
def test_training_under_a_mask_reaches_what_lives(family, tmp_path):
    """Columns that read a head dead in every layer get no gradient; others learn."""
    encoder = save_tiny_encoder(tmp_path / "m", family)
    trained = train(encoder, subnetwork=mask(encoder, heads=[(0, 1), (1, 1), (1, 2)]))
    before, anatomy = load_encoder(str(encoder)), anatomy_of(trained.model)
    weight = anatomy.attention_projection(trained.model, 1).weight
    change = (weight - anatomy.attention_projection(before, 1).weight).detach().abs()
    by_head = change.unflatten(1, (anatomy.num_heads, -1)).amax(dim=(0, 2))
    # layers of ALBERT share the columns: head 2 is alive in the first
    alive = [True, False, anatomy.shared, True]
    assert (by_head > 1e-4).tolist() == alive


def test_the_same_seeds_give_the_same_weights(encoder):
    assert same(weights(train(encoder)), weights(train(encoder)))


def test_the_seeds_are_apart(encoder):
    """Init decides the head before the first step; order decides what the steps see."""
    still = replace(RECIPE, learning_rate=1e-30)

    def differing(one, other):
        return {name for name in one if not torch.allclose(one[name], other[name], atol=1e-6)}

    base = weights(train(encoder, still))
    assert differing(base, weights(train(encoder, still, order=2))) == set()
    assert differing(base, weights(train(encoder, still, init=2))) == {"classifier.weight"}
    assert not same(weights(train(encoder)), weights(train(encoder, order=2)))


def test_a_mask_of_ones_changes_nothing(encoder):
    assert same(weights(train(encoder)), weights(train(encoder, subnetwork=mask(encoder))))


def test_a_masked_unit_is_dead_all_through_training(encoder):
    """Its projection gets no gradient, so it stays as it was pretrained."""
    dead = mask(encoder, heads=[(0, 1)], mlps=[1])
    before = load_classifier(str(encoder), toy_parts().spec, new_head=True, seed=1).state_dict()
    after = weights(train(encoder, subnetwork=dead))
    size = 8
    name = "bert.encoder.layer.0.attention.output.dense.weight"
    columns = slice(size, 2 * size)
    assert torch.equal(after[name][:, columns], before[name][:, columns])
    assert not torch.equal(after[name][:, :size], before[name][:, :size])
    assert torch.equal(
        after["bert.encoder.layer.1.output.dense.weight"],
        before["bert.encoder.layer.1.output.dense.weight"],
    )
    for part in ("query", "key", "value"):
        name = f"bert.encoder.layer.0.attention.self.{part}.weight"
        assert torch.equal(after[name][columns], before[name][columns]), part
    assert not same(after, weights(train(encoder)))


def test_gates_are_gone_after_training(encoder):
    trained = train(encoder, subnetwork=mask(encoder, heads=[(0, 1)], mlps=[1]))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in trained.model.modules())


def test_untrained_starts_from_random_weights(encoder):
    still = replace(RECIPE, learning_rate=1e-30)
    pretrained, fresh = train(encoder, still), train(encoder, still, start="random")
    assert pretrained.fingerprint != fresh.fingerprint


def test_truncated_examples_are_counted(encoder):
    parts = toy_parts()
    assert train(encoder, parts=parts).n_truncated == 0
    short = train(encoder, replace(RECIPE, max_length=8), parts=parts)
    assert 0 < short.n_truncated <= len(parts.train)


def test_a_length_above_the_positions_is_refused(encoder):
    with pytest.raises(ConfigError, match="4096"):
        train(encoder, replace(RECIPE, max_length=4096))


def test_progress_reaches_the_end(encoder):
    seen = []
    train(encoder, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(step, 6) for step in range(1, 7)]


def test_the_random_state_of_the_process_is_left_alone(encoder):
    def draw():
        return torch.rand(2).tolist(), np.random.rand(2).tolist(), random.random()  # noqa: NPY002

    def start():
        torch.manual_seed(3)
        np.random.seed(3)  # noqa: NPY002
        random.seed(3)

    start()
    expected = draw()
    start()
    train(encoder)
    assert draw() == expected


def test_it_writes_nothing(encoder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train(encoder)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("classes", [1, 3])
def test_regression_and_several_classes(encoder, classes):
    parts = toy_parts(classes, train=128)
    trained = train(encoder, LEARNING, parts=parts)
    found = evaluate(trained.model, trained.tokenizer, parts.report, parts.spec)
    assert found.metrics["pearson" if classes == 1 else "accuracy"] > 0.7


def test_bfloat16_is_close_to_float32(encoder):
    exact, coarse = train(encoder), train(encoder, replace(RECIPE, precision="bfloat16"))
    name = "bert.encoder.layer.0.output.dense.weight"
    assert weights(coarse)[name].dtype == torch.float32
    difference = (weights(exact)[name] - weights(coarse)[name]).abs().max()
    assert 0 < difference < 0.02


def test_a_probed_head_starts_better_than_a_random_one(encoder):
    parts = toy_parts(train=128)
    still = replace(RECIPE, learning_rate=1e-30)
    scores = {}
    for head in ("random", "probed"):
        trained = train(encoder, replace(still, head=head), parts=parts)
        scores[head] = evaluate(trained.model, trained.tokenizer, parts.train, parts.spec).metrics
    assert scores["probed"]["accuracy"] > scores["random"]["accuracy"] + 0.1


def test_training_that_fails_is_called_diverged(encoder):
    assert train(encoder, replace(RECIPE, learning_rate=0.5, epochs=1)).diverged
