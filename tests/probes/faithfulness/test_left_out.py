from __future__ import annotations

import numpy as np
import pytest
import torch
from probe_cases import random_examples, tiny_context
from scipy.stats import kendalltau
from subprobe.data.errors import CheckpointError
from subprobe.probes.faithfulness.chosen_words import as_long, highest
from subprobe.probes.faithfulness.faithfulness import words_of
from subprobe.probes.faithfulness.left_out import Words, taus, text_losses
from subprobe.probes.faithfulness.packed_reading import PackedReader, Reduced
from subprobe.probes.forward.texts import read_texts


def test_highest_words_by_share_and_words_of_equal_length():
    scores = np.array([0.1, 3.0, -5.0, 3.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    top = highest(scores)
    assert [np.flatnonzero(row).tolist() for row in top] == [[1], [1], [1], [1, 3], [0, 1, 3, 4, 5]]
    assert highest(np.zeros(21)).sum(axis=1).tolist() == [1, 2, 3, 5, 11]
    assert highest(np.zeros(1)).all()
    pieces = np.array([1, 4, 1, 2, 1, 1, 2, 1, 1, 1])
    draws = [as_long(top, pieces, np.random.default_rng(seed)) for seed in range(20)]
    for drawn in draws:
        assert [pieces[row].sum() for row in drawn] == [pieces[row].sum() for row in top]
    assert len({drawn[4].tobytes() for drawn in draws}) > 5


def test_tau_is_that_of_scipy_with_ties():
    rng = np.random.default_rng(0)
    rows, one = rng.integers(-2, 3, (30, 9)).astype(float), rng.integers(-2, 3, 9).astype(float)
    expected = [kendalltau(row, one).statistic for row in rows]
    np.testing.assert_allclose(taus(rows, one), expected, atol=1e-12)
    assert taus(one[None], one)[0] == 1
    assert np.isnan(taus(np.ones((1, 9)), one)).all()
    assert np.isnan(taus(rows, np.ones(9))).all()
    assert np.isnan(taus(np.ones((1, 1)), np.ones(1))).all()


@pytest.fixture(scope="module")
def context():
    return tiny_context("bert", "classification")


def reader_of(context, examples, **options):
    texts = read_texts(context, examples)
    embeddings = context.anatomy.embeddings(context.model)
    reader = PackedReader(context.model, embeddings, context.tokenizer, texts.encoded, **options)
    return reader, texts


def with_padding(words):
    """The same words, and three pieces of padding as one more."""
    W, S = words.pieces.shape
    pieces = np.zeros((W + 1, S + 3), dtype=bool)
    pieces[:W, :S], pieces[W, S:] = words.pieces, True
    return Words(words.text, words.id, pieces)


def test_leaving_padding_out_changes_nothing(context):
    reader, texts = reader_of(context, random_examples(4), batch_size=5)
    padded = [with_padding(one) for one in words_of(texts)]
    scores = [[np.arange(len(one.pieces), dtype=float)] for one in padded]
    for one in text_losses(reader, padded, scores, [0] * 4, draws=1, seed=0):
        assert one.left_out[-1] == 0
        assert np.abs(one.left_out[:-1]).max() > 1e-3


@pytest.mark.parametrize("removal", ["pad", "mask"])
@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_words_are_replaced_where_they_stand(family, removal):
    context, examples = tiny_context(family, "classification"), random_examples(2)
    reader, texts = reader_of(context, examples, removal=removal)
    words = words_of(texts)[1]
    found = reader.logits(words.without(np.arange(len(words.pieces))[None] == 1))[0]
    ids = torch.tensor([texts.encoded[1].input_ids])
    ids[:, torch.from_numpy(words.pieces[1])] = getattr(context.tokenizer, f"{removal}_token_id")
    table = context.model.get_input_embeddings()
    with torch.no_grad():
        expected = context.model(inputs_embeds=table(ids)).logits[0].numpy()
        plain = context.model(input_ids=torch.tensor([texts.encoded[1].input_ids])).logits[0]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert np.abs(found - plain.numpy()).max() > 1e-3


def test_a_tokenizer_without_the_token_is_refused():
    context = tiny_context("bert", "classification")
    context.tokenizer.mask_token = None
    with pytest.raises(CheckpointError, match="no mask token"):
        reader_of(context, random_examples(2), removal="mask")


def test_texts_that_come_out_alike_are_read_once_and_the_rest_is_packed(context, monkeypatch):
    reader, texts = reader_of(context, random_examples(6), batch_size=4)
    shapes, run = [], type(context.model).forward

    def forward(self, *args, **kwargs):
        shapes.append(tuple(kwargs["attention_mask"].shape))
        return run(self, *args, **kwargs)

    monkeypatch.setattr(type(context.model), "forward", forward)
    nothing = [np.zeros(len(one.input_ids), dtype=bool) for one in texts.encoded]
    found = reader.logits([Reduced(i % 6, nothing[i % 6]) for i in range(18)])
    lengths = sorted((len(one.input_ids) for one in texts.encoded), reverse=True)
    assert shapes == [(4, lengths[0]), (2, lengths[4])]
    np.testing.assert_array_equal(found[:6], found[12:])
    assert len(np.unique(found[:, 0])) == 6
