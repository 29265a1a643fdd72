"""Learned gates: they keep what matters, drop the rest, repeat themselves, leave nothing behind."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from masked_texts import masked_parts
from subprobe.data.errors import ConfigError, InputError
from subprobe.data.masking.masked_batches import MaskedBatches
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.encoder.fingerprint import weights_fingerprint
from subprobe.models.masks.subnetwork import Subnetwork, full_subnetwork
from subprobe.models.training.evaluate import evaluate
from subprobe.models.training.recipes import Recipe
from subprobe.pruning.learned.learned_gates import L0Options, learn_gates
from tiers import mostly_slow
from tiny import FAMILIES, TOKENIZER_OF, tiny_model, tiny_tokenizer
from toy_parts import toy_parts

pytestmark = pytest.mark.slow

RECIPE = Recipe(learning_rate=1e-3, epochs=1, max_length=64)
PLANTED = ((0, 2), (1, 1))
QUICK = L0Options(penalty=0.05, learning_rate=0.2, epochs=2, batch_size=8)
SLOW = replace(QUICK, epochs=12)


@pytest.fixture(scope="module")
def tokenizer():
    return tiny_tokenizer("wordpiece")


def labels_of(model, tokenizer, parts):
    found = evaluate(model, tokenizer, parts.train, parts.spec)
    return found.logits, found.labels


@pytest.fixture(scope="module")
def planted(tokenizer):
    """A classifier in which only `PLANTED` heads reach the residual, and what it says itself.

    The labels are its own answers, split at the median so that both occur.
    """
    model, parts = tiny_model("bert", "classification"), toy_parts(train=96)
    anatomy = anatomy_of(model)
    with torch.no_grad():
        for layer in range(anatomy.num_layers):
            weight = anatomy.attention_projection(model, layer).weight
            for head in range(anatomy.num_heads):
                columns = slice(head * anatomy.head_size, (head + 1) * anatomy.head_size)
                weight[:, columns] *= 3.0 if (layer, head) in PLANTED else 0.0
        logits, _ = labels_of(model, tokenizer, parts)
        margin = logits[:, 1] - logits[:, 0]
        model.classifier.bias[1] -= float(np.median(margin))
        scale = 4.0 / margin.std()
        model.classifier.weight *= scale
        model.classifier.bias *= scale
    answers = (margin > np.median(margin)).astype(int)
    train = tuple(replace(e, label=int(a)) for e, a in zip(parts.train, answers, strict=True))
    return model, replace(parts, train=train)


def cross_entropy(model, tokenizer, parts, subnetwork=None):
    """Mean over the training examples, in nats."""
    found = evaluate(model, tokenizer, parts.train, parts.spec, subnetwork=subnetwork)
    likely = np.exp(found.logits) / np.exp(found.logits).sum(1, keepdims=True)
    return float(-np.log(likely[np.arange(len(likely)), found.labels]).mean())


def without(model, head):
    full = full_subnetwork(anatomy_of(model), kind="good", method="l0")
    mask = full.head_mask.copy()
    mask[head] = False
    return full.with_meta(head_mask=mask)


def learnt(planted, tokenizer, options, **more):
    model, parts = planted
    return learn_gates(model, tokenizer, parts, options, RECIPE, **more)


def test_heads_that_matter_stay_and_the_others_go(planted, tokenizer):
    model, parts = planted
    whole = cross_entropy(model, tokenizer, parts)
    worth = [cross_entropy(model, tokenizer, parts, without(model, h)) - whole for h in PLANTED]
    # every planted head is worth several times what it costs, every other one nothing
    penalty = min(worth) / 5
    assert penalty > 0.01
    assert cross_entropy(model, tokenizer, parts, without(model, (0, 0))) == pytest.approx(whole)
    found = learnt(planted, tokenizer, replace(SLOW, penalty=penalty))
    assert {tuple(h) for h in np.argwhere(found.subnetwork.head_mask)} == set(PLANTED)
    assert found.subnetwork.mlp_mask.all()
    assert found.flag == ""


def test_without_a_penalty_every_head_stays(planted, tokenizer):
    found = learnt(planted, tokenizer, replace(QUICK, penalty=0))
    assert found.subnetwork.head_mask.all()
    assert found.flag == ""
    assert found.subnetwork.history[-1]["penalty"] == 0


def test_a_huge_penalty_leaves_nothing_and_is_flagged(planted, tokenizer):
    found = learnt(planted, tokenizer, replace(SLOW, penalty=1000.0))
    assert not found.subnetwork.head_mask.any()
    assert found.subnetwork.mlp_mask.all()
    assert found.flag == "degenerate"
    assert found.subnetwork.history[-1]["open"] == 0


@pytest.mark.parametrize(
    ("penalties", "seeds"),
    mostly_slow([((0.0, 1.0), 1), ((0.0, 0.01, 0.1, 1.0), 3)], [((0.0, 1.0), 1)]),
)
def test_a_higher_penalty_keeps_no_more_in_expectation(planted, tokenizer, penalties, seeds):
    """Mean over seeds of the expected number of open heads."""
    means = []
    for penalty in penalties:
        left = [
            learnt(planted, tokenizer, replace(QUICK, penalty=penalty, epochs=3, seed=seed))
            for seed in range(seeds)
        ]
        means.append(np.mean([found.subnetwork.history[-1]["expected_open"] for found in left]))
    assert means == sorted(means, reverse=True)
    assert means[0] > means[-1] + 1


def test_the_history_says_what_happened(planted, tokenizer):
    found = learnt(planted, tokenizer, QUICK, seeds=(3, 4), model_name="m")
    history = found.subnetwork.history
    assert [record["epoch"] for record in history] == [1, 2]
    assert history[0]["lambda"] == 0.05
    assert (history[0]["frozen"], history[0]["batch_size"], history[0]["seed"]) == (True, 8, 0)
    for record in history:
        assert record["penalty"] == pytest.approx(0.05 * record["expected_open"])
        assert 0 < record["expected_open"] < 8
        assert record["loss"] > 0
    last = history[-1]
    assert last["open"] == (found.gates > 0).sum() == found.subnetwork.n_heads
    assert last["partly"] == ((found.gates > 0) & (found.gates < 1)).sum()
    mask = found.subnetwork
    assert (mask.kind, mask.method, mask.importance, mask.selection) == (
        "good",
        "l0",
        "l0",
        "train",
    )
    assert (mask.task, mask.model, mask.seed_init, mask.seed_order) == ("toy", "m", 3, 4)


def test_the_first_loss_is_that_of_gates_drawn_by_the_seed(planted, tokenizer):
    """One step over all examples, against weights scaled by a plain second implementation."""
    model, parts = tiny_model("bert", "classification"), planted[1]
    options = replace(QUICK, epochs=1, batch_size=len(parts.train), seed=5)
    found = learn_gates(model, tokenizer, parts, options, RECIPE)
    generator = torch.Generator().manual_seed(5)
    torch.randperm(len(parts.train), generator=generator)
    u = torch.rand(2, 4, generator=generator)
    gate = (1 / (1 + torch.exp(-(u.log() - (1 - u).log() + 2.5) / 0.33))) * 1.2 - 0.1
    whole = cross_entropy(model, tokenizer, parts)
    anatomy = anatomy_of(model)
    with torch.no_grad():
        for layer in range(anatomy.num_layers):
            factor = gate[layer].clamp(0, 1).repeat_interleave(anatomy.head_size)
            anatomy.attention_projection(model, layer).weight *= factor
    expected = cross_entropy(model, tokenizer, parts)
    assert found.subnetwork.history[0]["loss"] == pytest.approx(expected, abs=1e-5)
    assert abs(expected - whole) > 1e-3


def test_the_same_seed_gives_the_same_bytes(planted, tokenizer, tmp_path):
    one, other = (learnt(planted, tokenizer, QUICK) for _ in range(2))
    assert one.subnetwork.to_bytes() == other.subnetwork.to_bytes()
    assert np.array_equal(one.log_a, other.log_a)
    different = learnt(planted, tokenizer, replace(QUICK, seed=1))
    assert not np.array_equal(one.log_a, different.log_a)
    one.subnetwork.save(tmp_path / "m.safetensors")
    assert Subnetwork.load(tmp_path / "m.safetensors") == one.subnetwork


@pytest.mark.parametrize("frozen", [True, False])
def test_the_given_model_is_left_as_it_was(planted, tokenizer, frozen):
    model, _ = planted
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    found = learnt(planted, tokenizer, replace(QUICK, frozen=frozen))
    assert torch.equal(torch.rand(2), expected)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in found.model.modules())
    assert not model.training
    assert not found.model.training
    assert found.subnetwork.fingerprint == weights_fingerprint(found.model)
    assert (found.model is model) == frozen


def test_a_trained_encoder_learns_beside_its_gates(planted, tokenizer):
    """Fixed gates of ones at first: what is gained is the encoder's."""
    model, parts = planted
    flipped = tuple(replace(e, label=1 - e.label) for e in parts.train)
    parts = replace(parts, train=flipped)
    options = replace(QUICK, penalty=0.0, learning_rate=1e-9, epochs=4, frozen=False)
    recipe = replace(RECIPE, learning_rate=3e-3)
    found = learn_gates(model, tokenizer, parts, options, recipe)
    before = cross_entropy(model, tokenizer, parts)
    assert cross_entropy(found.model, tokenizer, parts) < 0.7 * before
    assert weights_fingerprint(found.model) != weights_fingerprint(model)
    again = learn_gates(model, tokenizer, parts, options, recipe)
    assert found.subnetwork.to_bytes() == again.subnetwork.to_bytes()


