"""Scores of pairs from given log-probabilities, and which texts they are asked of."""

import math

import numpy as np
import pytest
from subprobe.data.suites.pair import Pair
from subprobe.probes.behaviour.pair_scores import TIE, is_tie, points, text_score
from subprobe.probes.behaviour.pair_texts import (
    SEVERAL_WORDS,
    TOO_LONG,
    VOCABULARY,
    PairTexts,
    pair_texts,
)
from subprobe.probes.behaviour.pieces import pieces_of
from tiny import tiny_tokenizer


def test_sums_and_means_of_given_log_probabilities():
    assert text_score([-1.0, -2.5, -0.5], "sum") == -4.0
    assert text_score([-1.0, -2.0], "mean") == -1.5
    draw = np.random.default_rng(0)
    values = -draw.exponential(5, 40).astype(np.float32)
    for _ in range(20):
        assert text_score(draw.permutation(values), "sum") == text_score(values, "sum")
    assert text_score(values, "sum") == math.fsum(values.tolist())


def test_ties_are_half_right_or_wrong():
    margins = [2.0, 0.0, -0.1, TIE / 2, -TIE / 2, 3 * TIE]
    assert is_tie(margins).tolist() == [False, True, False, True, True, False]
    assert points(margins).tolist() == [1.0, 0.5, 0.0, 0.5, 0.5, 1.0]
    assert points(margins, "wrong").tolist() == [1.0, 0.0, 0.0, 0.0, 0.0, 1.0]


def asked(kind, good, bad, score="pll", **options):
    pair = Pair("p/1", good, bad, "p")
    [found] = pair_texts(tiny_tokenizer(kind), [pair], score, **{"max_length": 128, **options})
    return found


@pytest.mark.parametrize("kind", ["wordpiece", "bpe", "unigram"])
def test_a_masked_word_is_one_piece_in_both_sentences(kind):
    tokenizer = tiny_tokenizer(kind)
    found = asked(kind, "The dog was lazy.", "The fox was lazy.", "masked-word")
    assert isinstance(found, PairTexts)
    texts = pieces_of(tokenizer, ["The dog was lazy.", "The fox was lazy."], 128)
    if any(len(one.inside(4, 7)) > 1 for one in texts):  # the vocabulary splits one of the words
        assert found.word is None
        skipped = asked(kind, "The dog was.", "The fox was.", "masked-word", several_pieces="skip")
        assert skipped == VOCABULARY
        return
    place, good, bad = found.word
    assert found.good.ids[place] == good
    assert found.bad.ids[place] == bad
    assert tokenizer.decode([good]).strip() == "dog"
    assert found.scored_ids == ((good,), (bad,))


def test_words_of_several_pieces_are_scored_whole_or_skipped():
    pair = "The dog vqzx.", "The dog qz."
    found = asked("wordpiece", *pair, "masked-word")
    assert found.word is None
    assert asked("wordpiece", *pair, "masked-word", several_pieces="skip") == VOCABULARY
    good, bad = found.scored_ids
    assert len(good) == len(found.good.places) > len(bad)
    # one piece of two differs, but the word is not one piece
    assert asked("wordpiece", "The vq.", "The vz.", "masked-word").word is None
    # an order of words, and a word too many, are not one word
    for other in (("The dog saw it.", "The dog it saw."), ("It is a dog.", "It is dog.")):
        assert asked("wordpiece", *other, "masked-word") == SEVERAL_WORDS
        assert isinstance(asked("wordpiece", *other), PairTexts)


def test_what_the_tokenizer_cannot_tell_is_skipped():
    # another case is another sentence for the reader, not for a lower-cased vocabulary
    assert asked("wordpiece", "The dog.", "The Dog.") == VOCABULARY
    assert asked("wordpiece", "The dog.", "The \N{SNOWMAN}.") == VOCABULARY
    # an unknown piece in both sentences alike does no harm
    assert isinstance(asked("wordpiece", "\N{SNOWMAN} dog.", "\N{SNOWMAN} fox."), PairTexts)
    assert asked("wordpiece", "The dog was here.", "The fox was here.", max_length=4) == TOO_LONG


@pytest.mark.parametrize("kind", ["wordpiece", "bpe", "unigram"])
def test_rest_masked_masks_the_following_pieces_of_the_word(kind):
    tokenizer = tiny_tokenizer(kind)
    text = "Nobody knew antidisestablishmentarianism, unhappiness."
    [found] = pieces_of(tokenizer, [text], 128)
    plain = tokenizer(text)
    assert list(found.ids) == plain["input_ids"]
    words = plain.word_ids()
    assert [-1 if one is None else one for one in words] == list(found.words)
    split = 0
    for place in found.places:
        one = found.rest_masked(place)
        later = [at for at, word in enumerate(words) if word == words[place] and at >= place]
        assert one.masked == tuple(later)
        assert one.asked == (place,)
        split += len(later) > 1
    assert split
    assert found.one_masked(1).masked == (1,)


def test_text_that_spells_a_special_token_is_text():
    tokenizer = tiny_tokenizer("wordpiece")
    [found] = pieces_of(tokenizer, ["The [MASK] dog."], 128)
    assert tokenizer.mask_token_id not in found.ids
    assert len(found.places) == len(found.ids) - 2
