"""Spans derived from the annotation of a sentence."""

import pytest
from subprobe.data.sentences.sentence import ROOT, Sentence
from subprobe.data.spans.labelled import (
    ANNOTATED,
    LabelledSpan,
    dependency_spans,
    entity_spans,
    upos_spans,
)

PARSED = Sentence(
    id="s",
    words=("Ann", "saw", "Bob"),
    upos=("PROPN", "VERB", "PROPN"),
    heads=(1, ROOT, 1),
    deprels=("nsubj", "root", "obj"),
)


def test_words_and_heads_the_root_with_itself():
    assert dependency_spans(PARSED) == (
        LabelledSpan((0, 1), (1, 2), ("nsubj",)),
        LabelledSpan((1, 2), (1, 2), ("root",)),
        LabelledSpan((2, 3), (1, 2), ("obj",)),
    )


def test_words_with_their_tags():
    assert upos_spans(PARSED)[1] == LabelledSpan((1, 2), None, ("VERB",))
    assert len(upos_spans(PARSED)) == 3


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("O O O", []),
        ("B-PER O B-ORG", [(0, 1, "PER"), (2, 3, "ORG")]),
        ("B-PER I-PER O", [(0, 2, "PER")]),
        ("B-PER B-PER I-PER", [(0, 1, "PER"), (1, 3, "PER")]),
        ("B-PER I-ORG I-ORG", [(0, 1, "PER"), (1, 3, "ORG")]),
        ("I-PER I-PER O", [(0, 2, "PER")]),
        ("O B-X-Y I-X-Y", [(1, 3, "X-Y")]),
    ],
)
def test_entities(tags, expected):
    sentence = Sentence(id="s", words=("a", "b", "c"), entities=tuple(tags.split()))
    found = [(one.first[0], one.first[1], one.labels[0]) for one in entity_spans(sentence)]
    assert found == expected


def test_nothing_of_a_sentence_without_annotation():
    bare = Sentence(id="s", words=("a", "b"))
    assert [find(bare) for find in ANNOTATED.values()] == [(), (), ()]
