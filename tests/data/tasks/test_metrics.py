from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics
from subprobe.data.errors import InputError, UnknownNameError
from subprobe.data.tasks.metrics import METRICS, majority, predictions_of, score
from subprobe.data.tasks.task import TaskSpec

pytestmark = pytest.mark.filterwarnings("ignore:A single label was found")

BINARY = TaskSpec("toy", ("no", "yes"), "accuracy", ("accuracy", "f1", "matthews"), pair=False)
NUMBERS = TaskSpec("numbers", (), "pearson", ("pearson", "spearman", "pearson_spearman"), pair=True)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=40))
def test_classification_scores_are_those_of_sklearn(pairs):
    predicted, gold = (list(column) for column in zip(*pairs, strict=True))
    assert score(BINARY, predicted, gold) == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(gold, predicted),
            "f1": metrics.f1_score(gold, predicted, zero_division=0),
            "matthews": metrics.matthews_corrcoef(gold, predicted),
        }
    )


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_matthews_of_many_classes_is_that_of_sklearn(pairs):
    predicted, gold = (np.array(column) for column in zip(*pairs, strict=True))
    expected = metrics.matthews_corrcoef(gold, predicted)
    assert METRICS["matthews"](predicted, gold) == pytest.approx(expected)


def test_regression_scores_are_those_of_scipy():
    rng = np.random.default_rng(3)
    gold = rng.integers(0, 20, 50) / 4
    predicted = gold + rng.normal(0, 2, 50)
    pearson = stats.pearsonr(predicted, gold).statistic
    spearman = stats.spearmanr(predicted, gold).statistic
    assert 0.3 < pearson < 0.95
    assert score(NUMBERS, predicted, gold) == pytest.approx(
        {"pearson": pearson, "spearman": spearman, "pearson_spearman": (pearson + spearman) / 2}
    )


def test_a_constant_prediction_has_no_correlation():
    assert score(NUMBERS, [2.0, 2.0], [1.0, 3.0])["pearson"] == 0.0
    assert score(BINARY, [1, 1, 1], [1, 0, 1])["matthews"] == 0.0


def test_majority_is_taken_from_train_and_scored_on_report():
    found = majority(BINARY, [0, 1, 1], [0, 0, 0, 1])
    assert found == pytest.approx({"accuracy": 0.25, "f1": 0.4, "matthews": 0.0})
    assert majority(BINARY, [1, 0], [0, 0, 0, 1])["accuracy"] == 0.75
    assert majority(NUMBERS, [1.0, 2.0], [0.0, 5.0, 3.0])["pearson_spearman"] == 0.0


def test_predictions_are_the_best_class_or_the_number():
    logits = np.array([[0.1, 2.0], [3.0, -1.0], [1.0, 1.0]])
    assert predictions_of(BINARY, logits).tolist() == [1, 0, 0]
    numbers = predictions_of(NUMBERS, np.array([[1.5], [2.5]], dtype=np.float32))
    assert numbers.tolist() == [1.5, 2.5]
    assert numbers.dtype == np.float64


def test_wrong_use_is_refused():
    with pytest.raises(InputError, match="3 predictions for 2 labels"):
        score(BINARY, [1, 0, 1], [1, 0])
    with pytest.raises(InputError, match="0 predictions for 0 labels"):
        score(BINARY, [], [])
    with pytest.raises(InputError, match="no training labels"):
        majority(BINARY, [], [1])
    odd = TaskSpec("odd", ("a", "b"), "accuracyy", ("accuracyy",), pair=False)
    with pytest.raises(UnknownNameError, match="did you mean 'accuracy'"):
        score(odd, [1], [1])


def test_every_metric_is_one_for_perfect_predictions():
    gold = np.array([0, 1, 1, 0])
    assert {name: METRICS[name](gold, gold) for name in METRICS} == pytest.approx(
        dict.fromkeys(METRICS, 1.0)
    )
