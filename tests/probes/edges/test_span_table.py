"""Spans as arrays: which words they cover, what cutting loses, and batches of them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from span_cases import made_states, made_table, random_examples, tiny_context
from subprobe.data.sentences.sentence import Example, Sentence
from subprobe.data.spans.labelled import LabelledSpan, dependency_spans, upos_spans
from subprobe.probes.edges.span_batches import span_batches
from subprobe.probes.edges.span_table import label_counts, span_table
from subprobe.probes.states.cache import passing_states


@pytest.fixture(scope="module")
def gathered():
    context, examples = tiny_context(), random_examples(12)
    with passing_states() as cache:
        yield cache.of(context, examples), cache.of(replace(context, max_length=12), examples)


def word_of(states, row):
    """The word that a row of the states is of."""
    for text in range(len(states.examples)):
        rows = states.rows(text)
        if rows.start <= row < rows.stop:
            return text, int(states.places(text)[row - rows.start])
    raise AssertionError


def test_spans_lie_on_their_words(gathered):
    states, _ = gathered
    labels = list(label_counts([one.first for one in states.examples], dependency_spans))
    table = span_table(states, dependency_spans, labels, pairs=True)
    expected = [
        (text, span.first[0], span.second[0], span.labels[0])
        for text in range(len(states.examples))
        for span in dependency_spans(states.sentence(text))
    ]
    assert len(table) == len(expected)
    for place, (text, word, head, label) in enumerate(expected):
        for side, index in enumerate((word, head)):
            start, end = table.spans[place, side]
            assert end - start == 1
            assert word_of(states, start) == (text, index)
        assert labels[table.labels[table.starts[place]]] == label
    assert table.n_lost == 0


def test_a_span_with_a_word_that_is_cut_off_is_lost(gathered):
    whole, cut = gathered
    labels = ["A"]

    def spans(sentence):
        return (LabelledSpan((0, len(sentence.words)), None, ("A",)),)

    table = span_table(cut, spans, labels, pairs=False)
    complete = [
        text
        for text in range(len(cut.examples))
        if len(cut.places(text)) == len(cut.sentence(text).words)
    ]
    assert table.text.tolist() == complete
    assert 0 < table.n_lost == len(cut.examples) - len(complete)
    one_word = span_table(cut, upos_spans, ["NOUN"], pairs=False)
    lost = sum(len(one.first.words) for one in whole.examples) - cut.num_words
    assert one_word.n_lost == lost > 0


def test_words_of_a_second_sentence_carry_no_span():
    first = Sentence("a", ("The", "dog", "slept"), upos=("DET", "NOUN", "VERB"))
    second = Sentence("b", ("A", "cat", "did", "not"), upos=("DET", "NOUN", "AUX", "PART"))
    with passing_states() as cache:
        states = cache.of(tiny_context(), [Example("e", first, second)])
    table = span_table(states, upos_spans, ["DET", "NOUN", "VERB"], pairs=False)
    assert table.spans[:, 0].tolist() == [[0, 1], [1, 2], [2, 3]]
    assert states.num_words == 7


def test_gold_and_labels_that_were_not_learnt(gathered):
    states, _ = gathered

    def spans(sentence):
        return (
            LabelledSpan((0, 1), None, ("B", "X", "A")),
            LabelledSpan((0, 2), None, ()),
            LabelledSpan((1, 2), None, ("C",)),
        )

    table = span_table(states, spans, ["A", "B", "C"], pairs=False)
    assert table.unseen[:3].tolist() == [1, 0, 0]
    assert table.gold(np.array([0, 1, 2]), 3).tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]
    assert table.gold(np.array([2, 0]), 3).tolist() == [[0, 0, 1], [1, 1, 0]]
    assert label_counts([states.sentence(0)], spans) == {"A": 1, "B": 1, "C": 1, "X": 1}


@pytest.mark.parametrize("pairs", [False, True])
def test_batches_hold_every_span_once_with_its_own_words(pairs):
    states, table = made_states(20, 3, 2), made_table(20, pairs=pairs, labels=4)
    orders = []
    for order in (None, (0, 0), (0, 1), (0, 1)):
        seen = []
        for batch in span_batches(states, table, 4, texts=6, order=order):
            assert len(set(table.text[batch.chosen])) <= 6
            assert np.array_equal(batch.gold.numpy(), table.gold(batch.chosen, 4))
            assert (batch.dropout is None) == (order is None)
            for side, cover in enumerate(batch.covers):
                for number, span in enumerate(batch.chosen):
                    own = batch.vectors[:, cover.word[cover.span == number]]
                    start, end = table.spans[span, side]
                    assert torch.equal(own, states.drawn[:, start:end])
            seen += batch.chosen.tolist()
        assert sorted(seen) == list(range(len(table)))
        orders.append(seen)
    assert orders[0] == list(range(len(table)))
    assert orders[1] != orders[2]
    assert orders[2] == orders[3]
