from __future__ import annotations

import numpy as np
import pytest
import torch
from erasure_cases import classed_vectors
from sklearn.linear_model import LogisticRegression
from subprobe.probes.erasure.eraser import random_eraser
from subprobe.probes.erasure.leace import LeaceSums, shrunk


def fitted(x, y, classes, *, blocks=1, shrinkage=False):
    sums = LeaceSums(x.shape[1], classes)
    for some in np.array_split(np.arange(len(x)), blocks):
        sums.update(torch.from_numpy(x[some]), torch.from_numpy(y[some]))
    return sums.eraser(shrinkage=shrinkage)


def the_library(x, y, classes, **options):
    """The eraser of `concept-erasure`, in float64 with one-hot labels."""
    library = pytest.importorskip(
        "concept_erasure", reason="concept-erasure, the oracle of LEACE, is not installed"
    )
    z = torch.nn.functional.one_hot(torch.from_numpy(y), classes).double()
    return library.LeaceEraser.fit(torch.from_numpy(x), z, **options)


@pytest.mark.parametrize("classes", [2, 5, 17])
@pytest.mark.parametrize("shrinkage", [False, True])
def test_equals_the_library(classes, shrinkage):
    x, y = classed_vectors(classes=classes)
    wanted = the_library(x, y, classes, shrinkage=shrinkage, svd_tol=1e-7)
    found = fitted(x, y, classes, blocks=7, shrinkage=shrinkage)
    torch.testing.assert_close(found.matrix, wanted.P, rtol=0, atol=1e-8)
    new, _ = classed_vectors(200, classes=classes, seed=1)
    torch.testing.assert_close(
        found(torch.from_numpy(new)), wanted(torch.from_numpy(new)), rtol=0, atol=1e-8
    )


def test_rare_classes_go_too_where_the_library_leaves_them():
    x, y = classed_vectors(20_000)
    y[0] = 5  # one word of its own
    x[0] += 50
    found = fitted(x, y, 6)
    assert found.rank == 5
    assert round(float((the_library(x, y, 6, shrinkage=False).P).trace())) == x.shape[1] - 4
    moved = found(torch.from_numpy(x))
    means = [moved[torch.from_numpy(y == k)].mean(0) for k in range(6)]
    np.testing.assert_allclose(torch.stack(means), moved.mean(0).expand(6, -1), atol=1e-8)


def test_is_the_published_projection():
    x, y = classed_vectors(classes=4)
    eraser = fitted(x, y, 4)
    assert eraser.rank == 3
    P = eraser.matrix.numpy()
    np.testing.assert_allclose(P @ P, P, atol=1e-10)
    assert round(np.trace(P)) == np.linalg.matrix_rank(P) == 24 - 3
    # by its definition: an oblique projection along the whitened class directions
    centred, z = x - x.mean(0), np.eye(4)[y] - np.eye(4)[y].mean(0)
    values, axes = np.linalg.eigh(centred.T @ centred / len(x))
    whiten = axes / np.sqrt(values) @ axes.T
    U = whiten @ centred.T @ z
    wanted = np.eye(24) - np.linalg.inv(whiten) @ U @ np.linalg.pinv(U) @ whiten
    np.testing.assert_allclose(P, wanted, atol=1e-8)


def test_leaves_no_class_mean_and_the_overall_mean():
    x, y = classed_vectors()
    moved = fitted(x, y, 5)(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(moved.mean(0), x.mean(0), atol=1e-9)
    for k in range(5):
        np.testing.assert_allclose(moved[y == k].mean(0), x.mean(0), atol=1e-8)


def test_a_logistic_regression_on_erased_rows_is_the_majority():
    x, y = classed_vectors()
    moved = fitted(x, y, 5)(torch.from_numpy(x)).numpy()
    before = LogisticRegression(max_iter=2000).fit(x, y).score(x, y)
    after = LogisticRegression(max_iter=2000).fit(moved, y).score(moved, y)
    majority = np.bincount(y).max() / len(y)
    assert before > 0.9
    assert after == pytest.approx(majority, abs=1e-12)


def test_changes_vectors_less_than_orthogonal_projection():
    """It is the least change that removes the classes."""
    x, y = classed_vectors()
    moved = fitted(x, y, 5)(torch.from_numpy(x)).numpy()
    centred = x - x.mean(0)
    means = np.stack([centred[y == k].mean(0) for k in range(5)])
    _, sizes, axes = np.linalg.svd(means, full_matrices=False)
    basis = axes[sizes > 1e-8 * sizes[0]]
    plain = centred - centred @ basis.T @ basis
    assert np.square(moved - x).sum() < 0.9 * np.square(plain - centred).sum()


def test_blocks_give_what_all_at_once_gives():
    x, y = classed_vectors()
    once, streamed = fitted(x, y, 5), fitted(x, y, 5, blocks=40)
    torch.testing.assert_close(once.matrix, streamed.matrix, rtol=0, atol=1e-11)


def test_fewer_vectors_than_dimensions():
    x, y = classed_vectors(20)
    eraser = fitted(x, y, 5)
    moved = eraser(torch.from_numpy(x))
    assert bool(moved.isfinite().all())
    present = np.unique(y)
    assert eraser.rank == len(present) - 1
    means = torch.stack([moved[torch.from_numpy(y == k)].mean(0) for k in present])
    np.testing.assert_allclose(means, moved.mean(0).expand(len(present), -1), atol=1e-6)


def test_shrinkage_keeps_the_trace():
    x, _ = classed_vectors(30)
    covariance = torch.from_numpy(np.cov(x.T, bias=True))
    found = shrunk(covariance, 30)
    assert float(found.trace()) == pytest.approx(float(covariance.trace()))
    assert torch.linalg.eigvalsh(found)[0] > torch.linalg.eigvalsh(covariance)[0] + 0.01


def test_random_directions_are_as_many_as_asked_for():
    centre = torch.arange(24, dtype=torch.float64)
    for rank in (1, 4, 24):
        P = random_eraser(rank, centre, (0, 3)).matrix
        torch.testing.assert_close(P, P.mT)
        torch.testing.assert_close(P @ P, P)
        assert round(float(P.trace())) == 24 - rank
    same = [random_eraser(4, centre, seed).left for seed in ((0, 3), (0, 3), (1, 3), (0, 4))]
    assert torch.equal(same[0], same[1])
    assert not torch.equal(same[0], same[2])
    assert not torch.equal(same[0], same[3])
    torch.testing.assert_close(random_eraser(4, centre, (0, 3))(centre), centre)
