"""Pairs of words: true heads beside random other words, and relations."""

from dataclasses import replace

import numpy as np
import pytest
from planted_states import PlantedStates
from probe_cases import random_examples, tiny_context
from subprobe.data.sentences.sentence import ROOT, Example, Sentence
from subprobe.probes.tokens.arcs import NO, YES, arc_labels, arc_pairs


def states_of(examples, **context):
    planted = PlantedStates(lambda _sentence, place: [[float(place)]])
    return planted.of(tiny_context("bert", **context), examples)


@pytest.fixture(scope="module")
def states():
    return states_of(random_examples(20))


def by_name(states, labelled):
    """(sentence, dependent, other, label) of each pair."""
    place = np.concatenate([states.places(k) for k in range(len(states.examples))])
    return [
        (states.sentence(text).id, int(place[one]), int(place[other]), str(label))
        for one, other, label, text in zip(
            labelled.first, labelled.second, labelled.labels, labelled.text, strict=True
        )
    ]


def test_a_negative_is_another_word_that_is_not_the_head(states):
    pairs = by_name(states, arc_pairs(states, 0))
    sentences = {one.first.id: one.first for one in states.examples}
    assert len(pairs) > 100
    for id, word, other, label in pairs:
        head = sentences[id].heads[word]
        assert head != ROOT
        assert (other == head) == (label == YES)
        assert other != word
        assert 0 <= other < len(sentences[id].words)
    true = [(id, word) for id, word, _, label in pairs if label == YES]
    assert true == [(id, word) for id, word, _, label in pairs if label == NO]
    wanted = [(one.id, k) for one in sentences.values() for k, head in enumerate(one.heads)
              if head != ROOT and len(one.words) > 2]  # fmt: skip
    assert true == wanted


def test_every_other_word_may_be_the_negative():
    sentence = Sentence("s", ("a", "b", "c", "d", "e"), heads=(ROOT, 0, 0, 0, 0))
    states = states_of([Example("e", sentence)])
    found = {pair[1:3] for seed in range(60) for pair in by_name(states, arc_pairs(states, seed))
             if pair[3] == NO}  # fmt: skip
    assert found == {(d, o) for d in range(1, 5) for o in range(1, 5) if d != o}


def test_negatives_depend_on_the_seed_and_the_sentence_alone(states):
    pairs = by_name(states, arc_pairs(states, 0))
    assert by_name(states, arc_pairs(states, 0)) == pairs
    assert by_name(states, arc_pairs(states, 1)) != pairs
    backwards = states_of(list(states.examples)[::-1])
    assert sorted(by_name(backwards, arc_pairs(backwards, 0))) == sorted(pairs)


def test_arcs_without_a_negative_or_a_state_are_counted():
    short = Sentence("short", ("a", "b"), heads=(ROOT, 0), deprels=("root", "det"))
    flat = Sentence("flat", ("a", "b"), upos=("X", "X"))
    long = replace(short, id="long", words=("a",) * 30, heads=(29, *range(28), ROOT),
                   deprels=("det",) * 29 + ("root",))  # fmt: skip
    examples = [Example(one.id, one) for one in (short, flat, long)]
    states = states_of(examples, max_length=12)
    kept = len(states.places(2))
    assert 3 < kept < 30
    found = arc_pairs(states, 0)
    # the first word hangs on the last, which is cut off
    assert len(found.labels) == 2 * (kept - 1)
    assert found.lost == 1 + 29 - (kept - 1)
    assert arc_labels(states).lost == 29 - (kept - 1)


def test_a_pair_is_labelled_with_its_relation(states):
    pairs = by_name(states, arc_labels(states))
    wanted = [
        (one.first.id, k, head, one.first.deprels[k])
        for one in states.examples for k, head in enumerate(one.first.heads) if head != ROOT
    ]  # fmt: skip
    assert pairs == wanted
