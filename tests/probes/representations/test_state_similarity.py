from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from attention_oracle import plain_text
from probe_cases import hooks_on, random_examples, tiny_context, with_dead_heads
from scipy.stats import spearmanr
from subprobe.analysis.intervals.jackknife import similarity_intervals
from subprobe.data.errors import InputError
from subprobe.probes.named import run_named_probes
from subprobe.probes.representations.similarity import (
    CrossProducts,
    dissimilarities,
    rank_correlation,
)
from subprobe.probes.representations.state_similarity import LEFT_OUT, run_state_similarity

DEAD = [(0, 0), (0, 1), (1, 2)]


def plain_cka(x, y):
    """Kornblith et al. (2019) by Gram matrices: HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L))."""
    n = len(x)
    centre = np.eye(n) - np.ones((n, n)) / n
    k, m = centre @ x @ x.T @ centre, centre @ y @ y.T @ centre
    return np.sum(k * m) / np.sqrt(np.sum(k * k) * np.sum(m * m))


def cka(x, y):
    return CrossProducts.of(torch.from_numpy(x), torch.from_numpy(y)).cka()


@pytest.fixture(scope="module")
def vectors():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 12)) @ rng.normal(size=(12, 12)) + 100
    return x, x @ rng.normal(size=(12, 12)) + 3 * rng.normal(size=(60, 12))


def test_cka_is_that_of_gram_matrices(vectors):
    x, y = vectors
    assert cka(x, y) == pytest.approx(plain_cka(x, y), abs=1e-10)
    assert 0.1 < cka(x, y) < 0.99
    assert cka(x, y) == pytest.approx(cka(y, x), abs=1e-12)


def test_cka_does_not_depend_on_rotation_scale_and_place(vectors):
    x, y = vectors
    rotation, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(12, 12)))
    assert cka(x, x) == pytest.approx(1, abs=1e-12)
    assert cka(x, 7 * x @ rotation - 50) == pytest.approx(1, abs=1e-10)
    assert cka(x, 7 * y @ rotation - 50) == pytest.approx(cka(x, y), abs=1e-10)
    # it is not invariant to any linear map
    assert cka(x, x * np.arange(1, 13)) < 0.999


def test_cka_of_what_does_not_vary_is_undefined(vectors):
    x, _ = vectors
    assert np.isnan(cka(x, np.ones_like(x)))


def test_products_add_up_and_can_be_taken_away(vectors):
    x, y = (torch.from_numpy(one) for one in vectors)
    first, second = CrossProducts.of(x[:17], y[:17]), CrossProducts.of(x[17:], y[17:])
    both = first.plus(second)
    assert both.cka() == pytest.approx(plain_cka(x.numpy(), y.numpy()), abs=1e-10)
    rest = both.less(first).cka()
    assert rest == pytest.approx(plain_cka(x[17:].numpy(), y[17:].numpy()), abs=1e-9)
    assert both.less(both).count == 0


@pytest.mark.parametrize("kind", ["correlation", "cosine", "euclidean"])
def test_rsa_is_the_rank_correlation_of_dissimilarities(kind, vectors):
    x, y = vectors

    def apart(a, b):
        if kind == "euclidean":
            return np.linalg.norm(a - b)
        if kind == "correlation":
            a, b = a - a.mean(), b - b.mean()
        return 1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    pairs = [(i, j) for i in range(60) for j in range(i + 1, 60)]
    wanted = [[apart(one[i], one[j]) for i, j in pairs] for one in (x, y)]
    found = [dissimilarities(one, kind) for one in (x, y)]
    np.testing.assert_allclose(found, wanted, atol=1e-9)
    assert rank_correlation(*found) == pytest.approx(spearmanr(*wanted).statistic, abs=1e-6)
    assert rank_correlation(found[0], found[0]) == pytest.approx(1)
    assert np.isnan(rank_correlation(found[0], np.zeros(len(pairs))))


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_agrees_with_states_of_single_texts(family):
    context = replace(tiny_context(family), pre_split=True)
    masked = with_dead_heads(context, DEAD)
    examples = [one for one in random_examples(12) if one.first.words]
    result = run_state_similarity(masked, examples, batch_size=5)
    assert hooks_on(context.model) == 0
    rows = result.rows.set_index(["metric", "layer"])["value"].astype(float)
    for level in range(3):
        states = [
            np.concatenate([_words(one, example, level) for example in examples])
            for one in (masked, context)
        ]
        assert rows["linear_cka", level] == pytest.approx(plain_cka(*states), abs=1e-5)
        pairs = [dissimilarities(one, "correlation") for one in states]
        assert rows["rsa", level] == pytest.approx(spearmanr(*pairs).statistic, abs=1e-4)
    assert rows["linear_cka", 0] == pytest.approx(1, abs=1e-12)
    assert rows["linear_cka", 2] < 0.99


