from __future__ import annotations

import numpy as np
import pytest
import torch
from erasure_cases import classed_vectors
from scipy.linalg import orth
from sklearn.linear_model import LogisticRegression
from subprobe.probes.erasure.inlp import inlp, row_space
from subprobe.probes.erasure.linear_probe import LinearProbe


@pytest.fixture(scope="module")
def parts():
    train, dev = classed_vectors(2000), classed_vectors(1000, seed=1)
    return [(x.astype(np.float32), y.astype(np.int64)) for x, y in (train, dev)]


def majority(gold):
    return np.bincount(gold).max() / len(gold)


def plain_inlp(train, dev, rounds, margin):
    """The loop of the authors' code, by scikit-learn, with Ben-Israel's formula."""

    def space(rows):
        basis = orth(rows.T, rcond=1e-5)
        return basis @ basis.T

    (x, y), (u, v) = train, dev
    centre, scale = x.mean(0), np.sqrt(np.mean((x - x.mean(0)) ** 2))
    width = x.shape[1]
    P, spaces, accuracies = np.eye(width), [], []
    for _ in range(rounds):
        a, b = (x - centre) / scale @ P, (u - centre) / scale @ P
        model = LogisticRegression(C=1 / (0.01 * len(y)), max_iter=5000, tol=1e-6).fit(a, y)
        accuracies.append(model.score(b, v))
        spaces.append(space(model.coef_))
        P = np.eye(width) - space(np.sum(spaces, axis=0))
        if accuracies[-1] - majority(v) <= margin:
            break
    return P, accuracies


def test_agrees_with_the_published_loop(parts):
    found = inlp(*parts, majority=majority(parts[1][1]))
    P, accuracies = plain_inlp(parts[0], parts[1], 20, 0.01)
    assert found.reached
    assert found.converged
    assert len(found.accuracies) == len(accuracies) > 1
    np.testing.assert_allclose(found.accuracies, accuracies, atol=0.02)
    assert round(np.trace(P)) == 24 - found.eraser.rank


def test_projection_is_orthogonal_and_has_the_rank_it_says(parts):
    eraser = inlp(*parts, majority=majority(parts[1][1])).eraser
    P = eraser.matrix.numpy()
    np.testing.assert_allclose(P, P.T, atol=1e-12)
    np.testing.assert_allclose(P @ P, P, atol=1e-12)
    assert np.linalg.matrix_rank(P) == 24 - eraser.rank
    assert 4 <= eraser.rank < 24


def test_nothing_linear_is_left(parts):
    (x, y), (u, v) = parts
    eraser = inlp(*parts, majority=majority(v)).eraser
    a, b = (eraser(torch.from_numpy(one)).numpy() for one in (x, u))
    probe = LinearProbe.fit(a, y)
    spread = 3 * np.sqrt(majority(v) * (1 - majority(v)) / len(v))
    assert abs(float((probe.predict(b) == v).mean()) - majority(v)) < spread + 0.01


def test_stops_at_the_first_round_within_the_margin(parts):
    found = inlp(*parts, majority=majority(parts[1][1]))
    gains = [one - majority(parts[1][1]) for one in found.accuracies]
    assert all(gain > 0.01 for gain in gains[:-1])
    assert gains[-1] <= 0.01
    wide = inlp(*parts, majority=majority(parts[1][1]), margin=0.99)
    assert len(wide.accuracies) == 1
    assert wide.eraser.rank == 4  # its own directions are taken along


def test_rounds_that_do_not_suffice_are_said(parts):
    found = inlp(*parts, majority=majority(parts[1][1]), rounds=1)
    assert not found.reached
    assert found.eraser.rank == 4


def test_ends_where_accuracy_does_not_change(parts):
    train, (u, _) = parts
    never = (u, np.full(len(u), -1))
    found = inlp(train, never, majority=-1.0, rounds=20)
    assert found.accuracies == (0.0,) * 4
    assert not found.reached


def test_one_class_needs_one_round(parts):
    (x, _), (u, _) = parts
    same = [(one, np.zeros(len(one), dtype=np.int64)) for one in (x, u)]
    found = inlp(*same, majority=1.0)
    assert found.eraser.rank == 0
    assert found.reached


def test_row_space_has_the_directions_alone():
    rows = np.random.default_rng(0).normal(size=(3, 8))
    basis = row_space(np.concatenate([rows, rows[:2] + rows[2], np.zeros((1, 8))]))
    assert basis.shape == (8, 3)
    np.testing.assert_allclose(basis.T @ basis, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(rows @ basis @ basis.T, rows, atol=1e-12)
    assert row_space(np.zeros((2, 8))).shape == (8, 0)


def test_linear_probe_is_scikit_learns(parts):
    (x, y), (u, _) = parts
    centre, scale = x.mean(0), np.sqrt(np.mean((x - x.mean(0)) ** 2))
    for gold in (y, (y > 2).astype(np.int64) * 3):
        plain = LogisticRegression(C=1 / (0.01 * len(y)), max_iter=5000, tol=1e-3)
        plain.fit((x - centre) / scale, gold)
        said = LinearProbe.fit(x, gold).predict(u)
        assert (said == plain.predict((u - centre) / scale)).mean() > 0.999


def test_linear_probe_does_not_depend_on_place_size_and_rotation(parts):
    (x, y), (u, _) = parts
    rotation, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(24, 24)))
    moved = [((one @ rotation) * 40 - 7).astype(np.float32) for one in (x, u)]
    same = LinearProbe.fit(moved[0], y).predict(moved[1])
    assert (same == LinearProbe.fit(x, y).predict(u)).mean() > 0.995
