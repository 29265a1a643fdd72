"""Reduced questions and the overlap heuristic, against counts by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from subprobe.data.choices.choice_texts import choice_texts
from subprobe.data.choices.reduced import (
    REDUCED,
    nearest_sentence,
    overlap_scores,
    overlaps,
    sentence_overlaps,
    unigrams,
)
from subprobe.data.sentences.sentence import Example, plain_sentence


def question(context, wording, options, label=0):
    first, second = plain_sentence("x/1", context), plain_sentence("x/2", wording)
    return Example("x", first, second, label, options=tuple(options))


ASKED = question("The dog saw a cat.", "What did  the dog see?", ("a cat", "The dog", "no"))


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("full", "The dog saw a cat. What did  the dog see?"),
        ("first-1", "The dog saw a cat. What"),
        ("first-2", "The dog saw a cat. What did"),
        ("first-4", "The dog saw a cat. What did  the dog"),
        ("no-question", "The dog saw a cat."),
        ("no-context", "What did  the dog see?"),
    ],
)
def test_what_is_left_of_a_question(setting, expected):
    found = REDUCED[setting](ASKED)
    assert choice_texts(found) == [(expected, option) for option in ASKED.options]
    assert (found.label, found.id, found.first.id) == (0, "x", "x/1")


def test_a_question_shorter_than_asked_is_complete():
    assert REDUCED["first-4"](question("A.", "Why?", ("a", "b"))).second.text == "Why?"


def test_overlap_by_hand():
    np.testing.assert_allclose(overlaps(ASKED), [1, 1, 0])
    assert overlap_scores([ASKED]).tolist() == [0.5]
    one = question("The dog saw a cat.", "What?", ("a fox", "a cat!", "?!"), label=1)
    np.testing.assert_allclose(overlaps(one), [0.5, 1, 0])
    assert overlap_scores([one]).tolist() == [1.0]
    none = question("Yes.", "What?", ("a fox", "a cat"), label=1)
    assert overlap_scores([none]).tolist() == [0.5]


def test_the_nearest_sentence_by_hand():
    text = "Ann put a cup in the hall. Bob hid it!\nThe hall was cold."
    one = question(text, "Who hid it?", ("Bob", "Ann", "the hall"))
    assert nearest_sentence(one) == "Bob hid it!"
    np.testing.assert_allclose(sentence_overlaps(one), [1, 0, 0])
    assert overlap_scores([one], "sentence-overlap").tolist() == [1.0]
    np.testing.assert_allclose(overlaps(one), [1, 1, 1])
    assert nearest_sentence(question(text, "Why?", ("a", "b"))) == "Ann put a cup in the hall."


@given(
    st.text("ab c,", max_size=20),
    st.lists(st.text("abc d.", max_size=8), min_size=2, max_size=5),
)
def test_ties_share_one_point(context, options):
    """Over all possible answers, the expected scores of one question sum to 1."""
    found = [question(context, "?", options, label) for label in range(len(options))]
    assert overlap_scores(found).sum() == pytest.approx(1.0)
    for option, share in zip(options, overlaps(found[0]), strict=True):
        words = unigrams(option)
        assert share == (sum(w in unigrams(context) for w in words) / len(words) if words else 0)
