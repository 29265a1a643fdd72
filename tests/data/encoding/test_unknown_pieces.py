"""Which share of a text a tokenizer knows."""

import pytest
from subprobe.data.encoding.unknown_pieces import unknown_said, unknown_share
from tiny import tiny_tokenizer


def test_unknown_subwords_are_counted_without_special_tokens():
    tokenizer = tiny_tokenizer("wordpiece")
    texts = ["the cats", "漢字 漢"]
    pieces = [one for text in texts for one in tokenizer.tokenize(text)]
    expected = pieces.count("[UNK]") / len(pieces)
    assert 0.3 < expected < 1
    assert unknown_share(tokenizer, texts) == pytest.approx(expected)
    assert unknown_share(tokenizer, ["漢字"]) == 1
    assert unknown_share(tokenizer, ["the cats"]) == 0


def test_text_that_spells_the_token_is_text():
    assert unknown_share(tiny_tokenizer("wordpiece"), ["[UNK]"]) == 0


def test_a_tokenizer_of_bytes_knows_all():
    assert unknown_share(tiny_tokenizer("bpe"), ["漢字"]) == 0


def test_nothing_to_read_is_nothing_unknown():
    assert unknown_share(tiny_tokenizer("wordpiece"), []) == 0
    assert unknown_share(tiny_tokenizer("wordpiece"), [""]) == 0


def test_a_high_share_is_said():
    assert unknown_said(0.049, "test") == ""
    assert unknown_said(0.31, "test").startswith("31% of the subwords of test are unknown")