def _words(context, example, level):
    from subprobe.data.encoding.alignment import encode_words

    plain = plain_text(context, example)
    encoded = encode_words(context.tokenizer, [example.first], None, max_length=128)[0]
    word = np.array(encoded.word_of_piece)
    return np.stack([plain.states[level][word == w].mean(0) for w in range(max(word) + 1)])


def test_the_whole_model_is_like_itself():
    (result,) = run_named_probes(tiny_context("bert"), random_examples(6), ["state-similarity"])
    np.testing.assert_allclose(result.rows["value"].astype(float), 1, atol=1e-12)
    rows = similarity_intervals(result)
    np.testing.assert_allclose(rows[["ci_low", "ci_high"]].astype(float), 1, atol=1e-7)


def test_intervals_are_a_jackknife_over_blocks():
    context = with_dead_heads(tiny_context("bert"), DEAD)
    result = run_state_similarity(context, random_examples(40), blocks=8, words=60)
    rows = similarity_intervals(result)
    assert set(rows["ci_method"]) == {"jackknife over 8 blocks of sentences"}
    assert set(rows["n_clusters"]) == {8}
    items = result.items
    values = result.arrays[LEFT_OUT]
    for place, metric in enumerate(("linear_cka", "rsa")):
        mine = rows[rows["metric"] == metric]
        assert set(mine["n"]) == ({60} if place else {result.notes["state-similarity_n_words"]})
        for level in (1, 2):
            row = mine[mine["layer"] == level].iloc[0]
            # the standard error by pseudo-values, which are the items
            ours = (items["metric"] == metric) & (items["layer"] == level)
            pseudo = items[ours]["score"].astype(float)
            assert len(pseudo) == 8
            error = pseudo.std(ddof=1) / np.sqrt(8)
            half = 2.364624 * error  # t with 7 degrees of freedom
            assert row["value"] - row["ci_low"] == pytest.approx(half, rel=1e-5)
            assert row["ci_low"] < row["value"] < row["ci_high"] <= 1
            assert values[place, level].std() > 0


def test_same_seed_same_numbers_and_other_batches_alike():
    context = with_dead_heads(tiny_context("bert"), DEAD)
    examples = random_examples(15)
    first = run_state_similarity(context, examples, words=30)
    again = run_state_similarity(context, examples, words=30)
    np.testing.assert_array_equal(first.arrays[LEFT_OUT], again.arrays[LEFT_OUT])
    other = run_state_similarity(context, examples, words=30, batch_size=4)
    np.testing.assert_allclose(other.arrays[LEFT_OUT], first.arrays[LEFT_OUT], atol=1e-4)


def test_blocks_that_do_not_fit_are_read_twice(monkeypatch):
    context = with_dead_heads(tiny_context("bert"), DEAD)
    examples = random_examples(15)
    first = run_state_similarity(context, examples, words=30)
    monkeypatch.setattr("subprobe.probes.representations.state_similarity._HELD", 0)
    second = run_state_similarity(context, examples, words=30)
    np.testing.assert_array_equal(first.arrays[LEFT_OUT], second.arrays[LEFT_OUT])


def test_equal_texts_are_in_one_block():
    context = with_dead_heads(tiny_context("bert"), DEAD)
    two = random_examples(2)
    twice = [replace(one, id=f"{one.id}-{k}") for k in range(3) for one in two]
    assert run_state_similarity(context, twice).arrays[LEFT_OUT].shape == (2, 3, 2)


def test_bad_input_is_one_line():
    context = tiny_context("bert")
    with pytest.raises(InputError, match="at least two different texts"):
        run_state_similarity(context, random_examples(1))
    with torch.no_grad():
        context.anatomy.mlp_output(context.model, 0).bias[0] = float("nan")
    with pytest.raises(InputError, match="hidden state 1 contains NaN"):
        run_state_similarity(context, random_examples(5))
