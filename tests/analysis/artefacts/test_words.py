"""Words that go with a class: PMI with smoothing, against a plain second implementation."""

import math
import random
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, fisher_exact
from subprobe.analysis.artefacts.words import mutual_information, word_counts, word_table
from subprobe.analysis.statistics.clusters import units_of
from subprobe.data.errors import DataFileError

CLASSES = ("entailment", "neutral", "contradiction")


def made(count=300, seed=0):
    """Texts in which `outside` marks class 0, `sleeping` class 2, and `The` is everywhere."""
    rng = random.Random(seed)
    texts, labels = [], []
    for place in range(count):
        label = place % 3
        words = ["The", *rng.choices(["man", "dog", "boy's", "park", "eats"], k=4)]
        if rng.random() < 0.6:
            words.append({0: "Outside", 1: "friends", 2: "sleeping"}[label])
        if rng.random() < 0.1:
            words += ["outside", "outside"]
        texts.append(" ".join(words) + ".")
        labels.append(label)
    return texts, np.array(labels)


def oracle(texts, labels, smoothing):
    """Counts by hand, one per type and text, and the logarithm of each ratio."""
    counts = Counter()
    words = set()
    for text, label in zip(texts, labels, strict=True):
        types = set(re.findall(r"[a-z']+", text.lower()))
        words |= types
        for word in types:
            counts[word, label] += 1
    table = {(w, c): counts[w, c] + smoothing for w in words for c in range(3)}
    total = sum(table.values())
    of_word = {w: sum(table[w, c] for c in range(3)) for w in words}
    of_class = {c: sum(table[w, c] for w in words) for c in range(3)}
    return {
        (w, c): math.log(n / total / (of_word[w] / total * of_class[c] / total))
        for (w, c), n in table.items()
    }


@pytest.mark.parametrize("smoothing", [0.5, 100])
def test_pmi_is_that_of_counting_by_hand(smoothing):
    texts, labels = made()
    words, counts, _ = word_counts(texts, labels, 3)
    found = mutual_information(counts, smoothing)
    expected = oracle(texts, labels, smoothing)
    assert {(w, c) for w in words for c in range(3)} == set(expected)
    for row, word in enumerate(words):
        for column in range(3):
            assert found[row, column] == pytest.approx(expected[word, column], abs=1e-12)


def test_the_planted_words_lead_their_classes():
    texts, labels = made()
    table = word_table(texts, labels, CLASSES, units_of([None] * len(texts)), top=3)
    first = table[table["rank"] == 1].set_index("class")
    assert first["word"].to_dict() == {
        "entailment": "outside", "neutral": "friends", "contradiction": "sleeping",
    }  # fmt: skip
    assert (first["p_adjusted"] < 0.001).all()
    assert "the" not in set(first["word"])
    assert list(table["rank"]) == [1, 2, 3] * 3
    sleeping = first.loc["contradiction"]
    assert (sleeping["share"], sleeping["baseline_value"]) == (1.0, pytest.approx(1 / 3))


def test_no_word_is_listed_for_a_class_that_it_does_not_go_with():
    texts, labels = made()
    units = units_of([None] * len(texts))
    table = word_table(texts, labels, CLASSES, units, top=100)
    assert (table["pmi"] > 0).all()
    words, counts, _ = word_counts(texts, labels, 3)
    above = mutual_information(counts) > 1e-12
    for k, name in enumerate(CLASSES):
        mine = set(table.loc[table["class"] == name, "word"])
        assert mine == {word for word, one in zip(words, above[:, k], strict=True) if one}
    # words that are in all texts alike go with no class
    same = word_table(["the cat"] * 6, np.arange(6) % 3, CLASSES, units[:6], smoothing=0)
    assert same.empty


def test_p_and_interval_are_exact_ones():
    texts, labels = made()
    table = word_table(texts, labels, CLASSES, units_of([None] * len(texts)), top=2)
    words = len({w for text in texts for w in re.findall(r"[a-z']+", text.lower())})
    assert set(table["family_size"]) == {3 * words}
    for line in table.itertuples():
        k = CLASSES.index(line[1])
        there = np.array([line.word in re.findall(r"[a-z']+", t.lower()) for t in texts])
        mine = labels == k
        assert line.n == there.sum()
        assert line.n_in_class == (there & mine).sum()
        square = [[(there & mine).sum(), (there & ~mine).sum()],
                  [(~there & mine).sum(), (~there & ~mine).sum()]]  # fmt: skip
        assert line.p_value == pytest.approx(fisher_exact(square, "greater").pvalue, rel=1e-9)
        limits = binomtest(line.n_in_class, line.n).proportion_ci(method="exact")
        assert (line.ci_low, line.ci_high) == pytest.approx((limits.low, limits.high))
        assert line.p_adjusted >= line.p_value


def test_texts_of_a_group_are_not_tested_as_independent_ones():
    texts, labels = made(60)
    units = units_of([f"g{place // 6}" for place in range(60)])
    table = word_table(texts, labels, CLASSES, units, top=2)
    assert table["p_value"].isna().all()
    assert (table["flag"] == "texts of a group are not independent").all()
    assert (table["n_clusters"] <= 10).all()
    assert table["ci_method"].str.contains("clusters").any()
    alone = word_table(texts, labels, CLASSES, units_of([None] * 60), top=2)
    assert list(alone["word"]) == list(table["word"])


@given(
    st.lists(st.lists(st.integers(0, 50), min_size=2, max_size=2), min_size=1, max_size=8),
    st.floats(0.01, 1000),
)
def test_pmi_of_independent_counts_is_zero_and_smoothing_pulls_towards_it(rows, smoothing):
    counts = np.array(rows)
    found = mutual_information(counts, smoothing)
    table = counts + smoothing
    # the mean of PMI under the joint distribution is mutual information: never negative
    assert (table / table.sum() * found).sum() >= -1e-9
    outer = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    assert mutual_information(outer, 0.0) == pytest.approx(np.zeros(counts.shape), abs=1e-9)
    assert np.abs(mutual_information(counts, 1e7)).max() < 1e-4


def test_texts_without_words_are_refused():
    with pytest.raises(DataFileError, match="no training text contains a word"):
        word_counts(["...", "-"], np.array([0, 1]), 2)


def test_without_smoothing_an_impossible_pair_is_minus_infinity_and_nothing_warns(recwarn):
    counts = np.array([[3, 0, 0], [1, 4, 0]])
    found = mutual_information(counts, 0)
    assert found[0, 0] == pytest.approx(np.log(3 / 8 / (3 / 8 * 4 / 8)))
    assert found[0, 1] == -np.inf
    assert np.isnan(found[:, 2]).all()
    assert not recwarn.list


def test_labels_that_no_text_has_get_no_first_word_by_chance():
    texts = ["a b", "a c"]
    table = word_table(texts, np.array([0, 1]), CLASSES, units_of([None, None]), top=1)
    third = table[table["class"] == "contradiction"].iloc[0]
    assert (third["n_in_class"], third["share"], third["p_adjusted"]) == (0, 0.0, 1.0)
