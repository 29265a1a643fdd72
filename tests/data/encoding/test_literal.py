"""The backend without special tokens is built once for tokenizers of the same content."""

import pytest
from subprobe.data.encoding import literal
from subprobe.data.encoding.literal import content_of, encode_literally
from tiny import tiny_tokenizer

TEXT = "The cats [SEP] sleep."


@pytest.fixture
def built(monkeypatch):
    """What was built, in a store of the test's own."""
    found, build = [], literal._build

    def counted(tokenizer, pre_split):
        found.append((content_of(tokenizer), pre_split))
        return build(tokenizer, pre_split)

    monkeypatch.setattr(literal, "_build", counted)
    monkeypatch.setattr(literal, "_backends", type(literal._backends)())
    return found


def ids(tokenizer, pre_split=False):
    texts = [TEXT.split()] if pre_split else [TEXT]
    (one,) = encode_literally(tokenizer, texts, pre_split=pre_split, max_length=30)
    return one.kept.ids


@pytest.mark.parametrize("kind", ["wordpiece", "bpe", "unigram"])
def test_a_tokenizer_that_is_loaded_again_is_not_built_again(kind, built):
    first = ids(tiny_tokenizer(kind))
    assert ids(tiny_tokenizer(kind)) == first
    assert len(built) == 1
    ids(tiny_tokenizer(kind), pre_split=True)
    assert [pre_split for _, pre_split in built] == [False, True]


def test_what_is_read_otherwise_is_built_for_itself(built):
    plain, other, larger = (tiny_tokenizer("wordpiece") for _ in range(3))
    before = ids(plain)
    other.mask_token = "cats"
    larger.add_tokens(["sleep."])
    assert content_of(other) != content_of(plain) != content_of(larger)
    assert ids(larger) != before
    assert ids(plain) == before
    ids(other)
    assert len(built) == 3
    plain.add_tokens(["sleep."])
    assert ids(plain) == ids(larger)


def test_few_backends_are_kept(built):
    tokenizers = [tiny_tokenizer("bpe") for _ in range(literal.KEPT_BACKENDS + 2)]
    for number, tokenizer in enumerate(tokenizers):
        tokenizer.add_tokens([f"word{number}"])
        ids(tokenizer)
    assert len(built) == len(tokenizers)
    assert len(literal._backends) == literal.KEPT_BACKENDS
    ids(tokenizers[0])  # a tokenizer that is there keeps its own
    assert len(built) == len(tokenizers)
