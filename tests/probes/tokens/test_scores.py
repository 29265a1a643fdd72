"""Macro-F1 beside scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import f1_score
from subprobe.probes.tokens.scores import macro_f1, macro_f1_of


@pytest.mark.parametrize("seed", range(20))
def test_macro_f1_is_that_of_scikit_learn(seed):
    """Classes that are never predicted, never true, or neither are among them."""
    draw = np.random.default_rng(seed)
    size, classes = draw.integers(1, 40), draw.integers(1, 7)
    gold, predicted = draw.integers(0, classes, size) * 2, draw.integers(0, 2 * classes, size)
    wanted = f1_score(gold, predicted, average="macro", zero_division=0)
    assert macro_f1_of(predicted, gold) == pytest.approx(wanted, abs=1e-12)


def test_several_predictions_of_the_same_cases_are_taken_together():
    gold = np.array([0, 1, 2, 2])
    predicted = np.array([[0, 1, 2, 0], [0, 0, 2, 2]])
    wanted = f1_score(np.tile(gold, 2), predicted.ravel(), average="macro")
    assert macro_f1_of(predicted, gold) == pytest.approx(wanted)


def test_counts_of_several_tables_at_once():
    hits = np.array([[3, 0], [0, 0]])
    found = macro_f1(hits, np.array([[4, 1], [0, 0]]), np.array([[4, 1], [0, 0]]))
    assert found[0] == pytest.approx((0.75 + 0) / 2)
    assert np.isnan(found[1])