@pytest.mark.parametrize("frozen", [True, False])
def test_a_loss_that_is_no_number_is_flagged(planted, tokenizer, frozen):
    model = tiny_model("bert", "classification")
    with torch.no_grad():
        model.classifier.bias[0] = float("nan")
    parts = planted[1]
    found = learn_gates(model, tokenizer, parts, replace(QUICK, frozen=frozen), RECIPE)
    assert found.flag == "diverged"
    assert (found.log_a == 2.5).all()
    assert len(found.subnetwork.history) == 1
    assert found.subnetwork.history[0]["loss"] is None
    # the gates are those before the step: the whole model
    assert found.subnetwork.head_mask.all()


@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
def test_every_family_has_gates_that_learn(family):
    tokenizer = tiny_tokenizer(TOKENIZER_OF[family])
    model, parts = tiny_model(family, "classification"), toy_parts()
    options = replace(QUICK, penalty=0.0, epochs=4)
    found = learn_gates(model, tokenizer, parts, options, RECIPE)
    # without a penalty only the loss can move them, each head its own way
    assert len(np.unique(found.log_a.round(4))) > 4


def test_regression_and_bfloat16(tokenizer):
    model, parts = tiny_model("bert", "classification", num_labels=1), toy_parts(1)
    exact = learn_gates(model, tokenizer, parts, QUICK, RECIPE)
    coarse = learn_gates(model, tokenizer, parts, QUICK, replace(RECIPE, precision="bfloat16"))
    assert exact.flag == coarse.flag == ""
    losses = [one.subnetwork.history[0]["loss"] for one in (exact, coarse)]
    assert losses[0] == pytest.approx(losses[1], rel=0.1)
    assert losses[0] != losses[1]


