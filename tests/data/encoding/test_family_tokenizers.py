"""Alignment with the tokenizers of the families, as transformers builds them."""

import pytest
from alignment_cases import SPELLED, check_invariants, pieces_by_word, sentence, texts
from family_tokenizers import FAMILY_TOKENIZERS
from hypothesis import given, settings
from hypothesis import strategies as st
from subprobe.data.encoding.alignment import NO_WORD, encode_words
from subprobe.data.encoding.collate import text_batches
from subprobe.data.sentences.sentence import Example, plain_sentence
from subprobe.models.checkpoint.checkpoint import load_tokenizer
from tiers import scaled
from tiny import CORPUS

TOKENIZERS = {family: make() for family, make in FAMILY_TOKENIZERS.items()}
families = pytest.mark.parametrize("family", TOKENIZERS)
plain_words = st.text("abcdefghiklmnoprst", min_size=1, max_size=9)


def encode(family, first, second=None, max_length=1000):
    seconds = None if second is None else [sentence(second, "t")]
    tokenizer = TOKENIZERS[family]
    (one,) = encode_words(tokenizer, [sentence(first)], seconds, max_length=max_length)
    return one


@settings(max_examples=scaled(80))
@given(first=texts, second=st.none() | texts)
@families
def test_every_piece_belongs_to_one_word_and_every_character_to_a_piece(family, first, second):
    segments = [first] if second is None else [first, second]
    check_invariants(TOKENIZERS[family], encode(family, first, second), segments)


@settings(max_examples=scaled(40))
@given(first=texts, second=st.none() | texts, max_length=st.integers(6, 20))
@families
def test_truncation_keeps_whole_words_and_counts_the_others(family, first, second, max_length):
    segments = [first] if second is None else [first, second]
    whole, cut = encode(family, first, second), encode(family, first, second, max_length)
    assert len(cut.input_ids) <= max_length
    assert sum(cut.special) == sum(whole.special)
    check_invariants(TOKENIZERS[family], cut, segments)
    before = pieces_by_word(whole)
    for owner, places in pieces_by_word(cut).items():
        assert [cut.input_ids[i] for i in places] == [whole.input_ids[i] for i in before[owner]]


@pytest.mark.parametrize("word", [*SPELLED, "|||IP_ADDRESS|||"])
@families
def test_words_that_spell_special_tokens_are_text(family, word):
    tokenizer = TOKENIZERS[family]
    encoded = encode(family, ["the", word, "dog"], ["a", word])
    check_invariants(tokenizer, encoded, [["the", word, "dog"], ["a", word]])
    assert encoded.n_words_dropped == 0


@settings(max_examples=scaled(40))
@given(first=st.lists(plain_words, min_size=1, max_size=6))
@families
def test_offsets_point_at_the_characters_that_a_piece_spells(family, first):
    tokenizer = TOKENIZERS[family]
    encoded = encode(family, first)
    assert encoded.n_words_dropped == 0
    for places in pieces_by_word(encoded).values():
        for place in places:
            piece = tokenizer.convert_ids_to_tokens([encoded.input_ids[place]])[0]
            letters = piece.lstrip("Ġ▁")
            start, end = encoded.offsets[place]
            if letters and piece != tokenizer.unk_token:
                assert " ".join(first)[start:end] == letters


@settings(max_examples=scaled(40))
@given(first=st.lists(plain_words, min_size=2, max_size=6))
@families
def test_words_read_as_they_do_in_running_text(family, first):
    """A word after a space gets the pieces that it has in the text; the first may be marked."""
    tokenizer = TOKENIZERS[family]
    encoded, running = encode(family, first), tokenizer(" ".join(first))
    inside = {n for n, word in enumerate(encoded.word_of_piece) if word >= 1}
    spelled = [encoded.input_ids[n] for n in sorted(inside)]
    assert running["input_ids"][-len(spelled) - 1 : -1] == spelled


@families
def test_raw_texts_get_the_ids_of_the_tokenizers_own_call(family):
    tokenizer = TOKENIZERS[family]
    for pairs in (False, True):
        examples = [
            Example(
                id=str(i),
                first=plain_sentence("a", text),
                second=plain_sentence("b", CORPUS[-i - 1]) if pairs else None,
            )
            for i, text in enumerate(CORPUS)
        ]
        for batch in text_batches(tokenizer, examples, batch_size=5, max_length=500):
            for row, place in enumerate(batch.index):
                expected = tokenizer(*examples[place].texts())
                real = batch.attention_mask[row].bool()
                assert batch.input_ids[row][real].tolist() == expected["input_ids"]
                assert (batch.token_type_ids is None) == ("token_type_ids" not in expected)
                if batch.token_type_ids is not None:
                    assert batch.token_type_ids[row][real].tolist() == expected["token_type_ids"]


@families
def test_the_tokenizer_is_the_same_after_saving(family, tmp_path):
    tokenizer, words = TOKENIZERS[family], ["Unhappy", "dogs", "didn't", "[SEP]", "bark"]
    tokenizer.save_pretrained(tmp_path)
    (again,) = encode_words(load_tokenizer(str(tmp_path)), [sentence(words)], max_length=99)
    assert again == encode(family, words)
    assert set(again.word_of_piece) == {NO_WORD, *range(5)}
