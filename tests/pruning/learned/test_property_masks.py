"""Masks learnt for a property: they keep what carries it, and leave the encoder as it was."""

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from labelled_sentences import (
    first_word_sentences,
    one_head_reads,
    one_neuron_writes,
    tagged_sentences,
)
from subprobe.data.encoding.labelled_words import label_words
from subprobe.data.errors import ConfigError, UnknownNameError
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.encoder.fingerprint import weights_fingerprint
from subprobe.models.masks.algebra import complement
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.pruning.learned.hard_concrete import location, mean_gate
from subprobe.pruning.learned.property_masks import learn_property, predict_hard, predict_soft
from subprobe.pruning.learned.property_options import PropertyOptions, recorded_options
from subprobe.pruning.learned.unit_gates import (
    UNITS,
    expected_open,
    expected_share,
    first_gates,
    levels_of,
)
from tiers import mostly_slow
from tiny import FAMILIES, TOKENIZER_OF, tiny_model, tiny_tokenizer

HEAD, NEURON = (0, 2), (1, 5)
QUICK = PropertyOptions(
    penalty=0.3, units="heads", readout_rate=0.05, epochs=2, batch_size=16, dropout=False
)
SLOW = replace(QUICK, epochs=12, readout_rate=0.2)


@pytest.fixture(scope="module")
def tokenizer():
    return tiny_tokenizer("wordpiece")


@pytest.fixture(scope="module")
def words(tokenizer):
    return label_words(tokenizer, tagged_sentences(24), "upos", max_length=64)


def accuracy(predictions, words):
    right = sum(int((a == b).sum()) for a, b in zip(predictions, words.gold, strict=True))
    return right / words.n_words


def refitted(found, mask):
    """The same read-out under another mask."""
    return replace(found, subnetwork=mask)


def test_the_head_that_carries_a_property_stays_and_its_complement_fails(tokenizer):
    model = one_head_reads(HEAD)
    words = label_words(tokenizer, first_word_sentences(48), "upos", max_length=64)
    found = learn_property(model, words, SLOW)
    assert [tuple(one) for one in np.argwhere(found.subnetwork.head_mask)] == [HEAD]
    assert found.subnetwork.mlp_mask.all()
    assert accuracy(predict_soft(model, found, words), words) > 0.95
    assert accuracy(predict_hard(model, found, words), words) > 0.95
    rest = complement(found.subnetwork, levels_of("heads"))
    assert rest.n_heads == 7
    assert rest.mlp_mask.all()
    # one word tells nothing of the first one
    assert accuracy(predict_hard(model, refitted(found, rest), words), words) < 0.7


def test_the_neuron_that_carries_a_property_stays_and_its_complement_fails(tokenizer):
    model = one_neuron_writes(NEURON)
    sentences = tagged_sentences(48)
    words = label_words(tokenizer, sentences, "upos", max_length=64)
    with torch.no_grad():
        batch = next(words.batches(48))
        states = model(batch.texts.input_ids, batch.texts.attention_mask).last_hidden_state
        high = batch.pick(states)[:, 0]
    assert batch.pick(states)[:, 1:].std(0).max() < 1e-5
    tags = iter(np.where(high > high.median(), "NOUN", "VERB").tolist())
    sentences = [replace(one, upos=tuple(next(tags) for _ in one.words)) for one in sentences]
    words = label_words(tokenizer, sentences, "upos", max_length=64)
    found = learn_property(model, words, replace(SLOW, penalty=2, units="neurons", epochs=40))
    kept = found.subnetwork.neuron_mask
    assert kept[NEURON]
    # the others of its layer write nothing that is read; those before decide what it sees
    assert kept[1].sum() < 16
    hard = accuracy(predict_hard(model, found, words), words)
    assert hard > 0.9
    rest = complement(found.subnetwork, levels_of("neurons"))
    assert rest.mlp_mask.all()
    assert accuracy(predict_hard(model, refitted(found, rest), words), words) < hard - 0.2


def test_the_expected_l0_norm_is_its_formula(words):
    """Louizos et al. (2018), equation 12, in loops; the share is a mean of means (Cao et al.)."""
    model = tiny_model("bert")
    gates = first_gates(model, "heads-neurons", 0.0)
    generator = torch.Generator().manual_seed(1)
    gates = {name: torch.randn(one.shape, generator=generator) for name, one in gates.items()}
    chance = {
        name: [
            1 / (1 + math.exp(-(log_a - 2 / 3 * math.log(0.1 / 1.1))))
            for log_a in one.flatten().tolist()
        ]
        for name, one in gates.items()
    }
    assert {name: len(one) for name, one in chance.items()} == {"heads": 8, "neurons": 96}
    plain = sum(sum(one) for one in chance.values())
    assert expected_open(gates, 2 / 3) == pytest.approx(plain, abs=1e-4)
    share = sum(sum(one) / len(one) for one in chance.values()) / 2
    assert float(expected_share(gates, 2 / 3)) == pytest.approx(share, abs=1e-6)
    found = learn_property(model, words, QUICK)
    last = found.subnetwork.history[-1]
    assert last["penalty"] == pytest.approx(0.3 * found.share, abs=1e-6)
    assert last["expected_open"] == pytest.approx(8 * found.share, abs=1e-4)


