from __future__ import annotations

import itertools

import numpy as np
import pytest
from subprobe.data.sentences.sentence import Sentence
from subprobe.data.sentences.word_groups import GROUPS, word_groups
from subprobe.probes.attribution.group_share import GroupShareTest


def groups_of(words, tags, deprels):
    sentence = Sentence(
        "s", tuple(words.split()), upos=tuple(tags.split()), deprels=tuple(deprels.split())
    )
    table = word_groups([sentence])
    return {
        name: [word for word, member in zip(sentence.words, row, strict=True) if member]
        for name, row in zip(GROUPS, table, strict=True)
    }


def test_groups_of_a_ud_tree():
    found = groups_of(
        "No cat did not give me the box in town",
        "DET NOUN AUX PART VERB PRON DET NOUN ADP NOUN",
        "det nsubj aux advmod root iobj det obj case obl",
    )
    assert found == {
        "subject": ["cat"],
        "verb": ["did", "give"],
        "object": ["me", "box"],
        "negation": ["No", "not"],
    }


def test_groups_of_a_clearnlp_tree():
    found = groups_of(
        "It was n't sold to him quickly",
        "PRON AUX PART VERB ADP PRON ADV",
        "nsubjpass auxpass neg ROOT dative pobj advmod",
    )
    assert found == {
        "subject": ["It"],
        "verb": ["was", "sold"],
        "object": ["to"],
        "negation": ["n't"],
    }


def test_exact_shares_and_expectation():
    test = GroupShareTest(2, permutations=50)
    test.update("a", np.array([1.0, 2.0, 5.0]), np.array([[1, 0, 1], [0, 0, 0]], dtype=bool))
    test.update("b", np.array([3.0, 1.0]), np.array([[0, 1], [1, 0]], dtype=bool))
    result = test.result()
    np.testing.assert_allclose(result.share, [[6 / 8, np.nan], [1 / 4, 3 / 4]])
    np.testing.assert_allclose(result.expected, [[2 / 3, np.nan], [1 / 2, 1 / 2]])
    np.testing.assert_allclose(result.mean, [0.5, 0.75])
    np.testing.assert_allclose(result.mean_expected, [7 / 12, 1 / 2])
    assert result.n.tolist() == [2, 1]


def test_p_value_equals_that_of_all_orders():
    weights, members = np.array([5.0, 1.0, 2.0, 0.5]), np.array([[1, 0, 0, 0]], dtype=bool)
    test = GroupShareTest(1, permutations=20_000)
    test.update("a", weights, members)
    share = weights / weights.sum()
    statistics = [order[0] for order in itertools.permutations(share)]
    exact = np.mean([abs(s - 0.25) >= abs(share[0] - 0.25) - 1e-12 for s in statistics])
    assert test.result().p_value[0] == pytest.approx(exact, abs=0.015)


def test_p_values_are_uniform_on_exchangeable_words():
    generator = np.random.default_rng(0)
    p_values = []
    for trial in range(300):
        test = GroupShareTest(1, permutations=199, seed=trial)
        for example in range(5):
            members = np.zeros((1, 8), dtype=bool)
            members[0, :3] = True
            test.update(f"e{example}", generator.exponential(size=8), members)
        p_values.append(test.result().p_value[0])
    for level in (0.1, 0.25, 0.5, 0.75, 0.9):
        assert np.mean(np.array(p_values) <= level) == pytest.approx(level, abs=0.09)


def test_a_planted_group_is_found_in_either_direction():
    members = np.zeros((2, 6), dtype=bool)
    members[0, 0] = members[1, 1] = True
    test = GroupShareTest(2, permutations=999)
    for example in range(12):
        test.update(f"e{example}", np.array([10.0, 0.0, 2.0, 2.0, 2.0, 2.0]), members)
    result = test.result()
    assert (result.p_value < 0.01).all()
    assert result.mean[0] > result.mean_expected[0] > result.mean[1]


def test_order_of_examples_does_not_matter_and_seed_does():
    generator = np.random.default_rng(1)
    cases = [
        (f"e{i}", generator.exponential(size=5), np.array([[1, 0, 0, 1, 0]], bool))
        for i in range(6)
    ]

    def p_value(cases, seed):
        test = GroupShareTest(1, permutations=200, seed=seed)
        for case in cases:
            test.update(*case)
        return test.result().p_value[0]

    assert p_value(cases, 0) == p_value(cases[::-1], 0)
    assert len({p_value(cases, seed) for seed in range(5)}) > 1


def test_a_group_that_no_example_has_has_no_value():
    test = GroupShareTest(1, permutations=10)
    test.update("a", np.ones(3), np.zeros((1, 3), dtype=bool))
    result = test.result()
    assert result.n[0] == 0
    assert np.isnan([result.mean[0], result.mean_expected[0], result.p_value[0]]).all()
