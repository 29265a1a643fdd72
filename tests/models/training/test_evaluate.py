"""Scores are those of a plain loop, whatever the batch, the order and the mask."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score
from subprobe.data.errors import MaskError
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.gates import gated
from subprobe.models.masks.subnetwork import full_subnetwork
from subprobe.models.smaller.shrink import shrink
from subprobe.models.training.evaluate import evaluate
from tiers import mostly_slow
from tiny import FAMILIES, TOKENIZER_OF, tiny_model, tiny_tokenizer
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
    with pytest.raises(MaskError, match="lost"):
        evaluate(shrink(model, mask), tokenizer, examples, spec, subnetwork=other_half(model))


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