def test_progress_reaches_the_end(planted, tokenizer):
    seen = []
    learnt(planted, tokenizer, replace(QUICK, batch_size=40), progress=lambda *at: seen.append(at))
    assert seen == [(step, 6) for step in range(1, 7)]


def test_examples_without_labels_are_refused(planted, tokenizer):
    model, parts = planted
    bare = replace(parts, train=tuple(replace(e, label=None) for e in parts.train))
    with pytest.raises(InputError, match="label"):
        learn_gates(model, tokenizer, bare, QUICK, RECIPE)


@pytest.mark.parametrize(
    "wrong",
    [
        {"penalty": -0.1},
        {"penalty": float("nan")},
        {"penalty": float("inf")},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"epochs": 0},
        {"batch_size": 0},
    ],
    ids=str,
)
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError):
        L0Options(**{"penalty": 0.1, **wrong})


def test_each_epoch_of_a_masked_task_has_masks_of_its_own(tokenizer, monkeypatch):
    read, batch = {}, MaskedBatches.batch

    def noted(self, index):
        found = batch(self, index)
        for row, place in enumerate(index):
            read.setdefault(place, []).append(found.labels[row, :10].tolist())
        return found

    monkeypatch.setattr(MaskedBatches, "batch", noted)
    model = tiny_model("bert", "language")
    first, again = (learn_gates(model, tokenizer, masked_parts(12), QUICK, RECIPE) for _ in "ab")
    assert first.log_a.tobytes() == again.log_a.tobytes()
    assert all(len(labels) == 4 and labels[:2] == labels[2:] for labels in read.values())
    assert sum(labels[0] != labels[1] for labels in read.values()) > 6
