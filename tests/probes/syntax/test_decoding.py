from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from subprobe.probes.syntax.decoding import decode
from subprobe.probes.syntax.tree_scores import NONE
from ufal.chu_liu_edmonds import chu_liu_edmonds

seeds = st.integers(0, 10_000)


def matrices(seed, sizes, *, units=2, low=0.0):
    """Scores [T, U, W, W] of sentences of unequal length; noise where there is no word."""
    draw = np.random.default_rng(seed)
    W = max(sizes)
    scores = draw.dirichlet(np.full(W, 0.3), size=(len(sizes), units, W)) + low
    return torch.from_numpy(scores), np.array(sizes)


def is_tree(heads, root=None):
    """Whether every word but one leads to that one."""
    roots = [word for word, head in enumerate(heads) if head == NONE]
    if len(roots) != 1 or (root is not None and roots[0] != root):
        return False
    for word in range(len(heads)):
        for _ in heads:
            word = heads[word] if heads[word] != NONE else word
        if word != roots[0]:
            return False
    return True


def brute_force(scores, root=None):
    """Highest sum over all arborescences."""
    n = len(scores)
    choices = [[h for h in range(-1, n) if h != word] for word in range(n)]
    return max(
        sum(scores[w][h] for w, h in enumerate(heads) if h != NONE)
        for heads in itertools.product(*choices)
        if is_tree(heads, root)
    )


def total(scores, heads):
    return sum(float(scores[w][h]) for w, h in enumerate(heads) if h != NONE)


@pytest.mark.parametrize("root", ["gold", "free"])
@pytest.mark.parametrize("log", [False, True])
@given(seed=seeds)
def test_arborescence_is_the_best_of_all(seed, root, log):
    scores, sizes = matrices(seed, (2, 4, 5), units=1)
    scores = scores.clamp_min(1e-300).log() if log else scores
    roots = np.random.default_rng(seed).integers(0, sizes)
    heads = decode(scores, sizes, roots, decoder="arborescence", root=root)
    for t, n in enumerate(sizes):
        found = heads[t, 0, :n].tolist()
        fixed = int(roots[t]) if root == "gold" else None
        assert is_tree(found, fixed)
        grid = scores[t, 0, :n, :n].tolist()
        assert total(grid, found) == pytest.approx(brute_force(grid, fixed), abs=1e-9)
        assert (heads[t, 0, n:] == NONE).all()


@pytest.mark.parametrize("root", ["gold", "free"])
def test_arborescence_of_long_sentences_equals_networkx(root):
    scores, sizes = matrices(3, (12, 25, 30), units=2)
    roots = np.array([3, 0, 29])
    heads = decode(scores, sizes, roots, decoder="arborescence", root=root)
    for t, n in enumerate(sizes):
        for u in range(2):
            grid, graph = scores[t, u].numpy(), nx.DiGraph()
            for word, head in itertools.permutations(range(n), 2):
                if root == "free" or word != roots[t]:
                    graph.add_edge(head, word, weight=float(grid[word, head]))
            tree = nx.maximum_spanning_arborescence(graph)
            best = sum(weight for _, _, weight in tree.edges(data="weight"))
            found = heads[t, u, :n].tolist()
            assert is_tree(found, int(roots[t]) if root == "gold" else None)
            assert total(grid, found) == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("log", [False, True])
@given(seed=seeds)
def test_spanning_tree_equals_networkx(seed, log):
    scores, sizes = matrices(seed, (1, 2, 6, 11))
    scores = scores.clamp_min(1e-300).log() if log else scores
    roots = np.random.default_rng(seed).integers(0, sizes)
    heads = decode(scores, sizes, roots, decoder="spanning-tree", root="gold")
    for t, n in enumerate(sizes):
        for u in range(scores.shape[1]):
            both = (scores[t, u] + scores[t, u].T).numpy()
            graph = nx.Graph()
            graph.add_nodes_from(range(n))
            for a, b in itertools.combinations(range(n), 2):
                graph.add_edge(a, b, weight=float(both[a, b]))
            best = nx.maximum_spanning_tree(graph).size("weight")
            found = heads[t, u, :n].tolist()
            assert is_tree(found, int(roots[t]))
            assert total(both, found) == pytest.approx(best, abs=1e-9)
            assert (heads[t, u, n:] == NONE).all()


@given(seed=seeds)
def test_max_takes_the_first_best_word_that_is_not_the_word_itself(seed):
    scores, sizes = matrices(seed, (1, 2, 6))
    scores = (scores * 4).round()  # many ties
    roots = np.random.default_rng(seed).integers(0, sizes)
    for root in ("gold", "free"):
        heads = decode(scores, sizes, roots, decoder="max", root=root)
        for t, u in itertools.product(range(3), range(2)):
            for word in range(scores.shape[-1]):
                others = [h for h in range(sizes[t]) if h != word]
                expected = NONE
                if word < sizes[t] and others and not (root == "gold" and word == roots[t]):
                    expected = max(others, key=lambda h: float(scores[t, u, word, h]))
                assert heads[t, u, word] == expected


def test_log_scores_give_another_tree_than_weights():
    # 1 under 0 and 2 under 1, or 2 under 0 and 1 under 2: sums .60 and .61, products .050 and .028
    weights = torch.tensor([[[[0, 0, 0], [0.5, 0, 0.56], [0.05, 0.1, 0]]]], dtype=torch.float64)
    lengths, roots = np.array([3]), np.array([0])
    by_sum = decode(weights, lengths, roots, decoder="arborescence")
    by_product = decode(weights.clamp_min(1e-12).log(), lengths, roots, decoder="arborescence")
    assert by_sum[0, 0].tolist() == [NONE, 2, 0]
    assert by_product[0, 0].tolist() == [NONE, 0, 1]


def test_scores_of_zero_are_edges_too():
    zero = torch.zeros((1, 1, 4, 4), dtype=torch.float64)
    for root in ("gold", "free"):
        heads = decode(zero, np.array([4]), np.array([2]), decoder="arborescence", root=root)
        assert is_tree(heads[0, 0].tolist(), 2 if root == "gold" else None)


@pytest.mark.parametrize("root", ["gold", "free"])
def test_arborescences_equal_those_of_a_compiled_solver(root):
    scores, sizes = matrices(7, (2, 9, 17, 40), units=6)
    roots = np.array([1, 4, 0, 39])
    heads = decode(scores, sizes, roots, decoder="arborescence", root=root)
    for t, n in enumerate(sizes):
        for u in range(6):
            # word 0 of the solver is an artificial root, under which exactly one word may hang
            grid = np.full((n + 1, n + 1), np.nan)
            grid[1:, 1:] = scores[t, u, :n, :n] + 2.0
            grid[np.diag_indices(n + 1)] = np.nan
            grid[1:, 0] = 1.0
            if root == "gold":
                grid[roots[t] + 1, 1:] = np.nan
            solved = np.array(chu_liu_edmonds(grid)[0])[1:] - 1
            assert heads[t, u, :n].tolist() == np.where(solved < 0, NONE, solved).tolist()
