"""What was encoded is used again where it is the same, and only there; the store has a limit."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from subprobe.data.encoding import encoded_once as module
from subprobe.data.encoding.collate import text_batches
from subprobe.data.encoding.encoded_once import encoded_once
from subprobe.data.errors import CheckpointError, InputError
from tiny import tiny_tokenizer
from toy_parts import toy_examples

SIZES = {"batch_size": 6, "max_length": 16}


@pytest.fixture(autouse=True)
def empty_store(monkeypatch):
    """A store of the test's own."""
    monkeypatch.setattr(module, "_kept", type(module._kept)())


@pytest.fixture
def tokenizer():
    return tiny_tokenizer("wordpiece")


def same(found, expected):
    """Whether two sequences of batches hold the same."""
    return len(found) == len(expected) and all(
        one.index == other.index
        and torch.equal(one.input_ids, other.input_ids)
        and torch.equal(one.attention_mask, other.attention_mask)
        and torch.equal(one.labels, other.labels)
        for one, other in zip(found, expected, strict=True)
    )


def test_batches_are_those_of_the_encoder(tokenizer):
    examples = toy_examples(20)
    expected = text_batches(tokenizer, examples, batch_size=6, max_length=7)
    found = encoded_once(tokenizer, examples, batch_size=6, max_length=7)
    assert same(found.batches, list(expected))
    assert (found.n_truncated, found.n_wordless) == (expected.n_truncated, 0)
    assert found.n_truncated > 0


def test_equal_examples_and_tokenizers_are_encoded_once(tokenizer):
    first = encoded_once(tokenizer, toy_examples(20), **SIZES)
    assert encoded_once(tokenizer, list(toy_examples(20)), **SIZES) is first
    # another process of loading gives another object of the same content
    assert encoded_once(tiny_tokenizer("wordpiece"), toy_examples(20), **SIZES) is first


def test_labels_may_be_numbers_of_any_library(tokenizer):
    number: Any = np.float32
    examples = [replace(one, label=number(one.label)) for one in toy_examples(20)]
    expected = text_batches(tokenizer, examples, batch_size=6, max_length=16)
    assert same(encoded_once(tokenizer, examples, **SIZES).batches, list(expected))
    whole = encoded_once(tokenizer, toy_examples(20), **SIZES)
    assert whole.batches[0].labels.dtype == torch.int64


def test_whatever_changes_the_batches_is_encoded_anew(tokenizer):
    examples = toy_examples(20)
    first = encoded_once(tokenizer, examples, **SIZES)
    relabelled = (replace(examples[0], label=1 - examples[0].label), *examples[1:])
    for changed in (examples[:-1], examples[::-1], relabelled):
        assert not same(encoded_once(tokenizer, changed, **SIZES).batches, first.batches)
    for sizes in ({"batch_size": 5, "max_length": 16}, {"batch_size": 6, "max_length": 7}):
        assert encoded_once(tokenizer, examples, **sizes) is not first
    tokenizer.add_tokens(["cats dogs"])
    larger = encoded_once(tokenizer, examples, **SIZES)
    assert larger is not first
    tokenizer.pad_token = "[MASK]"
    padded = encoded_once(tokenizer, examples, **SIZES)
    assert not same(padded.batches, larger.batches)
    assert same(
        padded.batches, list(text_batches(tokenizer, examples, batch_size=6, max_length=16))
    )


def test_the_store_keeps_to_its_limit(tokenizer, monkeypatch):
    sets = [toy_examples(20, seed=seed) for seed in range(3)]
    found = [encoded_once(tokenizer, one, **SIZES) for one in sets]
    monkeypatch.setattr(module, "KEPT_BYTES", 2 * max(one.n_bytes for one in found))
    module._kept.clear()
    for number in (0, 1, 0, 2):  # the second was asked for longest ago
        encoded_once(tokenizer, sets[number], **SIZES)
    first, last = module._kept.values()
    assert same(first.batches, found[0].batches)
    assert same(last.batches, found[2].batches)
    assert first.n_bytes + last.n_bytes <= module.KEPT_BYTES
    monkeypatch.setattr(module, "KEPT_BYTES", first.n_bytes - 1)
    module._kept.clear()
    large = encoded_once(tokenizer, sets[0], **SIZES)
    assert same(large.batches, found[0].batches)
    assert not module._kept


def test_refused_input_is_refused_every_time(tokenizer):
    for _ in range(2):
        with pytest.raises(InputError, match="no examples"):
            encoded_once(tokenizer, [], **SIZES)
    encoded_once(tokenizer, toy_examples(20), **SIZES)
    half = [replace(one, label=None) if i else one for i, one in enumerate(toy_examples(20))]
    with pytest.raises(InputError, match="some have none"):
        encoded_once(tokenizer, half, **SIZES)

    class Slow:
        """A tokenizer without offsets."""

        pad_token_id = 0

    with pytest.raises(CheckpointError, match="is not a fast one"):
        encoded_once(Slow(), toy_examples(2), **SIZES)
