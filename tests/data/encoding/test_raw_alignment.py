"""Raw texts, mapped to words by characters, with every kind of tokenizer."""

import unicodedata
from collections import Counter

import pytest
from alignment_cases import SPELLED, check_invariants, pieces_by_word, words
from family_tokenizers import FAMILY_TOKENIZERS
from hypothesis import given, settings
from hypothesis import strategies as st
from subprobe.data.encoding.alignment import NO_WORD, encode_texts, encode_words
from subprobe.data.encoding.collate import text_batches
from subprobe.data.sentences.sentence import Example, Sentence
from subprobe.data.sentences.spans import word_spans
from tiers import scaled
from tiny import tiny_tokenizer

TOKENIZERS = {
    **{kind: tiny_tokenizer(kind) for kind in ("wordpiece", "bpe", "unigram")},
    **{family: make() for family, make in FAMILY_TOKENIZERS.items()},
}
every_kind = pytest.mark.parametrize("kind", TOKENIZERS)

BLANKS = ("", " ", "  ", "\u00a0", "\t", "\u2003 ")
"""What stands between words of running text; nothing, as in contractions, among them."""

HARD = (
    ("I", "ca", "n't", "say", "."),
    ('"', "Do", "n't", "!", '"'),
    ("state", "-", "of", "-", "the", "-", "art"),
    ("a", "👩\u200d👧", "b", "🇩🇪", "."),
    ("gon", "na", "can", "not", "wan", "na"),
)


def text_of(found, blanks):
    """Words with these blanks between them; the sentence says where they stand."""
    text = "".join(word + blank for word, blank in zip(found, [*blanks, ""], strict=False))
    return Sentence("s", tuple(found), text=text)


@st.composite
def running(draw):
    found = draw(st.lists(words, min_size=1, max_size=8) | st.sampled_from(HARD).map(list))
    blanks = draw(st.lists(st.sampled_from(BLANKS), min_size=len(found), max_size=len(found)))
    return text_of(found, blanks)


def encode(kind, first, second=None, max_length=1000):
    seconds = None if second is None else [second]
    return encode_texts(TOKENIZERS[kind], [first], seconds, max_length=max_length)[0]


@settings(max_examples=scaled(60))
@given(first=running(), second=st.none() | running())
@every_kind
def test_words_of_raw_texts_are_in_order_and_counted(kind, first, second):
    segments = [one for one in (first, second) if one is not None]
    encoded = encode(kind, first, second)
    spans = [word_spans(one) for one in segments]
    check_invariants(TOKENIZERS[kind], encoded, [list(one.words) for one in segments], spans)
    assert encoded.n_unlocated == 0


@settings(max_examples=scaled(40))
@given(first=running(), second=st.none() | running())
@every_kind
def test_a_probe_reads_the_ids_that_a_task_model_reads(kind, first, second):
    examples = [Example("e", first, second)]
    (batch,) = text_batches(TOKENIZERS[kind], examples, batch_size=1, max_length=30)
    encoded = encode(kind, first, second, 30)
    assert list(encoded.input_ids) == batch.input_ids[0].tolist()
    if batch.token_type_ids is not None:
        assert list(encoded.token_type_ids) == batch.token_type_ids[0].tolist()


@settings(max_examples=scaled(40))
@given(first=running(), max_length=st.integers(5, 14))
@every_kind
def test_truncation_keeps_whole_words(kind, first, max_length):
    whole, cut = encode(kind, first), encode(kind, first, max_length=max_length)
    check_invariants(TOKENIZERS[kind], cut, [list(first.words)], [word_spans(first)])
    before = pieces_by_word(whole)
    for owner, places in pieces_by_word(cut).items():
        assert [cut.input_ids[i] for i in places] == [whole.input_ids[i] for i in before[owner]]
    assert cut.truncated == (len(whole.input_ids) > max_length)


def plain_owner(text, spans, start, end):
    """The word with most characters of text[start:end], the first of equals; None without any."""
    counts = Counter()
    for place in range(start, end):
        for word, (first, last) in enumerate(spans):
            if first <= place < last and not text[place].isspace():
                counts[word] += 1
    most = max(counts.values(), default=0)
    return min((word for word, count in counts.items() if count == most), default=None)


@settings(max_examples=scaled(60))
@given(first=running())
@every_kind
def test_a_piece_belongs_to_the_word_with_most_of_its_characters(kind, first):
    tokenizer = TOKENIZERS[kind]
    # some tokenizers write wide characters as narrow ones
    narrow = unicodedata.normalize("NFKC", first.text)
    if any(name in narrow for name in (*SPELLED, "s>")):
        return  # the plain call below takes them for special tokens
    plain = tokenizer(first.text, return_offsets_mapping=True)
    encoded = encode(kind, first)
    assert plain["input_ids"] == list(encoded.input_ids)
    for place, span in enumerate(plain["offset_mapping"]):
        owner = plain_owner(first.text, word_spans(first), *span)
        if owner is not None and not encoded.special[place]:
            assert encoded.word_of_piece[place] == owner


