"""UUAS, DSpr, NSpr and root accuracy against a plain second implementation and known numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from probe_cases import random_sentence
from structural_oracle import (
    plain_distance,
    plain_dspr,
    plain_nspr,
    plain_root_accuracy,
    plain_tree,
    plain_uuas,
    tree_of,
    way_up,
)
from subprobe.data.sentences.conllu_reader import read_conllu
from subprobe.probes.structural.baselines import chain_totals
from subprobe.probes.structural.gold_trees import path_lengths, words_that_stay
from subprobe.probes.structural.measures import rank_correlations, shallowest
from subprobe.probes.structural.scores import ScoreKeeper, groups_of_one_length, value_of
from subprobe.probes.structural.spanning_trees import spanning_trees


def sentences(count=60, *, punctuation=0.3):
    found = [random_sentence(f"s{seed}", seed, low=1, high=13) for seed in range(count)]
    draw = np.random.default_rng(0)
    return [
        replace(
            one, upos=tuple("PUNCT" if draw.random() < punctuation else tag for tag in one.upos)
        )
        for one in found
    ]


@pytest.fixture(scope="module")
def trees():
    return [tree_of(one, "upos") for one in sentences()]


def scored(kind, trees, predicted):
    """The values of all metrics of one kind for predictions by sentence."""
    keeper = ScoreKeeper(kind, trees, 1)
    for texts in groups_of_one_length(trees, 1):
        keeper.put(texts, np.stack([predicted[one] for one in texts])[None])
    found = keeper.scores()
    values = {}
    for metric, totals in found.totals.items():
        kept = totals.scored
        [values[metric]] = value_of(metric, totals.numerators[:, kept], totals.denominators[kept])
    return values, found


def test_path_lengths_count_edges_up_and_down():
    for sentence in sentences(20):
        distances, depths = path_lengths(sentence.heads)
        words = range(len(sentence.words))
        assert distances.tolist() == [
            [plain_distance(sentence.heads, i, j) for j in words] for i in words
        ]
        assert depths.tolist() == [len(way_up(sentence.heads, i)) - 1 for i in words]


matrices = st.integers(1, 7).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 3), min_size=n * n, max_size=n * n),
        st.lists(st.booleans(), min_size=n, max_size=n),
    )
)


@given(st.lists(matrices, min_size=1, max_size=3))
def test_spanning_trees_break_ties_in_the_published_order(given):
    """Small whole numbers, 0 among them: ties everywhere, and no edge is lost for its weight."""
    size = max(len(stays) for _, stays in given)
    distances = np.zeros((len(given), size, size))
    stays = np.zeros((len(given), size), dtype=bool)
    expected = []
    for place, (values, flags) in enumerate(given):
        n = len(flags)
        upper = np.triu(np.array(values).reshape(n, n), 1)
        distances[place, :n, :n] = upper + upper.T
        stays[place, :n] = flags
        expected.append(sorted(plain_tree((upper + upper.T).astype(float), flags)))
    found = spanning_trees(distances, stays)
    assert [sorted(map(tuple, np.argwhere(one).tolist())) for one in found] == expected


def test_measures_are_those_of_the_plain_implementation(trees):
    draw = np.random.default_rng(1)
    distances, depths = [], []
    for tree in trees:
        noise = np.triu(draw.integers(0, 4, (len(tree), len(tree))), 1)  # whole numbers: ties
        distances.append((tree.distances + noise + noise.T).astype(float))
        depths.append((tree.depths + draw.integers(0, 3, len(tree))).astype(float))
    values, found = scored("distance", trees, distances)
    assert values["uuas"] == plain_uuas(trees, distances)
    assert values["dspr"] == pytest.approx(plain_dspr(trees, distances), abs=1e-12)
    assert found.n_constant == 0
    values, _ = scored("depth", trees, depths)
    kept = [place for place, depth in enumerate(depths) if len(set(depth)) > 1]
    assert len(kept) > 40
    values, _ = scored("depth", [trees[one] for one in kept], [depths[one] for one in kept])
    chosen = [trees[one] for one in kept], [depths[one] for one in kept]
    assert values["nspr"] == pytest.approx(plain_nspr(*chosen), abs=1e-12)
    assert values["root_accuracy"] == plain_root_accuracy(*chosen)


def test_gold_as_prediction_is_perfect():
    """But for a root that is punctuation: it is never looked for, as published."""
    whole = [tree_of(one, "upos") for one in sentences(40, punctuation=0.0)]
    values, _ = scored("distance", whole, [tree.distances.astype(float) for tree in whole])
    assert values["uuas"] == 1
    assert values["dspr"] == pytest.approx(1, abs=1e-12)
    values, _ = scored("depth", whole, [tree.depths.astype(float) for tree in whole])
    assert values["root_accuracy"] == 1
    assert values["nspr"] == pytest.approx(1, abs=1e-12)


def test_a_prediction_that_orders_nothing_counts_as_zero_and_is_counted(trees):
    values, found = scored("distance", trees, [np.zeros((len(one), len(one))) for one in trees])
    assert values["dspr"] == 0
    assert found.n_constant == sum(len(one) for one in trees if len(one) >= 5)
    values, found = scored("depth", trees, [np.ones(len(one)) for one in trees])
    assert values["nspr"] == 0
    assert found.n_constant == sum(len(one) >= 5 for one in trees)


def test_only_lengths_5_to_50_count_for_correlations():
    heads = [tuple(range(-1, n - 1)) for n in (4, 5, 50, 51)]
    base = random_sentence("s", 0)
    chains = [
        tree_of(replace(base, words=("a",) * len(one), heads=one, upos=(), deprels=(), xpos=()))
        for one in heads
    ]
    totals = chain_totals(chains)["dspr"]
    assert totals.scored.tolist() == [False, True, True, False]


def test_words_whose_tags_are_unknown_are_in_no_score_without_punctuation():
    untagged = tree_of(replace(random_sentence("s", 3, low=6), upos=()), "upos")
    assert untagged.stays is None
    tagged = tree_of(random_sentence("t", 4, low=6), "upos")
    totals = chain_totals([untagged, tagged])
    assert totals["uuas"].scored.tolist() == [False, True]
    assert totals["root_accuracy"].scored.tolist() == [False, True]
    assert totals["dspr"].scored.all()


def test_punctuation_is_what_the_tags_say():
    sentence = replace(
        random_sentence("s", 0, low=4, high=4),
        upos=("PUNCT", "NOUN", "SYM", "PUNCT"),
        xpos=(".", "NN", "NFP", "HYPH"),
    )
    assert words_that_stay(sentence, "upos").tolist() == [False, True, True, False]
    assert words_that_stay(sentence, "xpos").tolist() == [False, True, True, True]
    assert words_that_stay(sentence, "none").all()
    assert words_that_stay(replace(sentence, xpos=()), "xpos") is None


def test_the_shallowest_word_is_the_first_of_equals_and_no_punctuation():
    stays = np.array([[False, True, True], [False, False, False]])
    assert shallowest(np.array([[0.0, 2.0, 2.0], [3.0, 1.0, 2.0]]), stays).tolist() == [1, 1]


def test_correlations_of_constant_rows_are_undefined():
    found = rank_correlations(np.array([[1.0, 2.0, 2.0], [1.0, 1.0, 1.0]]), np.array([1, 2, 3]))
    assert found[0] == pytest.approx(np.sqrt(3) / 2)
    assert np.isnan(found[1])


@pytest.mark.parametrize(
    ("punctuation", "edges", "uuas"), [("xpos", 20196, 0.4297), ("upos", 20085, 0.4309),
                                       ("none", 23146, 0.4044)]
)  # fmt: skip
def test_the_linear_chain_on_ewt(realdata, ewt_dev, punctuation, edges, uuas):
    totals = chain_totals([tree_of(one, punctuation) for one in ewt_dev])
    [value] = value_of("uuas", totals["uuas"].numerators, totals["uuas"].denominators)
    assert totals["uuas"].denominators.sum() == edges
    assert round(float(value), 4) == uuas
    if punctuation == "xpos":
        roots = totals["root_accuracy"]
        [value] = value_of("root_accuracy", roots.numerators, roots.denominators)
        assert round(float(value), 4) == 0.2519
        kept = totals["dspr"].scored
        words = totals["dspr"].denominators[kept]
        [value] = value_of("dspr", totals["dspr"].numerators[:, kept], words)
        assert len(set(words)) == 46
        assert round(float(value), 4) == 0.5692


@pytest.fixture(scope="module")
def ewt_dev(realdata):
    return read_conllu(realdata / "ud" / "en_ewt-ud-dev.conllu")


def test_gold_distances_on_ewt_are_perfect(realdata, ewt_dev):
    trees = [tree_of(one, "none") for one in ewt_dev[:300]]
    values, _ = scored("distance", trees, [tree.distances.astype(float) for tree in trees])
    assert values["uuas"] == 1
    assert values["dspr"] == pytest.approx(1, abs=1e-12)
    values, _ = scored("depth", trees, [tree.depths.astype(float) for tree in trees])
    assert values["root_accuracy"] == 1