def test_training_starts_and_warms_up_as_published():
    start = torch.tensor(location(0.9), dtype=torch.float64)
    assert float(start) == pytest.approx(1.6094, abs=1e-4)
    assert float(mean_gate(start)) == pytest.approx(0.9)
    options, steps = PropertyOptions(penalty=2.0), 400
    for processed in range(steps):
        ratio = max(0, min(1, (processed - 0.25 * steps) / (0.5 * steps)))
        assert options.penalty_at(processed, steps) == pytest.approx(2 * ratio)
        assert options.rate_at(processed, steps) == pytest.approx(min(1, processed / (0.1 * steps)))
    assert (options.mask_rate, options.readout_rate, options.epochs) == (0.2, 5e-5, 20)
    assert (options.batch_size, options.units) == (32, "weights")
    at_once = PropertyOptions(warmup=0, free=0.5, rise=0)
    assert [at_once.penalty_at(step, 4) for step in range(4)] == [0, 0, 1, 1]
    assert at_once.rate_at(0, 4) == 1


def test_the_embedded_encoder_has_a_recipe_of_its_own():
    assert recorded_options("embedded", {}).readout_rate > 1e-3
    assert recorded_options("embedded", {"readout_rate": 0.1}).readout_rate == 0.1


def test_a_hardened_mask_of_weights_is_the_model_with_weights_zeroed(words):
    model = tiny_model("bert")
    found = learn_property(model, words, replace(QUICK, penalty=20, units="weights", epochs=8))
    mask = found.subnetwork
    assert set(mask.weight_masks) == set(first_gates(model, "weights", 0.0))
    assert 0 < mask.sparsity("weights") < 1
    zeroed = copy.deepcopy(model)
    with torch.no_grad():
        for path, kept in mask.weight_masks.items():
            zeroed.get_submodule(path).weight *= torch.tensor(kept)
        expected = []
        for batch in words.batches(7):
            states = zeroed(
                batch.texts.input_ids, batch.texts.attention_mask, batch.texts.token_type_ids
            ).last_hidden_state
            scores = batch.pick(states) @ found.readout.weight.T + found.readout.bias
            expected += scores.argmax(-1).tolist()
    said = np.concatenate(predict_hard(model, found, words)).tolist()
    assert said == expected
    assert len(set(said)) > 1


@pytest.mark.parametrize("units", UNITS)
def test_the_same_seed_gives_the_same_bytes(words, units, tmp_path):
    model, options = tiny_model("bert"), replace(QUICK, units=units, dropout=True, epochs=1)
    one, again = (learn_property(model, words, options) for _ in range(2))
    assert one.subnetwork.to_bytes() == again.subnetwork.to_bytes()
    assert torch.equal(one.readout.weight, again.readout.weight)
    other = learn_property(model, words, replace(options, seed=1))
    assert other.subnetwork.to_bytes() != one.subnetwork.to_bytes()
    one.subnetwork.save(tmp_path / "m.safetensors")
    assert Subnetwork.load(tmp_path / "m.safetensors") == one.subnetwork
    mask = one.subnetwork
    assert (mask.kind, mask.method, mask.task, mask.selection) == ("good", "l0", "upos", "train")
    assert (mask.neuron_mask is not None) == ("neurons" in levels_of(units))
    assert bool(mask.weight_masks) == (units == "weights")
    mask.check_fits(anatomy_of(model), weights_fingerprint(model))


def test_the_frozen_encoder_is_left_bit_by_bit_as_it_was(words):
    model = tiny_model("bert")
    names = [name for name, _ in model.named_parameters()]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    for units in UNITS:
        found = learn_property(model, words, replace(QUICK, units=units, dropout=True, epochs=1))
        predict_soft(model, found, words)
        predict_hard(model, found, words)
    assert torch.equal(torch.rand(2), expected)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [name for name, _ in model.named_parameters()] == names
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert not model.training


def test_without_a_penalty_more_stays_than_with_a_large_one(words):
    model = tiny_model("bert")
    left = [
        learn_property(model, words, replace(QUICK, penalty=penalty, epochs=12))
        for penalty in (0.0, 50.0)
    ]
    assert left[0].expected > left[1].expected + 1
    assert left[1].flag == "degenerate"
    assert not left[1].subnetwork.head_mask.any()
    assert left[0].subnetwork.history[-1]["penalty"] == 0


def test_a_loss_that_is_no_number_is_flagged(words):
    model = tiny_model("bert")
    with torch.no_grad():
        model.encoder.layer[1].output.LayerNorm.bias[0] = float("nan")
    found = learn_property(model, words, QUICK)
    assert found.flag == "diverged"
    assert found.subnetwork.history[0]["loss"] is None
    assert found.subnetwork.head_mask.all()


@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
def test_every_family_has_gates_that_learn(family):
    tokenizer = tiny_tokenizer(TOKENIZER_OF[family])
    words = label_words(tokenizer, tagged_sentences(12), "upos", max_length=64)
    model = tiny_model(family)
    for units in ("weights", "heads-neurons"):
        found = learn_property(model, words, replace(QUICK, units=units, penalty=0.0))
        # without a penalty only the loss can move them, each gate its own way
        assert all(len(one.unique()) > min(4, one.numel() // 2) for one in found.log_a.values())


def test_progress_reaches_the_end(words):
    seen = []
    learn_property(
        tiny_model("bert"),
        words,
        replace(QUICK, batch_size=10),
        progress=lambda *at: seen.append(at),
    )
    assert seen == [(step, 6) for step in range(1, 7)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"penalty": -0.1},
        {"penalty": float("nan")},
        {"mask_rate": 0.0},
        {"readout_rate": float("inf")},
        {"epochs": 0},
        {"batch_size": 0},
        {"free": 1.5},
        {"threshold": 1.0},
    ],
    ids=str,
)
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError):
        PropertyOptions(**wrong)


def test_unknown_units_are_refused():
    with pytest.raises(UnknownNameError, match="heads-neurons"):
        PropertyOptions(units="layers")
