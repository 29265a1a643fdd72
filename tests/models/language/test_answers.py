"""Losses and scores of masked pieces against the model's own forward pass, one text at a time."""

from typing import Any

import numpy as np
import pytest
import torch
from masked_texts import PIECES, masked_examples, masked_parts
from random_masks import random_mask
from subprobe.data.encoding.collate import to_inputs
from subprobe.data.masking.choice import IGNORED
from subprobe.data.masking.masked_batches import masked_batches
from subprobe.data.masking.unigram import unigram_of
from subprobe.data.tasks.metrics import BITS, predictions_of
from subprobe.models.language.answers import answers, losses, piece_loss
from subprobe.models.language.new_head import train_head
from subprobe.models.masks.gates import Gates, gated
from subprobe.models.training.evaluate import Scorer, evaluate
from subprobe.pruning.importance.gate_gradients import frozen, gate_gradients
from subprobe.pruning.importance.scoring import importance_pass
from tiny import TOKENIZER_OF, tiny_model, tiny_tokenizer

COUNT = 9
SIZES: dict[str, Any] = {"batch_size": 4, "max_length": 48}


@pytest.fixture(scope="module", params=["bert", "roberta"])
def case(request):
    family = request.param
    return tiny_model(family, "language"), tiny_tokenizer(TOKENIZER_OF[family])


@pytest.fixture(scope="module")
def batches(case):
    return masked_batches(case[1], masked_examples(COUNT), PIECES, **SIZES)


def own_loss(model, batch):
    """What transformers computes for labels: the mean over all masked pieces of a batch."""
    return model(**to_inputs(batch), labels=batch.labels).loss


def test_losses_are_those_of_transformers(case, batches):
    model, _ = case
    texts = [batches.batch((n,)) for n in range(COUNT)]
    whole = batches.batch(tuple(range(COUNT)))
    with torch.no_grad():
        wanted = [own_loss(model, text).item() for text in texts]
        found = losses(answers(model, to_inputs(whole), whole.labels), whole.labels)
        mean = piece_loss(model, to_inputs(whole), whole.labels).item()
        assert mean == pytest.approx(own_loss(model, whole).item(), abs=1e-5)
    counts = [int((text.labels != IGNORED).sum()) for text in texts]
    assert min(counts) > 0
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert mean == pytest.approx(np.dot(wanted, counts) / sum(counts), abs=1e-5)


def test_a_text_without_a_masked_piece_has_no_loss_and_no_item(case, batches):
    model, _ = case
    batch = batches.batch((0, 1))
    labels = batch.labels.clone()
    labels[1] = IGNORED
    with torch.no_grad():
        found = losses(answers(model, to_inputs(batch), labels), labels)
        assert found[1] == 0
        assert found[0] > 0
        assert piece_loss(model, to_inputs(batch), torch.full_like(labels, IGNORED)) == 0


@pytest.mark.parametrize("masked", [False, True])
def test_scores_are_those_of_a_plain_loop(case, batches, masked):
    model, tokenizer = case
    mask = random_mask(2, 4, 48, 3, with_neurons=False, share=0.5) if masked else None
    found = evaluate(model, tokenizer, masked_examples(COUNT), PIECES, subnetwork=mask, **SIZES)
    right, bits, ids = [], [], []
    with torch.no_grad(), gated(model, mask):
        for number in range(COUNT):
            batch = batches.batch((number,))
            logits = model(**to_inputs(batch)).logits[0].log_softmax(-1)
            for at in torch.nonzero(batch.labels[0] != IGNORED)[:, 0].tolist():
                gold = int(batch.labels[0, at])
                right.append(int(logits[at].argmax()) == gold)
                bits.append(-logits[at, gold].item() / np.log(2))
                ids.append(f"t{number}/{at}")
    assert found.ids == tuple(ids)
    np.testing.assert_array_equal(found.predictions, right)
    np.testing.assert_allclose(found.read_by(BITS), bits, atol=1e-5)
    assert found.metrics == pytest.approx(
        {"accuracy": np.mean(right), "bits": np.mean(bits)}, abs=1e-5
    )
    items = found.items()
    np.testing.assert_allclose(items["score"].to_numpy(float), bits, atol=1e-5)
    assert list(items["sentence_id"]) == [one.split("/")[0] for one in ids]
    assert list(items["cluster_id"]) == list(items["sentence_id"])
    assert (items["gold"] == 1).all()
    train = masked_examples(30, 60)
    wanted = unigram_of(tokenizer, train).scores(found.pieces.gold)
    assert found.pieces.unigram(train) == wanted


def test_a_search_scores_as_the_evaluation_does(case, batches):
    """`importance_pass` and `Scorer` agree, whatever the batches; the gradient is of every text."""
    model, tokenizer = case
    full = [np.ones((2, 4)), np.ones(2)]
    found = importance_pass(model, batches, *full)
    scored = Scorer(model, tokenizer, masked_examples(COUNT), PIECES, **SIZES).score()
    np.testing.assert_allclose(found.logits, scored.logits, atol=1e-5)
    assert (found.labels == 1).all()
    assert predictions_of(PIECES, found.logits).tolist() == scored.predictions.tolist()
    with frozen(model):
        whole = gate_gradients(model, batches.batch(tuple(range(COUNT))), *full)
    for number in range(COUNT):
        gates = torch.ones(2, 4, requires_grad=True)
        with Gates(model, gates, torch.ones(2)):
            own_loss(model, batches.batch((number,))).backward()
        torch.testing.assert_close(whole.head[number], gates.grad, atol=1e-5, rtol=1e-3)


def test_a_new_head_is_trained_alone():
    model, tokenizer = tiny_model("bert", "language", seed=5), tiny_tokenizer("wordpiece")
    texts = masked_batches(tokenizer, masked_parts().train, PIECES, batch_size=8, max_length=48)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    batch = texts.batch(tuple(range(12)))
    loss = own_loss(model, batch).item()
    first = train_head(model, texts, seed=1)
    after = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    moved = {name for name, tensor in after.items() if not tensor.equal(before[name])}
    assert moved
    assert all(name.startswith("cls.") and "decoder.weight" not in name for name in moved)
    assert own_loss(model, batch).item() < loss
    assert all(parameter.requires_grad for parameter in model.parameters())
    model.load_state_dict(before)
    assert train_head(model, texts, seed=1) == first
    assert all(tensor.equal(after[name]) for name, tensor in model.state_dict().items())
