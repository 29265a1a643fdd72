"""Scores are those of a plain loop, whatever the batch, the order and the mask."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from model_state import PlantedError, failing_at, model_state, weights_of
from sklearn.metrics import accuracy_score
from subprobe.data.encoding.collate import text_batches, to_inputs
from subprobe.data.errors import MaskError
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.gates import gated
from subprobe.models.masks.subnetwork import full_subnetwork
from subprobe.models.smaller.shrink import shrink
from subprobe.models.training.evaluate import Scorer, evaluate
from tiers import mostly_slow
from tiny import FAMILIES, SEPARABLE, TOKENIZER_OF, tiny_model, tiny_tokenizer
from toy_parts import toy_examples, toy_spec


def parts(family="bert", classes=3):
    model = tiny_model(family, head="classification", num_labels=classes)
    return model, tiny_tokenizer(TOKENIZER_OF[family]), toy_examples(20, classes), toy_spec(classes)


def half(model):
    full = full_subnetwork(anatomy_of(model), kind="good", method="structured")
    heads = np.array([[True, False, True, False]] * 2)
    return replace(full, head_mask=heads, mlp_mask=np.array([True, False]))


def other_half(model):
    mask = half(model)
    return replace(mask, head_mask=~mask.head_mask, mlp_mask=~mask.mlp_mask)


def plain_logits(model, tokenizer, examples, subnetwork=None):
    """One example at a time, without padding [N, K]."""
    rows = []
    with torch.no_grad(), gated(model, subnetwork):
        for example in examples:
            inputs = tokenizer(*example.texts(), return_tensors="pt")
            rows.append(model(**inputs).logits[0].double().numpy())
    return np.array(rows)


@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
@pytest.mark.parametrize("masked", [False, True])
def test_logits_are_those_of_a_plain_loop(family, masked):
    model, tokenizer, examples, spec = parts(family)
    mask = half(model) if masked else None
    expected = plain_logits(model, tokenizer, examples, mask)
    found = evaluate(model, tokenizer, examples, spec, subnetwork=mask, batch_size=6)
    np.testing.assert_allclose(found.logits, expected, atol=1e-4)
    assert found.ids == tuple(example.id for example in examples)
    gold = [example.label for example in examples]
    assert found.metrics["accuracy"] == accuracy_score(gold, expected.argmax(1))
    if masked:
        unmasked = plain_logits(model, tokenizer, examples)
        assert np.abs(unmasked - expected).max() > 1e-2
        assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_a_compact_model_is_scored_as_the_masked_one():
    model, tokenizer, examples, spec = parts()
    mask = half(model)
    expected = evaluate(model, tokenizer, examples, spec, subnetwork=mask)
    found = evaluate(shrink(model, mask), tokenizer, examples, spec, subnetwork=mask)
    np.testing.assert_allclose(found.logits, expected.logits, atol=1e-5)
    # what is gone cannot be asked for
    with pytest.raises(MaskError, match="units that the smaller model does not have"):
        evaluate(shrink(model, mask), tokenizer, examples, spec, subnetwork=other_half(model))


def masks_of(model):
    """The whole model, and masks of heads, MLPs, neurons and single weights."""
    anatomy = anatomy_of(model)
    neurons = np.arange(2 * anatomy.num_neurons).reshape(2, -1) % 3 > 0
    path = f"{anatomy.blocks[0]}.{anatomy.row.mlp_down}"
    shape = anatomy.mlp_output(model, 0).weight.shape
    kept = np.random.default_rng(0).random(tuple(shape)) < 0.5
    nothing = replace(half(model), head_mask=np.zeros((2, 4), dtype=bool))
    return [
        None,
        half(model),
        other_half(model),
        nothing,
        replace(full_subnetwork(anatomy), neuron_mask=neurons),
        full_subnetwork(anatomy).with_meta(weight_masks={path: kept}),
    ]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_mask_gives_the_logits_of_gates_on_the_whole_model(family):
    model, tokenizer, examples, spec = parts(family)
    scorer = Scorer(model, tokenizer, examples, spec, batch_size=6)
    batches = text_batches(tokenizer, examples, batch_size=6, max_length=128)
    before, weights = model_state(model), weights_of(model)
    effects = []
    for mask in masks_of(model):
        expected = np.zeros((len(examples), 3))
        with gated(model, mask), torch.inference_mode():
            for batch in batches:
                expected[list(batch.index)] = model(**to_inputs(batch)).logits.double().numpy()
        found = scorer.score(mask)
        np.testing.assert_allclose(found.logits, expected, atol=1e-5)
        effects.append(expected)
        assert model_state(model) == before
        assert all(torch.equal(weights[name], one) for name, one in model.state_dict().items())
    for number, one in enumerate(effects):
        for other in effects[:number]:
            assert np.abs(one - other).max() > 1e-3


def test_a_score_does_not_depend_on_those_before_to_the_last_bit():
    model, tokenizer, examples, spec = parts()
    masks = masks_of(model)
    alone = [evaluate(copy.deepcopy(model), tokenizer, examples, spec, subnetwork=m) for m in masks]
    scorer = Scorer(model, tokenizer, examples, spec)
    for place in [5, 1, 0, 4, 1, 3, 2, 0, 5, 4]:
        found = scorer.score(masks[place])
        np.testing.assert_array_equal(found.logits, alone[place].logits)
        assert found.metrics == alone[place].metrics


@pytest.mark.parametrize("family", ["bert", "albert"])
def test_the_model_is_left_as_it_was_when_scoring_fails(family):
    model, tokenizer, examples, spec = parts(family)
    model.train()
    model.base_model.embeddings.eval()  # modules may be in different modes
    scorer = Scorer(model, tokenizer, examples, spec, batch_size=6)
    before, weights = model_state(model), weights_of(model)
    classes = [type(module) for module in model.modules()]
    for mask in masks_of(model):
        with failing_at(model, lambda number: number == 2), pytest.raises(PlantedError):
            scorer.score(mask)
        assert model_state(model) == before
        assert [type(module) for module in model.modules()] == classes
        assert all(torch.equal(weights[name], one) for name, one in model.state_dict().items())
        assert {p.shape for p in model.parameters()} == {w.shape for w in weights.values()}
    with pytest.raises(MaskError):
        scorer.score(full_subnetwork(anatomy_of(tiny_model(family, layers=3))))
    assert model_state(model) == before


@pytest.mark.parametrize("family", ["bert", "albert"])
def test_dead_units_are_taken_out_where_they_can_be(family, monkeypatch):
    model, tokenizer, examples, spec = parts(family)
    widths, run = set(), torch.nn.Linear.forward

    def forward(self, states):
        widths.add(self.out_features)
        return run(self, states)

    monkeypatch.setattr(torch.nn.Linear, "forward", forward)
    evaluate(model, tokenizer, examples, spec, subnetwork=half(model))
    assert (0 in widths) == (family in SEPARABLE)  # the second MLP is dead


def test_batch_size_and_order_do_not_matter():
    model, tokenizer, examples, spec = parts()
    whole = evaluate(model, tokenizer, examples, spec, batch_size=64)
    single = evaluate(model, tokenizer, examples, spec, batch_size=1)
    np.testing.assert_allclose(whole.logits, single.logits, atol=1e-5)
    back = evaluate(model, tokenizer, examples[::-1], spec, batch_size=7)
    np.testing.assert_allclose(back.logits[::-1], whole.logits, atol=1e-5)


def test_the_mode_of_the_model_is_restored():
    model, tokenizer, examples, spec = parts()
    model.train()
    first = evaluate(model, tokenizer, examples, spec)
    assert model.training
    model.eval()
    second = evaluate(model, tokenizer, examples, spec)
    assert not model.training
    np.testing.assert_array_equal(first.logits, second.logits)


def test_items_hold_the_probability_of_the_gold_class():
    model, tokenizer, examples, spec = parts()
    found = evaluate(model, tokenizer, examples, spec)
    items = found.items()
    probabilities = torch.softmax(torch.from_numpy(found.logits), 1).numpy()
    gold = [example.label for example in examples]
    np.testing.assert_allclose(items["score"], probabilities[range(len(gold)), gold])
    assert items["prediction"].tolist() == found.logits.argmax(1).tolist()
    assert items["gold"].tolist() == gold
    assert items["item_id"].tolist() == [example.id for example in examples]


def test_regression_gives_numbers():
    model, tokenizer, examples, spec = parts(classes=1)
    found = evaluate(model, tokenizer, examples, spec)
    gold = np.array([example.label for example in examples])
    assert found.metrics["pearson"] == pytest.approx(np.corrcoef(found.logits[:, 0], gold)[0, 1])
    np.testing.assert_allclose(found.items()["score"], -np.abs(found.logits[:, 0] - gold))


def test_truncated_examples_are_counted():
    model, tokenizer, examples, spec = parts()
    lengths = [len(tokenizer(*example.texts())["input_ids"]) for example in examples]
    found = evaluate(model, tokenizer, examples, spec, max_length=9)
    assert found.n_truncated == sum(length > 9 for length in lengths) > 0
