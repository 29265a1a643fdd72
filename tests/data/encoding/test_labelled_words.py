"""Words with a class each: at their last subword, without those that have none."""

from dataclasses import replace

import numpy as np
import pytest
from labelled_sentences import tagged_sentences
from subprobe.data.encoding.labelled_words import UNSEEN, label_words
from subprobe.data.errors import AnnotationError, InputError, UnknownNameError
from subprobe.data.sentences.sentence import Sentence
from tiny import tiny_tokenizer

WORDS = ("The", "envelope", "sleeping", ".")
TAGS = ("DET", "NOUN", "VERB", "PUNCT")


@pytest.fixture(scope="module")
def tokenizer():
    return tiny_tokenizer("wordpiece")


def labelled(tokenizer, *sentences, **options):
    return label_words(tokenizer, sentences, "upos", **{"max_length": 64, **options})


def test_a_word_is_read_at_its_last_subword(tokenizer):
    found = labelled(tokenizer, Sentence("s", WORDS, upos=TAGS))
    pieces = [tokenizer.tokenize(word) for word in WORDS]
    assert max(map(len, pieces)) > 2
    # [CLS] stands before them
    assert found.pieces[0].tolist() == np.cumsum([len(one) for one in pieces]).tolist()
    assert [found.classes[one] for one in found.gold[0]] == list(TAGS)
    ids = found.batch([0]).texts.input_ids[0]
    last = [tokenizer.convert_ids_to_tokens(int(ids[p])) for p in found.pieces[0]]
    assert last == [one[-1] for one in pieces]


def test_batches_hold_every_word_once_whatever_their_size(tokenizer):
    found = labelled(tokenizer, *tagged_sentences(9))
    by_size = []
    for size in (1, 4, 20):
        seen = []
        for batch in found.batches(size):
            states = batch.texts.input_ids[..., None].float()
            seen += zip(batch.pick(states)[:, 0].tolist(), batch.gold.tolist(), strict=True)
            assert batch.texts.attention_mask[batch.text, batch.piece].all()
        assert len(seen) == found.n_words
        by_size.append(seen)
    assert by_size[0] == by_size[1] == by_size[2]


def test_words_without_a_label_or_cut_off_are_left_out_and_counted(tokenizer):
    with_gap = Sentence("s", WORDS, upos=("DET", "", "VERB", "PUNCT"))
    found = labelled(tokenizer, with_gap, Sentence("bare", WORDS))
    assert len(found.sentences) == 1
    assert [found.classes[one] for one in found.gold[0]] == ["DET", "VERB", "PUNCT"]
    assert found.n_words_dropped == 0
    length = 2 + sum(len(tokenizer.tokenize(word)) for word in WORDS[:2])
    cut = labelled(tokenizer, Sentence("s", WORDS, upos=TAGS), max_length=length)
    assert [cut.classes[one] for one in cut.gold[0]] == ["DET", "NOUN"]
    assert cut.n_words_dropped == 2


def test_labels_that_were_never_seen_are_no_class(tokenizer):
    train = labelled(tokenizer, Sentence("s", WORDS[:2], upos=TAGS[:2]))
    test = labelled(tokenizer, Sentence("s", WORDS, upos=TAGS), classes=train.classes)
    assert test.classes == ("DET", "NOUN")
    assert test.gold[0].tolist() == [0, 1, UNSEEN, UNSEEN]
    assert test.n_unseen == 2


def test_what_cannot_be_learnt_is_refused_in_one_line(tokenizer):
    bare = [replace(one, upos=()) for one in tagged_sentences(3)]
    with pytest.raises(AnnotationError, match="no sentence of the train part has upos") as error:
        label_words(tokenizer, bare, "upos", max_length=64, part="train part")
    assert "\n" not in str(error.value)
    alike = [replace(one, upos=("X",) * len(one.words)) for one in tagged_sentences(3)]
    with pytest.raises(InputError, match="have the upos 'X': there is nothing to learn"):
        labelled(tokenizer, *alike)
    unread = Sentence("s", ("\u200b", "\u200b"), upos=("A", "B"))
    with pytest.raises(InputError, match="has a subword of its own"):
        labelled(tokenizer, unread)
    with pytest.raises(UnknownNameError, match="upos"):
        label_words(tokenizer, tagged_sentences(3), "upas", max_length=64)
