from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from probe_cases import random_sentence
from subprobe.data.errors import AnnotationError, ConfigError
from subprobe.data.sentences.sentence import ROOT
from subprobe.probes.syntax.offsets import offset_scores
from subprobe.probes.syntax.tree_baselines import tree_baselines
from subprobe.probes.syntax.tree_scores import NONE, count_found, gold_tree, pad_trees, relink
from tiers import mostly_slow


def tagged(seed, *, low=2, high=14):
    """A random tree in which every third word or so is punctuation, wherever it hangs."""
    sentence = random_sentence(f"s{seed}", seed, low=low, high=high)
    draw = np.random.default_rng(seed)
    upos = tuple("PUNCT" if draw.random() < 0.35 else tag for tag in sentence.upos)
    return replace(sentence, upos=upos)


def climb(heads, removed, word):
    """The nearest ancestor that stays, step by step."""
    seen, up = {word}, heads[word]
    while up != NONE and removed[up]:
        if up in seen:
            return NONE
        seen.add(up)
        up = heads[up]
    return NONE if up == word else up


def plain_score(heads, gold):
    """Directed and undirected hits by sets of pairs."""
    edges = {(w, h) for w, h in enumerate(gold) if h != NONE}
    found = {(w, h) for w, h in enumerate(heads) if h != NONE}
    either = {frozenset(edge) for edge in found}
    return len(edges & found), sum(frozenset(edge) in either for edge in edges)


graphs = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(-1, n - 1), min_size=n, max_size=n),
        st.lists(st.booleans(), min_size=n, max_size=n),
    )
)


@given(graphs)
def test_relinking_climbs_to_the_nearest_word_that_stays(graph):
    heads = [NONE if head == word else head for word, head in enumerate(graph[0])]
    removed = graph[1]
    expected = [
        NONE if removed[word] else climb(heads, removed, word) for word in range(len(heads))
    ]
    assert relink(np.array(heads), np.array(removed)).tolist() == expected


@given(st.integers(0, 10_000))
def test_counts_equal_those_of_sets_of_pairs(seed):
    gold = gold_tree(tagged(seed))
    draw = np.random.default_rng(seed)
    n = len(gold.heads)
    heads = np.array([draw.choice([h for h in range(-1, n) if h != word]) for word in range(n)])
    assert tuple(int(count) for count in count_found(heads, gold.heads)) == plain_score(
        heads.tolist(), gold.heads.tolist()
    )
    assert [int(count) for count in count_found(gold.heads, gold.heads)] == [gold.n_arcs] * 2


@given(st.integers(0, 10_000))
def test_renumbering_and_relinking_in_place_are_one(seed):
    tree = gold_tree(tagged(seed))
    stays = np.flatnonzero(~tree.punctuation)
    linked = relink(tree.heads, tree.punctuation)
    bare = tree.without_punctuation
    back = [NONE if head == NONE else int(stays[head]) for head in bare.heads]
    assert back == linked[stays].tolist()
    assert bare.n_arcs == int((linked != NONE).sum())
    assert (bare.root == NONE) == (tree.root not in stays)


@given(st.integers(0, 10_000))
def test_a_relinked_chain_is_the_chain_of_the_words_that_stay(seed):
    tree = gold_tree(tagged(seed))
    linked = relink(np.arange(len(tree.heads)) - 1, tree.punctuation)
    stays = np.flatnonzero(~tree.punctuation)
    assert linked[stays].tolist() == [NONE, *stays[:-1].tolist()][: len(stays)]


def test_cut_words_leave_no_arcs():
    sentence = replace(
        random_sentence("s", 0, low=4, high=4),
        heads=(1, ROOT, 1, 2),
        deprels=("a", "root", "b", "c"),
    )
    tree = gold_tree(sentence, [0, 2, 3])
    assert tree.heads.tolist() == [NONE, NONE, 1]
    assert tree.root == NONE
    assert gold_tree(sentence, [0, 1]).root == 1


