"""A corpus cut into parts: by documents, else by sentences, whatever its order."""

import random
from dataclasses import replace

import pytest
from subprobe.data.errors import InputError
from subprobe.data.sentences.parted import part_by_hash
from subprobe.data.sentences.sentence import Sentence


def sentences(count, documents=0):
    return [
        Sentence(str(i), (f"word{i}", "."), document=f"d{i % documents}" if documents else "")
        for i in range(count)
    ]


def ids(parts):
    return [{one.id for one in part} for part in parts]


def test_sentences_are_parted_by_their_words_in_eight_one_and_one_tenths():
    parts, how = part_by_hash(sentences(200))
    assert how == "by sentence"
    assert [len(part) for part in parts] == [160, 20, 20]
    assert set.union(*ids(parts)) == {str(i) for i in range(200)}


def test_the_order_of_the_corpus_decides_nothing():
    corpus = sentences(100)
    mixed = random.Random(1).sample(corpus, len(corpus))
    assert ids(part_by_hash(corpus)[0]) == ids(part_by_hash(mixed)[0])


def test_equal_sentences_are_in_one_part():
    corpus = sentences(30)
    twice = [*corpus, *(replace(one, id=f"{one.id}b") for one in corpus)]
    for part in ids(part_by_hash(twice)[0]):
        assert {name.rstrip("b") for name in part} == {n for n in part if not n.endswith("b")}


def test_enough_documents_stay_whole():
    parts, how = part_by_hash(sentences(300, documents=40))
    assert how == "by document"
    of = [{one.document for one in part} for part in parts]
    assert sum(map(len, of)) == 40
    assert len(parts[0]) > 220


def test_a_few_documents_are_cut():
    assert part_by_hash(sentences(300, documents=29))[1] == "by sentence"


def test_a_sentence_without_a_document_stands_for_itself():
    alone = [replace(one, id=f"x{one.id}", words=(f"x{one.id}",)) for one in sentences(300)]
    corpus = [*sentences(300, documents=40), *alone]
    parts, how = part_by_hash(corpus)
    assert how == "by document"
    loose = [sum(not one.document for one in part) for part in parts]
    assert min(loose) > 10


@pytest.mark.parametrize("count", [3, 4, 5])
def test_each_part_gets_one_at_least(count):
    parts, _ = part_by_hash(sentences(count))
    assert min(map(len, parts)) >= 1


def test_two_shares_make_two_parts():
    parts, _ = part_by_hash(sentences(50), (0.9, 0.1))
    assert [len(part) for part in parts] == [45, 5]


@pytest.mark.parametrize(
    ("corpus", "said"),
    [
        (sentences(2), "2 different sentences cannot be split into 3 parts"),
        ([replace(sentences(1)[0], id=str(i)) for i in range(9)], "1 different sentence cannot"),
        ([], "0 different sentences"),
    ],
)
def test_fewer_sentences_than_parts_are_refused(corpus, said):
    with pytest.raises(InputError, match=said):
        part_by_hash(corpus)
