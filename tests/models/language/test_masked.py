"""Masked places against the model's own forward pass, one text at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from subprobe.data.errors import CheckpointError, InputError
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.language.head import language_head
from subprobe.models.language.masked import masked_log_probs, masked_top_k
from subprobe.models.language.masked_inputs import MaskedText
from subprobe.models.masks.gates import gated
from subprobe.models.masks.subnetwork import Subnetwork, full_subnetwork
from tiny import CORPUS, FAMILIES, TOKENIZER_OF, tiny_model, tiny_tokenizer


def texts_of(tokenizer: Any, count: int = 4) -> list[MaskedText]:
    """Every second piece of some texts masked one at a time, and one text with two at once."""
    found = []
    for line in CORPUS[:count]:
        ids = tuple(tokenizer(line)["input_ids"])
        found += [MaskedText(ids, (at,), (at,)) for at in range(1, len(ids) - 1, 2)]
    return [*found, MaskedText(ids, (1, 3), (3, 1, 2))]


def loop(model: Any, tokenizer: Any, text: MaskedText) -> torch.Tensor:
    """Log-probabilities [S, V] of one text by the model's own forward pass."""
    ids = torch.tensor([text.ids])
    ids[0, list(text.masked)] = tokenizer.mask_token_id
    with torch.no_grad():
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
    return logits[0].log_softmax(-1)