def plain_baselines(sentences, punctuation):
    """Hits and arcs of each baseline by loops, offset chosen and scored on all sentences."""
    trees = []
    for sentence in sentences:
        heads, tags = list(sentence.heads), sentence.upos
        gone = [not punctuation and tag == "PUNCT" for tag in tags]
        stays = [word for word in range(len(heads)) if not gone[word]]
        ups = [climb(heads, gone, word) for word in stays]
        root = next((i for i, word in enumerate(stays) if heads[word] == -1), -1)
        trees.append(([stays.index(up) if up != NONE else NONE for up in ups], root))
    distances = [h - w for tree, _ in trees for w, h in enumerate(tree) if h != NONE]
    offset = max(set(distances), key=lambda d: (distances.count(d), -abs(d), -d))
    heads_of = {
        "right-branching": lambda w, root: w - 1,
        "left-branching": lambda w, root: w + 1,
        "adjacent-chain": lambda w, root: NONE if w == root else w + (1 if root > w else -1),
        "best-offset": lambda w, root: w + offset,
    }
    found = {}
    for name, head in heads_of.items():
        hits = np.zeros(2, dtype=int)
        for tree, root in trees:
            guess = [head(w, root) for w in range(len(tree))]
            guess = [h if 0 <= h < len(tree) else NONE for h in guess]
            hits += plain_score(guess, tree)
        found[name] = (*hits.tolist(), len(distances))
    return found


def test_baselines_equal_plain_loops():
    sentences = [tagged(seed) for seed in range(25)]
    scores = tree_baselines(sentences, selection="reported")
    for suffix, punctuation in (("", True), ("_no_punct", False)):
        expected = plain_baselines(sentences, punctuation)
        found = {
            name: (one[f"uas{suffix}"].correct, one[f"uuas{suffix}"].correct, one[f"uas{suffix}"].n)
            for name, one in scores.items()
        }
        assert found == expected


def test_offset_agrees_with_that_of_single_relations():
    sentences = [tagged(seed) for seed in range(25)]
    for selection in ("held-out", "reported"):
        ours = tree_baselines(sentences, selection=selection)["best-offset"]["uas"]
        other = offset_scores(sentences, selection=selection, min_count=1)["all"]
        assert (ours.offset, ours.correct, ours.n) == (other.offset, other.correct, other.n)


def test_padding_is_no_word():
    trees = [gold_tree(tagged(seed, low=n, high=n)) for seed, n in enumerate((1, 3, 7))]
    heads, punctuation = pad_trees(trees)
    assert heads.shape == punctuation.shape == (3, 7)
    assert (heads[0] == NONE).all()
    assert [int((row != NONE).sum()) for row in heads] == [tree.n_arcs for tree in trees]
    assert not punctuation[0, 1:].any()


def test_bad_input_is_refused():
    with pytest.raises(AnnotationError, match="no dependency tree"):
        gold_tree(replace(tagged(1), heads=()))
    assert gold_tree(replace(tagged(1), upos=())).without_punctuation.n_arcs == 0
    with pytest.raises(ConfigError, match="held-out or reported"):
        tree_baselines([tagged(1)], selection="best")  # type: ignore[arg-type]


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("part", "kept", "n_kept", "removed", "n_removed", "offset"),
    mostly_slow(
        [("dev", 0.4044, 23146, 0.4309, 20085, 0.3160),
         ("test", 0.4051, 23017, 0.4305, 19952, 0.3148)],
        [("dev", 0.4044, 23146, 0.4309, 20085, 0.3160)],
    ),
)  # fmt: skip
def test_baselines_of_ewt(realdata, part, kept, n_kept, removed, n_removed, offset):
    from subprobe.data.sentences.conllu_reader import read_conllu

    sentences = read_conllu(realdata / "ud" / f"en_ewt-ud-{part}.conllu")
    scores = tree_baselines(sentences, selection="reported")
    chain, best = scores["adjacent-chain"], scores["best-offset"]["uas"]
    assert (round(chain["uuas"].value, 4), chain["uuas"].n) == (kept, n_kept)
    bare = chain["uuas_no_punct"]
    assert (round(bare.value, 4), bare.n) == (removed, n_removed)
    assert (best.offset, round(best.value, 4)) == (1, offset)
    for name in ("right-branching", "left-branching"):
        assert scores[name]["uuas"] == chain["uuas"]


@pytest.mark.realdata
def test_second_offset_of_ewt_dev(realdata):
    from subprobe.data.sentences.conllu_reader import read_conllu
    from subprobe.probes.syntax.arcs import arcs_of

    arcs = [arcs_of(s) for s in read_conllu(realdata / "ud" / "en_ewt-ud-dev.conllu")]
    distance = np.concatenate([one.head - one.dependent for one in arcs])
    assert round(float((distance == 2).mean()), 4) == 0.1486
