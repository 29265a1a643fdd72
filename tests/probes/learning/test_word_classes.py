"""Labels of words as numbers, in the order of the words that have a state."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from probe_cases import random_examples, tiny_context
from scipy.stats import entropy
from subprobe.data.errors import InputError, UnknownNameError
from subprobe.probes.learning.word_classes import WordClasses, entropy_of, forms_of, labels_of
from subprobe.probes.states.cache import StateCache


def test_labels_are_those_of_the_words_that_are_kept(tmp_path):
    context = replace(tiny_context("bert", double=False), max_length=9)
    examples = random_examples(6, pairs=True)
    bare = replace(examples[2], first=replace(examples[2].first, upos=()))
    states = StateCache(tmp_path).of(context, [*examples[:2], bare, *examples[3:]])
    labels, forms = labels_of(states, "upos"), forms_of(states)
    assert len(labels) == len(forms) == states.num_words
    n_cut = 0
    for text, example in enumerate(states.examples):
        rows = range(*states.rows(text).indices(states.num_words))
        firsts = [row for row, place in zip(rows, states.places(text), strict=True) if place >= 0]
        places = [place for place in states.places(text) if place >= 0]
        n_cut += len(example.first.words) - len(places)
        assert [forms[row] for row in firsts] == [example.first.words[p] for p in places]
        tags = example.first.upos or [""] * len(example.first.words)
        assert [labels[row] for row in firsts] == [tags[p] for p in places]
        assert all(labels[row] == forms[row] == "" for row in set(rows) - set(firsts))
    assert n_cut


def test_classes_are_counted_and_numbered_by_name():
    labels = ["B", "", "A", "B", "C", "B"]
    classes = WordClasses.of(labels, "upos", where="probe")
    assert classes == WordClasses(("A", "B", "C"), (1, 3, 1))
    assert classes.numbers([*labels, "D"]).tolist() == [1, -1, 0, 1, 2, 1, -1]
    np.testing.assert_allclose(classes.shares, [0.2, 0.6, 0.2])
    assert entropy_of(classes.counts) == pytest.approx(entropy([1, 3, 1], base=2))
    assert entropy_of([4, 0, 4]) == 1


@pytest.mark.parametrize(
    ("labels", "said"),
    [(["", ""], "no word is labelled"), (["A", "", "A"], "all words have the label 'A'")],
)
def test_fewer_than_two_labels_are_refused(labels, said):
    with pytest.raises(InputError, match=f"at least two labels of upos: {said}"):
        WordClasses.of(labels, "upos", where="probe")


def test_a_part_without_a_known_label_is_refused():
    classes = WordClasses(("A", "B"), (2, 2))
    assert classes.known_numbers(["", "B"], "upos", "dev", where="p").tolist() == [-1, 1]
    with pytest.raises(InputError, match="no word of the dev part has a label of upos"):
        classes.known_numbers(["", "C"], "upos", "dev", where="p")


def test_an_unknown_property_is_refused(tmp_path):
    states = StateCache(tmp_path).of(tiny_context("bert", double=False), random_examples(2))
    with pytest.raises(UnknownNameError, match="colour"):
        labels_of(states, "colour")