@pytest.fixture(scope="module", params=FAMILIES)
def case(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    family = request.param
    return tiny_model(family, "language"), tiny_tokenizer(TOKENIZER_OF[family])


def test_head_alone_gives_the_logits_of_the_model(case: tuple[Any, Any]) -> None:
    model, tokenizer = case
    given = tokenizer(CORPUS[0], return_tensors="pt", return_token_type_ids=False)
    with torch.no_grad():
        whole = model(**given).logits
        states = model.base_model(**given).last_hidden_state
        alone = language_head(model)(states[0])
    torch.testing.assert_close(alone, whole[0], atol=1e-5, rtol=1e-5)


def test_log_probabilities_are_those_of_a_plain_loop(case: tuple[Any, Any]) -> None:
    model, tokenizer = case
    texts = texts_of(tokenizer)
    found = masked_log_probs(model, tokenizer, texts, tokens=40)
    for text, values in zip(texts, found, strict=True):
        wanted = loop(model, tokenizer, text)[list(text.asked), [text.ids[a] for a in text.asked]]
        np.testing.assert_allclose(values, wanted.numpy(), atol=1e-5, rtol=1e-4)


@pytest.fixture(scope="module")
def bert() -> tuple[Any, Any]:
    return tiny_model("bert", "language"), tiny_tokenizer("wordpiece")


def half_mask(model: Any) -> Subnetwork:
    anatomy = anatomy_of(model)
    heads = np.ones((anatomy.num_layers, anatomy.num_heads), dtype=bool)
    heads[:, ::2] = False
    mlps = np.ones(anatomy.num_layers, dtype=bool)
    mlps[0] = False
    return Subnetwork(heads, mlps)


def test_a_mask_gives_what_gates_give(bert: tuple[Any, Any]) -> None:
    model, tokenizer = bert
    mask, texts = half_mask(model), texts_of(tokenizer)
    found = masked_log_probs(model, tokenizer, texts, subnetwork=mask)
    with gated(model, mask):
        for text, values in zip(texts, found, strict=True):
            wanted = loop(model, tokenizer, text)
            wanted = wanted[list(text.asked), [text.ids[at] for at in text.asked]]
            np.testing.assert_allclose(values, wanted.numpy(), atol=1e-5, rtol=1e-4)
    full = masked_log_probs(model, tokenizer, texts, subnetwork=full_subnetwork(anatomy_of(model)))
    plain = masked_log_probs(model, tokenizer, texts)
    assert all(np.allclose(one, two, atol=1e-6) for one, two in zip(full, plain, strict=True))


def test_candidates_and_most_probable_pieces(bert: tuple[Any, Any]) -> None:
    model, tokenizer = bert
    texts = texts_of(tokenizer)
    candidates = [(5, 80, 9) for _ in texts]
    found = masked_log_probs(model, tokenizer, texts, candidates=candidates)
    best = masked_top_k(model, tokenizer, texts, 4)
    for text, values, top in zip(texts, found, best, strict=True):
        wanted = loop(model, tokenizer, text)[list(text.asked)]
        np.testing.assert_allclose(values, wanted[:, [5, 80, 9]].numpy(), atol=1e-5, rtol=1e-4)
        assert np.array_equal(top, wanted.topk(4).indices.numpy())


def test_equally_probable_pieces_stand_in_the_order_of_their_ids() -> None:
    model, tokenizer = tiny_model("bert", "language", seed=3), tiny_tokenizer("wordpiece")
    with torch.no_grad():
        for parameter in model.cls.parameters():
            parameter.zero_()
    ids = tuple(tokenizer(CORPUS[0])["input_ids"])
    (found,) = masked_top_k(model, tokenizer, [MaskedText(ids, (1,), (1,))], 3)
    assert found.tolist() == [[0, 1, 2]]


def test_equal_inputs_are_run_once_and_others_are_batched_by_length(
    bert: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tokenizer = bert
    ids = tuple(tokenizer(CORPUS[0])["input_ids"])
    other = (*ids[:2], 99, *ids[3:])
    texts = [
        MaskedText(ids, (2,), (2,)),
        MaskedText(other, (2,), (2,)),
        MaskedText(ids, (3,), (3,)),
    ]
    shapes = []
    run = type(model.base_model).forward

    def seen(self: Any, **given: Any) -> Any:
        shapes.append(tuple(given["input_ids"].shape))
        return run(self, **given)

    monkeypatch.setattr(type(model.base_model), "forward", seen)
    done: list[tuple[int, int]] = []
    masked_log_probs(
        model, tokenizer, texts, tokens=len(ids), progress=lambda *counts: done.append(counts)
    )
    assert shapes == [(1, len(ids))] * 2
    assert done == [(1, 2), (2, 2)]


def test_the_mode_of_the_model_stays() -> None:
    model, tokenizer = tiny_model("bert", "language"), tiny_tokenizer("wordpiece")
    texts = texts_of(tokenizer, 1)
    quiet = masked_log_probs(model, tokenizer, texts)
    model.train()
    assert all(
        np.array_equal(one, two)
        for one, two in zip(quiet, masked_log_probs(model, tokenizer, texts), strict=True)
    )
    assert model.training


def test_what_cannot_be_asked_is_refused(bert: tuple[Any, Any]) -> None:
    model, tokenizer = bert
    text = MaskedText((2, 30, 3), (1,), (1,))
    with pytest.raises(InputError, match="position 3 is outside a text of 3 pieces"):
        masked_log_probs(model, tokenizer, [MaskedText((2, 30, 3), (3,), (1,))])
    with pytest.raises(InputError, match="outside a vocabulary of 600"):
        masked_log_probs(model, tokenizer, [text], candidates=[(600,)])
    positions = model.config.max_position_embeddings
    assert masked_log_probs(model, tokenizer, [MaskedText((30,) * positions, (1,), (1,))])
    with pytest.raises(InputError, match=f"{positions + 1} pieces, but the model has {positions}"):
        masked_log_probs(model, tokenizer, [MaskedText((30,) * (positions + 1), (1,), (1,))])
    with pytest.raises(InputError, match="tokens must be >= 1, got 0"):
        masked_log_probs(model, tokenizer, [text], tokens=0)
    with pytest.raises(CheckpointError, match="has no masked-LM head"):
        masked_log_probs(tiny_model("bert"), tokenizer, [text])
    without = tiny_tokenizer("wordpiece")
    without.mask_token = None
    with pytest.raises(CheckpointError, match="no mask token"):
        masked_log_probs(model, without, [text])
    assert masked_log_probs(model, tokenizer, []) == []
