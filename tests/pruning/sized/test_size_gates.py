"""Gates learned towards a size: they keep what the full model needs, and meet the size exactly."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from subprobe.data.errors import ConfigError, UnknownNameError
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.encoder.fingerprint import weights_fingerprint
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.models.training.evaluate import evaluate
from subprobe.models.training.recipes import Recipe
from subprobe.pruning.learned.gate_forms import FORMS
from subprobe.pruning.sized.size_gates import learn_to_size
from subprobe.pruning.sized.size_options import SizeOptions
from subprobe.pruning.sized.soft_scores import soft_logits
from tiny import tiny_model, tiny_tokenizer
from toy_parts import toy_parts

RECIPE = Recipe(learning_rate=1e-3, epochs=1, max_length=32)
PLANTED = ((0, 2), (1, 1))
QUICK = SizeOptions(0.5, epochs=1, batch_size=12)


@pytest.fixture(scope="module")
def tokenizer():
    return tiny_tokenizer("wordpiece")


@pytest.fixture(scope="module")
def model():
    return tiny_model("bert", "classification")


def learnt(model, tokenizer, options, train=24, parts=None, **more):
    return learn_to_size(model, tokenizer, parts or toy_parts(train=train), options, RECIPE, **more)


@pytest.mark.parametrize("form", FORMS)
def test_heads_that_the_full_model_needs_are_kept(tokenizer, form):
    """Only `PLANTED` heads reach the residual: a target of two heads finds them by KL alone."""
    model = tiny_model("bert", "classification")
    anatomy = anatomy_of(model)
    with torch.no_grad():
        for layer in range(anatomy.num_layers):
            weight = anatomy.attention_projection(model, layer).weight
            for head in range(anatomy.num_heads):
                columns = slice(head * anatomy.head_size, (head + 1) * anatomy.head_size)
                weight[:, columns] *= 3.0 if (layer, head) in PLANTED else 0.0
        model.classifier.weight *= 4
    options = SizeOptions(
        0.25, form=form, units="heads", epochs=10, batch_size=12, learning_rate=0.2
    )
    found = learnt(model, tokenizer, options)
    assert {tuple(h) for h in np.argwhere(found.subnetwork.head_mask)} == set(PLANTED)
    assert found.subnetwork.mlp_mask.all()
    # the mask then is the full model
    parts = toy_parts(train=24)
    whole = evaluate(model, tokenizer, parts.train, parts.spec).logits
    under = evaluate(model, tokenizer, parts.train, parts.spec, subnetwork=found.subnetwork).logits
    assert np.abs(whole - under).max() < 1e-5


@pytest.mark.parametrize(
    ("units", "block", "level", "within"),
    [
        ("heads-mlps", "1x1", "units", 1),
        ("heads", "1x1", "heads", 1),
        ("mlps", "1x1", "mlps", 1),
        ("neurons", "1x1", "neurons", 1),
        ("weights", "8x8", "weights", 64),
        ("weights", "5x7", "weights", 35),
    ],
)
@pytest.mark.parametrize("form", FORMS)
def test_half_of_the_units_are_kept_within_one(model, tokenizer, form, units, block, level, within):
    options = replace(QUICK, form=form, units=units, block=block)
    found = learnt(model, tokenizer, options)
    kept, whole = found.subnetwork.counts()[level]
    assert abs(kept - whole / 2) < within
    assert found.subnetwork.method == form
    assert found.flag == ""
    # the blocks stay together
    rows, columns = (int(side) for side in block.split("x"))
    for mask in found.subnetwork.weight_masks.values():
        for i in range(0, mask.shape[0], rows):
            for j in range(0, mask.shape[1], columns):
                assert len(np.unique(mask[i : i + rows, j : j + columns])) == 1


def test_the_first_loss_is_the_divergence_under_gates_drawn_by_the_seed(model, tokenizer):
    """One step over all examples, against weights scaled and sums in plain numpy."""
    parts = toy_parts(train=12)
    options = replace(QUICK, units="heads", batch_size=12, seed=5)
    found = learnt(model, tokenizer, options, parts=parts)
    generator = torch.Generator().manual_seed(5)
    torch.randperm(12, generator=generator)
    u = torch.rand(2, 4, generator=generator)
    start = np.log((1 / 1.2) / (1 - 1 / 1.2))
    gate = (1 / (1 + torch.exp(-(u.log() - (1 - u).log() + start) / (2 / 3)))) * 1.2 - 0.1
    scaled = tiny_model("bert", "classification")
    anatomy = anatomy_of(scaled)
    with torch.no_grad():
        for layer in range(anatomy.num_layers):
            factor = gate[layer].clamp(0, 1).repeat_interleave(anatomy.head_size)
            anatomy.attention_projection(scaled, layer).weight *= factor

    def likely(one):
        logits = evaluate(one, tokenizer, parts.train, parts.spec).logits
        return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)

    p, q = likely(model), likely(scaled)
    expected = float((p * np.log(p / q)).sum(1).mean())
    assert found.subnetwork.history[0]["loss"] == pytest.approx(expected, abs=1e-6)
    assert expected > 1e-4


def test_of_a_regression_the_squared_difference_is_minimised(tokenizer):
    model, parts = tiny_model("bert", "classification", num_labels=1), toy_parts(1, train=12)
    near_one = replace(QUICK, units="heads", form=FORMS[1], start=1 - 1e-12)
    found = learnt(model, tokenizer, near_one, parts=parts)
    assert found.subnetwork.history[0]["loss"] == pytest.approx(0, abs=1e-9)
    by_loss = learnt(model, tokenizer, replace(near_one, criterion="loss"), parts=parts)
    logits = evaluate(model, tokenizer, parts.train, parts.spec).logits[:, 0]
    gold = np.array([example.label for example in parts.train], dtype=float)
    expected = float(((logits - gold) ** 2).mean())
    assert by_loss.subnetwork.history[0]["loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("units", "block"), [("heads-mlps", "1x1"), ("weights", "8x8")])
def test_binary_gates_score_like_their_mask(model, tokenizer, units, block):
    found = learnt(model, tokenizer, replace(QUICK, units=units, block=block))
    parts, mask = toy_parts(train=24), found.subnetwork
    kept = {"heads": mask.head_mask, "mlps": mask.mlp_mask, **mask.weight_masks}
    gates = {name: torch.tensor(one).float() for name, one in kept.items()}
    soft = soft_logits(model, gates, tokenizer, parts.train, parts.spec, max_length=32)
    hard = evaluate(model, tokenizer, parts.train, parts.spec, subnetwork=mask, max_length=32)
    assert np.abs(soft - hard.logits).max() < 1e-5
    learned = soft_logits(model, found.soft, tokenizer, parts.train, parts.spec, max_length=32)
    assert np.abs(soft - learned).max() > 1e-3


def test_the_same_seed_gives_the_same_bytes_and_leaves_the_model(model, tokenizer, tmp_path):
    before = weights_fingerprint(model)
    one, other = (learnt(model, tokenizer, QUICK, seeds=(3, 4), model_name="m") for _ in "ab")
    assert one.subnetwork.to_bytes() == other.subnetwork.to_bytes()
    different = learnt(model, tokenizer, replace(QUICK, seed=1))
    assert not torch.equal(one.locations["heads"], different.locations["heads"])
    mask = one.subnetwork
    mask.save(tmp_path / "m.safetensors")
    assert Subnetwork.load(tmp_path / "m.safetensors") == mask
    assert (mask.kind, mask.importance, mask.selection) == ("good", "hard-concrete", "train")
    assert (mask.task, mask.model, mask.seed_init, mask.seed_order) == ("toy", "m", 3, 4)
    assert weights_fingerprint(model) == before == mask.fingerprint
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert not model.training
    first = mask.history[0]
    assert (first["keep"], first["criterion"], first["target"]) == (0.5, "kl", 0.5)
    assert 0 < first["sparsity"] < 1
    assert 0 <= first["binary"] <= 1


def test_the_encoder_can_be_trained_with_its_gates(model, tokenizer):
    before = weights_fingerprint(model)
    found = learnt(model, tokenizer, replace(QUICK, frozen=False))
    assert weights_fingerprint(model) == before
    assert found.subnetwork.fingerprint == weights_fingerprint(found.model) != before


def test_a_loss_that_is_no_number_is_flagged(tokenizer):
    model = tiny_model("bert", "classification")
    with torch.no_grad():
        model.classifier.bias[0] = float("nan")
    found = learnt(model, tokenizer, QUICK)
    assert found.flag == "diverged"
    assert found.subnetwork.history[0]["loss"] is None
    assert len({float(one) for one in found.locations["heads"].ravel()}) == 1
    assert found.subnetwork.counts()["units"][0] == 5


def test_a_target_below_one_unit_is_refused(model, tokenizer):
    with pytest.raises(ConfigError, match="less than one of 2 MLPs"):
        learnt(model, tokenizer, replace(QUICK, keep=0.1, units="mlps"))


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ({"keep": 0.0}, ConfigError),
        ({"keep": 1.0}, ConfigError),
        ({"keep": float("nan")}, ConfigError),
        ({"form": "l0"}, UnknownNameError),
        ({"units": "layers"}, UnknownNameError),
        ({"criterion": "score"}, UnknownNameError),
        ({"block": "4x4"}, ConfigError),
        ({"block": "4"}, ConfigError),
        ({"learning_rate": 0.0}, ConfigError),
        ({"multiplier_rate": float("inf")}, ConfigError),
        ({"ramp": 1.5}, ConfigError),
        ({"start": 1.0}, ConfigError),
        ({"final_beta": 0.5}, ConfigError),
        ({"temperature": 0.0}, ConfigError),
        ({"epochs": 0}, ConfigError),
    ],
    ids=str,
)
def test_options_out_of_range_are_refused(wrong, kind):
    with pytest.raises(kind):
        replace(QUICK, **wrong)
