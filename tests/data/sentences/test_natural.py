"""The shipped sentences: enough, all different, and varied in their syntax."""

from collections import Counter

import pytest
from subprobe.data.sentences.annotate import annotate
from subprobe.data.sentences.natural import natural_sentences
from subprobe.data.sentences.plain_text import read_corpus


def test_there_are_at_least_three_hundred_different_sentences():
    sentences = natural_sentences()
    texts = [sentence.text for sentence in sentences]
    assert len(texts) >= 300
    assert len(set(texts)) == len(texts)
    assert len({sentence.id for sentence in sentences}) == len(texts)


def test_every_line_is_a_clean_sentence():
    for sentence in natural_sentences():
        text = sentence.text
        assert text == text.strip()
        assert "  " not in text
        assert text[-1] in '.?!"', text
        assert 4 <= len(sentence.words) <= 25, text


def test_the_name_natural_reads_them():
    assert read_corpus("natural") == natural_sentences()


@pytest.fixture(scope="module")
def parsed():
    return annotate(natural_sentences())


@pytest.mark.parametrize(
    ("deprel", "least"),
    [
        ("nsubj", 200),
        ("nsubjpass", 30),
        ("relcl", 30),
        ("neg", 30),
        ("conj", 50),
        ("advcl", 30),
        ("ccomp", 30),
        ("xcomp", 20),
        ("dative", 5),
        ("agent", 5),
        ("expl", 5),
        ("poss", 20),
    ],
)
def test_the_syntax_is_varied(parsed, deprel, least):
    counts = Counter(relation for sentence in parsed for relation in sentence.deprels)
    assert counts[deprel] >= least


def test_questions_and_quotations_occur(parsed):
    texts = [sentence.text for sentence in parsed]
    assert sum(text.endswith("?") for text in texts) >= 15
    assert sum('"' in text for text in texts) >= 3
