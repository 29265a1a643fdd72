from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from subprobe.data.encoding.collate import text_batches, to_inputs
from subprobe.data.errors import CheckpointError, ConfigError, InputError
from subprobe.data.sentences.sentence import Example, plain_sentence
from tiers import scaled
from tiny import CORPUS, tiny_model, tiny_tokenizer
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

KINDS = ("wordpiece", "bpe", "unigram")
TOKENIZERS = {kind: tiny_tokenizer(kind) for kind in KINDS}


def example(i: int, first: str, second: str | None = None, label: int | float | None = None):
    pair = None if second is None else plain_sentence(f"{i}b", second)
    return Example(id=str(i), first=plain_sentence(f"{i}a", first), second=pair, label=label)


def singles():
    return [example(i, text, label=i % 2) for i, text in enumerate(CORPUS)]


def pairs():
    return [example(i, CORPUS[i], CORPUS[-i - 1], label=i % 3) for i in range(len(CORPUS))]


def rows_of(batches):
    """Original place -> (ids, type ids) without padding."""
    rows = {}
    for batch in batches:
        for row, place in enumerate(batch.index):
            n = int(batch.attention_mask[row].sum())
            assert batch.attention_mask[row, :n].all()
            types = None if batch.token_type_ids is None else batch.token_type_ids[row, :n].tolist()
            rows[place] = (batch.input_ids[row, :n].tolist(), types)
    return rows


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", [singles, pairs])
def test_the_same_ids_as_the_tokenizers_own_call(kind, make):
    tokenizer, examples = TOKENIZERS[kind], make()
    batches = text_batches(tokenizer, examples, batch_size=5, max_length=16)
    rows = rows_of(batches)
    assert sorted(rows) == list(range(len(examples)))
    truncated = 0
    for place, one in enumerate(examples):
        plain = tokenizer(*one.texts(), truncation=True, max_length=16)
        assert rows[place] == (plain["input_ids"], plain.get("token_type_ids"))
        truncated += len(tokenizer(*one.texts())["input_ids"]) > 16
    assert batches.n_truncated == truncated > 0


@pytest.mark.parametrize("kind", KINDS)
def test_text_that_spells_special_tokens_stays_text(kind):
    tokenizer = TOKENIZERS[kind]
    text = "a [SEP] b <s> c </s> d <pad> e [MASK] f <mask> g [CLS]"
    (batch,) = text_batches(tokenizer, [example(0, text)], batch_size=1, max_length=120)
    ids = batch.input_ids[0].tolist()
    special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    assert special.isdisjoint(ids[1:-1])
    assert {ids[0], ids[-1]} <= special


def test_longest_first_keeps_ties_in_order_and_can_be_switched_off():
    examples = [
        example(i, text) for i, text in enumerate(("a b", "a b c", "c d", "a b c d", "b a"))
    ]
    tokenizer = TOKENIZERS["bpe"]
    ordered = text_batches(tokenizer, examples, batch_size=2, max_length=50)
    assert [i for batch in ordered for i in batch.index] == [3, 1, 0, 2, 4]
    assert len(ordered) == 3
    given_order = text_batches(tokenizer, examples, batch_size=2, max_length=50, by_length=False)
    assert [batch.index for batch in given_order] == [(0, 1), (2, 3), (4,)]
    assert rows_of(ordered) == rows_of(given_order)


def test_batches_can_be_read_again():
    batches = text_batches(TOKENIZERS["unigram"], singles(), batch_size=4, max_length=64)
    first, second = list(batches), list(batches)
    assert len(first) == len(batches) == 3
    assert all(torch.equal(a.input_ids, b.input_ids) for a, b in zip(first, second, strict=True))


def test_labels_are_whole_numbers_in_classification_and_real_in_regression():
    whole = [example(0, "a", label=1), example(1, "b c", label=0)]
    (batch,) = text_batches(TOKENIZERS["bpe"], whole, batch_size=4, max_length=9)
    assert batch.labels.dtype == torch.int64
    assert dict(zip(batch.index, batch.labels.tolist(), strict=True)) == {0: 1, 1: 0}
    real = [example(0, "a", label=2.5), example(1, "b c", label=0.0)]
    (batch,) = text_batches(TOKENIZERS["bpe"], real, batch_size=4, max_length=9)
    assert batch.labels.dtype == torch.float32
    unlabelled = [example(0, "a")]
    (batch,) = text_batches(TOKENIZERS["bpe"], unlabelled, batch_size=4, max_length=9)
    assert batch.labels is None


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
def test_inputs_go_into_the_model_and_padding_does_not_matter(family):
    kind = {"bert": "wordpiece", "roberta": "bpe", "distilbert": "wordpiece"}[family]
    tokenizer = tiny_tokenizer(kind, token_types=family == "bert")
    model = tiny_model(family, "classification")
    together = text_batches(tokenizer, pairs(), batch_size=12, max_length=60)
    alone = text_batches(tokenizer, pairs(), batch_size=1, max_length=60)

    def logits(batches):
        found = {}
        for batch in batches:
            inputs = to_inputs(batch)
            assert ("token_type_ids" in inputs) is (family == "bert")
            with torch.no_grad():
                out = model(**inputs).logits
            found.update(zip(batch.index, out, strict=True))
        return torch.stack([found[i] for i in range(len(found))])

    padded, single = logits(together), logits(alone)
    assert single.std() > 1e-3
    assert torch.allclose(padded, single, atol=1e-5)


def test_fixed_padding_of_a_tokenizer_file_is_not_obeyed():
    backend = Tokenizer.from_str(TOKENIZERS["wordpiece"].backend_tokenizer.to_str())
    backend.enable_padding(length=99)
    backend.enable_truncation(4)
    state = json.loads(backend.to_str())
    assert state["padding"]
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]"
    )
    batches = text_batches(tokenizer, [example(0, CORPUS[0])], batch_size=1, max_length=60)
    (batch,) = batches
    expected = TOKENIZERS["wordpiece"](CORPUS[0])["input_ids"]
    assert batch.input_ids[0].tolist() == expected
    assert batches.n_truncated == 0


@settings(max_examples=scaled(40))
@given(texts=st.lists(st.text(max_size=30), min_size=1, max_size=6), max_length=st.integers(3, 12))
@pytest.mark.parametrize("kind", KINDS)
def test_any_text_is_encoded_within_the_length(kind, texts, max_length):
    examples = [example(i, text) for i, text in enumerate(texts)]
    batches = text_batches(TOKENIZERS[kind], examples, batch_size=2, max_length=max_length)
    assert sorted(i for batch in batches for i in batch.index) == list(range(len(texts)))
    assert all(batch.input_ids.shape[1] <= max_length for batch in batches)


def test_wrong_use_is_refused():
    tokenizer = TOKENIZERS["bpe"]
    single, pair = example(0, "a"), example(1, "a", "b")
    with pytest.raises(InputError, match="no examples"):
        text_batches(tokenizer, [], batch_size=2, max_length=9)
    with pytest.raises(InputError, match="one sentence and some two"):
        text_batches(tokenizer, [single, pair], batch_size=2, max_length=9)
    with pytest.raises(InputError, match="some have none"):
        text_batches(tokenizer, [single, example(2, "b", label=1)], batch_size=2, max_length=9)
    with pytest.raises(ConfigError, match="leaves no room for text next to 4 special tokens"):
        text_batches(tokenizer, [pair], batch_size=2, max_length=4)

    class Slow:
        is_fast, pad_token_id = False, 0

    with pytest.raises(CheckpointError, match="Slow is not a fast one"):
        text_batches(Slow(), [single], batch_size=2, max_length=9)
