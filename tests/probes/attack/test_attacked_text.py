"""Texts with replaceable words keep everything else as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from subprobe.data.sentences.sentence import Example, plain_sentence
from subprobe.probes.attack.attacked_text import AttackedText, cased, is_stop_word


def text_of(text, second=None):
    pair = None if second is None else plain_sentence("t", second)
    return AttackedText.of(Example("e", plain_sentence("s", text), pair))


@given(st.text(max_size=60))
def test_any_text_is_put_together_again(text):
    found = text_of(text)
    assert found.text == text
    assert [text[start:end] for start, end in found.spans()] == list(found.words)
    assert all(any(map(str.isalnum, word)) for word in found.words)
    for number in range(len(found.words)):
        start, end = found.spans()[number]
        assert found.with_word(number, "X").text == f"{text[:start]}X{text[end:]}"
        assert (
            found.window(number, len(found.words) + 1)
            == text[found.spans()[0][0] : found.spans()[-1][1]]
        )


def test_of_a_pair_the_second_text_is_changed():
    found = text_of("First, of all.", "A good  film!")
    assert found.words == ("A", "good", "film")
    assert found.with_word(1, "bad").read == ("First, of all.", "A bad  film!")
    assert found.without(1) == ("First, of all.", "A  film!")
    assert found.without(0) == ("First, of all.", "good  film!")
    assert found.without(2) == ("First, of all.", "A good!")
    assert text_of("Alone").without(0) == ("",)


@pytest.mark.parametrize(
    ("number", "first", "last"), [(0, 0, 14), (7, 0, 14), (8, 1, 15), (12, 5, 19), (19, 5, 19)]
)
def test_the_window_has_fifteen_words(number, first, last):
    found = text_of(" ".join(f"w{i}" for i in range(20)) + ".")
    assert found.window(number, 15) == " ".join(f"w{i}" for i in range(first, last + 1))


def test_a_tagger_reads_four_tokens_on_each_side_of_long_texts():
    found = text_of("One, two three four five six seven eight nine ten.")
    spelled, place = found.context(5)
    assert spelled.words == ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    assert spelled.words[place] == "six"
    spelled, place = found.context(0)
    assert spelled.words == ("One", ",", "two", "three", "four")
    assert spelled.spaces == (False, True, True, True, True)
    assert place == 0
    short, place = text_of("Two, three.").context(1)
    assert (short.words, short.spaces, place) == (
        ("Two", ",", "three", "."), (False, True, False, False), 2
    )  # fmt: skip


def test_replacements_get_capitals():
    assert [cased("movie", like) for like in ("film", "Film", "FILM", "A")] == [
        "movie", "Movie", "MOVIE", "Movie"
    ]  # fmt: skip


def test_negations_and_function_words_are_stop_words():
    assert all(map(is_stop_word, ("The", "not", "never", "don't", "Couldn’t", "nobody")))
    assert not any(map(is_stop_word, ("film", "great", "dislike")))
