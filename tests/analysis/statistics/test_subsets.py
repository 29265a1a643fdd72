"""Survivors are held against subsets of their own size, and the test keeps its size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from subprobe.analysis.statistics.subsets import (
    best_direction,
    best_of,
    random_subsets,
    subset_test,
)

L, H, R = 4, 5, 3


def scores(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((R, L, H))


def mask(kept: int, seed: int = 0) -> np.ndarray:
    flat = np.zeros(L * H, bool)
    flat[np.random.default_rng(seed).permutation(L * H)[:kept]] = True
    return flat.reshape(L, H)


def best_by_loop(one: np.ndarray, score: np.ndarray, choosing: np.ndarray) -> list[float]:
    found = []
    for r in range(len(score)):
        best, value = -np.inf, np.nan
        for layer in range(L):
            for head in range(H):
                if one[layer, head] and choosing[r, layer, head] > best:
                    best, value = choosing[r, layer, head], score[r, layer, head]
        found.append(value)
    return found


@given(st.integers(0, L * H), st.integers(0, 50))
def test_best_of_equals_a_plain_loop(kept, seed):
    score, choosing, one = scores(seed), scores(seed + 100), mask(kept, seed)
    assert best_of(one[None], score)[0] == pytest.approx(
        best_by_loop(one, score, score), nan_ok=True
    )
    assert best_of(one[None], score, choosing)[0] == pytest.approx(
        best_by_loop(one, score, choosing), nan_ok=True
    )


@given(st.integers(0, L * H), st.integers(0, 50), st.booleans())
def test_subsets_have_the_survivors_size(kept, seed, per_layer):
    one = mask(kept, seed)
    drawn = random_subsets(one, 50, per_layer=per_layer, rng=np.random.default_rng(seed))
    assert (drawn.sum(axis=(1, 2)) == kept).all()
    if per_layer:
        assert (drawn.sum(axis=2) == one.sum(axis=1)).all()


def test_subsets_are_uniform():
    drawn = random_subsets(mask(6), 20_000, per_layer=False, rng=np.random.default_rng(1))
    assert drawn.mean(axis=0) == pytest.approx(np.full((L, H), 0.3), abs=0.02)
    one = np.zeros((L, H), bool)
    one[0, :2] = one[2, :4] = True
    layered = random_subsets(one, 20_000, per_layer=True, rng=np.random.default_rng(1)).mean(axis=0)
    assert layered == pytest.approx(np.outer([0.4, 0, 0.8, 0], np.ones(H)), abs=0.02)


def test_the_null_of_a_best_head_is_known_exactly():
    # one relation, scores 1..20, 2 heads kept: the best is k with probability (k-1)/C(20,2)
    score = np.arange(1.0, 21).reshape(1, L, H)
    one = np.zeros((L, H), bool)
    one[-1, -2:] = True  # the two best heads
    found = subset_test(score, one, 20_000, rng=np.random.default_rng(0)).overall
    k = np.arange(2, 21)
    assert found.observed == 20
    assert found.null_mean == pytest.approx((k * (k - 1)).sum() / 190, abs=0.1)
    assert found.p_value == pytest.approx(2 * 19 / 190, abs=0.01)
    # within the last layer alone the two best of five are best with probability 2/5, ties included
    layered = subset_test(score, one, 20_000, per_layer=True, rng=np.random.default_rng(0)).overall
    assert layered.p_value == pytest.approx(0.8, abs=0.02)
    assert layered.null_low >= 17


def test_random_survivors_are_rejected_at_the_level():
    score, rng, runs = scores(7), np.random.default_rng(3), 400
    p = [subset_test(score, mask(6, run), 199, rng=rng).overall.p_value for run in range(runs)]
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)
    assert min(p) >= 2 / 200 - 1e-12


def test_overall_averages_relations_and_skips_those_without_scores():
    score = scores(1)
    score[1] = np.nan
    found = subset_test(score, mask(6), 200, rng=np.random.default_rng(0))
    seen = [found.relations[0].observed, found.relations[2].observed]
    assert found.overall.observed == pytest.approx(np.mean(seen))
    assert np.isnan(found.relations[1].p_value)


def test_all_heads_and_no_heads():
    full = subset_test(scores(1), np.ones((L, H)), 50, rng=np.random.default_rng(0))
    assert full.overall.observed == pytest.approx(full.overall.null_mean)
    assert full.overall.p_value == 1
    none = subset_test(scores(1), np.zeros((L, H)), 50, rng=np.random.default_rng(0))
    assert none.n_kept == 0
    assert np.isnan(none.overall.observed)


def test_a_direction_is_chosen_on_other_sentences():
    choosing = np.zeros((1, 2, 1, 2))
    choosing[0, 1, 0, 0] = 1.0  # head 0 looks from head to dependent; head 1 is a tie
    score = np.array([[[[0.1, 0.2]], [[0.9, 0.8]]]])
    chosen, read = best_direction(choosing, score)
    assert chosen[0, 0].tolist() == [1.0, 0.0]
    assert read[0, 0].tolist() == [0.9, 0.2]


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="scores have shape"):
        subset_test(scores(1), np.ones((L, H + 1)), rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="chosen_by has shape"):
        subset_test(
            scores(1), mask(3), rng=np.random.default_rng(0), choosing=np.zeros((R, L, H + 1))
        )