def test_a_contraction_is_cut_as_the_tokenizer_cuts_it():
    encoded = encode("wordpiece", Sentence("s", ("do", "n't"), text="don't"))
    pieces = TOKENIZERS["wordpiece"].convert_ids_to_tokens(encoded.input_ids)
    assert pieces == ["[CLS]", "do", "##n", "'", "t", "[SEP]"]
    assert encoded.word_of_piece == (-1, 0, 1, 1, 1, -1)
    assert encoded.offsets[1:-1] == ((0, 2), (2, 3), (3, 4), (4, 5))
    alone = encode_words(TOKENIZERS["wordpiece"], [Sentence("s", ("do", "n't"))], max_length=50)[0]
    assert alone.input_ids != encoded.input_ids
    assert encoded.n_shared == 0


def test_a_piece_over_two_words_is_counted_and_the_other_word_dropped():
    # "dog" is a piece of its own
    encoded = encode("wordpiece", Sentence("s", ("do", "g", "barked"), text="dog barked"))
    assert encoded.word_of_piece[1] == 0
    assert (encoded.n_shared, encoded.n_words_kept, encoded.n_words_dropped) == (1, (2,), 1)
    even = encode("wordpiece", Sentence("s", ("d", "og"), text="dog"))
    assert even.word_of_piece[1] == 1


def test_words_that_share_a_surface_token_leave_its_pieces_to_the_first():
    spans = ((0, 3), (0, 3), (4, 8))
    encoded = encode("wordpiece", Sentence("s", ("do", "og", "xxxx"), text="dog xxxx", spans=spans))
    assert encoded.word_of_piece[1:3] == (0, 2)
    assert (encoded.n_shared, encoded.n_words_dropped) == (1, 1)


@every_kind
def test_words_that_are_not_in_the_text_own_nothing(kind):
    encoded = encode(kind, Sentence("s", ("A", "dog"), text="A cat slept."))
    assert set(encoded.word_of_piece) == {NO_WORD}
    assert (encoded.n_unlocated, encoded.n_words_dropped, encoded.readable) == (1, 2, False)


@pytest.mark.parametrize("text", ["", "   ", "\u200b\u200b", "\ufeff"])
def test_a_text_without_a_word_piece_is_not_readable(text):
    dog = Sentence("d", ("The", "dog"), text="The dog")
    empty = Sentence("s", tuple(text.split()), text=text)
    assert not encode("wordpiece", empty).readable
    assert not encode("wordpiece", dog, empty).readable
    assert not encode("wordpiece", empty, dog).readable
    assert encode("wordpiece", dog, dog).readable


@pytest.mark.parametrize("kind", ["bpe", "unigram", "deberta-v2"])
def test_a_mark_alone_goes_with_the_word_that_it_starts(kind):
    tokenizer = TOKENIZERS[kind]
    encoded = encode(kind, Sentence("s", ("the", "é"), text="the é"))
    pieces = tokenizer.convert_ids_to_tokens(encoded.input_ids)
    (mark,) = [place for place, piece in enumerate(pieces) if piece in "▁Ġ"]
    assert encoded.word_of_piece[mark] == 1


def test_white_space_that_is_a_piece_belongs_to_no_word():
    encoded = encode("modernbert", Sentence("s", ("the", "dog"), text="the  dog"))
    pieces = TOKENIZERS["modernbert"].convert_ids_to_tokens(encoded.input_ids)
    assert encoded.word_of_piece[pieces.index("  ")] == NO_WORD
    assert not encoded.special[pieces.index("  ")]


@pytest.mark.slow
def test_parsed_sentences_of_cola_have_the_ids_that_a_task_model_reads(realdata):
    """Cut into words by the parser, 80 of the 1,043 have other ids when read word by word."""
    from subprobe.data.sentences.annotate import annotate
    from subprobe.data.tasks.by_name import load_task
    from subprobe.models.checkpoint.checkpoint import load_tokenizer

    tokenizer = load_tokenizer("embedded")
    examples = load_task("cola", data_dir=str(realdata / "glue")).splits["validation"]
    batches = text_batches(tokenizer, examples, batch_size=1, max_length=128, by_length=False)
    wanted = [tuple(batch.input_ids[0].tolist()) for batch in batches]
    parsed = annotate([example.first for example in examples])
    raw = encode_texts(tokenizer, parsed, max_length=128)
    assert [one.input_ids for one in raw] == wanted
    assert all(one.readable for one in raw)
    alone = encode_words(tokenizer, parsed, max_length=128)
    differ = sum(one.input_ids != ids for one, ids in zip(alone, wanted, strict=True))
    assert (len(examples), differ) == (1043, 80)
