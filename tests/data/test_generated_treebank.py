"""The generated treebank: gold trees of well-formed sentences, parts of other content words."""

import pytest
from subprobe.data.errors import ConfigError
from subprobe.data.generated_treebank import SENTENCES, treebank
from subprobe.data.generator import acceptability, entailment

OPEN = {"NOUN", "VERB", "ADJ", "PROPN"}


@pytest.fixture(scope="module")
def parts():
    return treebank()


def test_parts_have_their_sizes_and_no_sentence_twice(parts):
    sizes = {name: len(getattr(parts, name)) for name in SENTENCES}
    assert sizes == SENTENCES == {"train": 2000, "dev": 250, "test": 500}
    every = [one.words for name in SENTENCES for one in getattr(parts, name)]
    assert len(set(every)) == len(every)
    assert parts.how == "generated"


def test_every_sentence_has_a_gold_tree_an_id_of_its_own_and_a_document(parts):
    for name in SENTENCES:
        part = getattr(parts, name)
        assert len({one.id for one in part}) == len(part)
        for one in part:
            assert (one.annotation, one.scheme) == ("gold", "ud")
            assert len(one.heads) == len(one.deprels) == len(one.upos) == len(one.words)
            assert one.document


def test_no_content_word_of_the_lexicon_is_in_two_parts(parts):
    words = [
        {
            word.lower()
            for one in getattr(parts, name)
            for word, tag in zip(one.words, one.upos, strict=True)
            if tag in OPEN
        }
        for name in SENTENCES
    ]
    assert min(map(len, words)) > 60
    shared = (words[0] & words[1]) | (words[0] & words[2]) | (words[1] & words[2])
    # these verbs stand in the templates: what they say of their clause is the point
    assert shared == {"failed", "hoped", "knew", "managed", "saw", "thought"}


def test_only_well_formed_sentences_are_in_it(parts):
    drawn = {"train": 3000, "validation": 376, "test": 752}
    good, bad = set(), set()
    for examples in acceptability(0, drawn).values():
        for one in examples:
            (good if one.label else bad).add(one.first.words)
    for examples in entailment(0, drawn).values():
        good |= {one.first.words for one in examples if one.label}
    every = {one.words for name in SENTENCES for one in getattr(parts, name)}
    assert every <= good
    assert len(bad - good) > 1000
    assert not every & (bad - good)


def test_the_same_seed_gives_the_same_sentences(parts):
    sizes = {"train": 20, "dev": 4, "test": 8}
    assert treebank(sizes) == treebank(sizes)
    assert treebank(sizes).train != treebank(sizes, seed=1).train


@pytest.mark.slow
def test_more_sentences_than_there_are_is_refused():
    with pytest.raises(ConfigError, match="sentences for validation"):
        treebank({"dev": 60_000})
