"""Loss and divergence as what a search preserves: values, baselines, thresholds, refusals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from subprobe.data.errors import ConfigError, UnknownNameError
from subprobe.data.tasks.task import TaskSpec
from subprobe.pruning.search.criterion import best_constant, check_criterion, preserved
from subprobe.pruning.search.plan import Rule
from subprobe.pruning.search.structured import Scored, structured_search
from toy_parts import toy_parts

CLASSES, NUMBERS = toy_parts().spec, toy_parts(1).spec


def outputs(seed, count=7, classes=3):
    random = np.random.default_rng(seed)
    return random.normal(size=(count, classes)) * 2, random.integers(0, classes, count)


def softmax(row):
    powers = [math.exp(value) for value in row]
    return [power / sum(powers) for power in powers]


@given(st.integers(0, 999))
def test_the_values_equal_plain_sums(seed):
    full, gold = outputs(seed)
    logits, _ = outputs(seed + 1000)
    loss = sum(-math.log(softmax(row)[k]) for row, k in zip(logits, gold, strict=True)) / 7
    assert preserved("loss", CLASSES, logits, gold) == pytest.approx(-loss)
    divergence = 0.0
    for theirs, ours in zip(full, logits, strict=True):
        p, q = softmax(theirs), softmax(ours)
        divergence += sum(a * math.log(a / b) for a, b in zip(p, q, strict=True)) / 7
    assert preserved("kl", CLASSES, logits, gold, full) == pytest.approx(-divergence)
    assert preserved("kl", CLASSES, full, gold, full) == 0


@given(st.integers(0, 999))
def test_no_constant_prediction_is_better_than_the_baseline(seed):
    full, gold = outputs(seed)
    random = np.random.default_rng(seed)
    best = {name: best_constant(name, CLASSES, gold, full) for name in ("loss", "kl")}
    likely = np.array([softmax(row) for row in full])
    shares = np.bincount(gold, minlength=3) / len(gold)
    for constant in (likely.mean(axis=0), shares, random.dirichlet(np.ones(3))):
        logits = np.tile(np.log(np.maximum(constant, 1e-12)), (len(gold), 1))
        for name, baseline in best.items():
            assert preserved(name, CLASSES, logits, gold, full) <= baseline + 1e-9
    # and the best one reaches it
    reached = np.tile(np.log(likely.mean(axis=0)), (len(gold), 1))
    assert preserved("kl", CLASSES, reached, gold, full) == pytest.approx(best["kl"])
    reached = np.tile(np.log(np.maximum(shares, 1e-12)), (len(gold), 1))
    assert preserved("loss", CLASSES, reached, gold) == pytest.approx(best["loss"])


def test_of_a_regression_both_are_squared_differences():
    full, logits = np.array([[1.0], [3.0]]), np.array([[2.0], [5.0]])
    gold = np.array([0.0, 4.0])
    assert preserved("loss", NUMBERS, logits, gold) == -(4 + 1) / 2
    assert preserved("kl", NUMBERS, logits, gold, full) == -(1 + 4) / 2
    assert best_constant("loss", NUMBERS, gold) == -4
    assert best_constant("kl", NUMBERS, gold, full) == -1


def test_of_masked_texts_the_loss_is_that_of_pieces_and_kl_is_refused():
    spec = TaskSpec("mlm", (), "accuracy", ("accuracy", "bits"), pair=False, masked="pieces")
    scores = np.array([[1, -1.0], [0, -3.0]])
    assert preserved("loss", spec, scores, np.ones(2)) == pytest.approx(-2 * math.log(2))
    unigram = {"bits": 5.0}
    assert best_constant("loss", spec, np.ones(2), baseline=unigram) == pytest.approx(
        -5 * math.log(2)
    )
    with pytest.raises(ConfigError, match="criterion kl is not available"):
        check_criterion("kl", spec)
    check_criterion("loss", spec)


def test_the_threshold_is_a_share_of_the_reduction_or_the_highest_value():
    # full model .2 nats, constant .6: nine tenths of the reduction leave .24
    assert Rule("gain", 0.9, "loss").target(-0.2, -0.6) == pytest.approx(-0.24)
    # the full model's divergence is 0: a tenth of that of a constant remains
    assert Rule("gain", 0.9, "kl").target(0.0, -0.5) == pytest.approx(-0.05)
    assert Rule("absolute", 0.05, "kl").target(0.0, -0.5) == -0.05
    for criterion in ("loss", "kl"):
        with pytest.raises(ConfigError, match="rule study is a share of a score"):
            Rule("study", 0.9, criterion)
    with pytest.raises(UnknownNameError, match="criterion"):
        Rule("gain", 0.9, "accuracy")


def search(rule, metric, baseline):
    def score(heads, mlps):
        return Scored(metric(heads, mlps), np.arange(8.0).reshape(2, 4), np.arange(2.0))

    return structured_search(score, rule=rule, num_layers=2, num_heads=4, baseline=baseline)


def test_a_search_by_divergence_stops_where_it_is_exceeded():
    """Each pruned unit adds .01: ten in all, of which five fit into half of the constant's .1."""

    def metric(heads, mlps):
        return -0.01 * (10 - heads.sum() - mlps.sum())

    found = search(Rule("gain", 0.5, "kl"), metric, -0.1)
    pruned = 10 - found.head_mask.sum() - found.mlp_mask.sum()
    assert pruned == 5
    assert found.trace[0]["criterion"] == "kl"
    assert found.trace[0]["target"] == pytest.approx(-0.05)
    assert found.degenerate == ""


def test_a_model_without_any_gain_is_degenerate_and_an_impossible_threshold_refused():
    found = search(Rule("gain", 0.9, "kl"), lambda *masks: 0.0, 0.0)
    assert found.degenerate == "no-gain"
    assert found.head_mask.all()
    with pytest.raises(ConfigError, match=r"has a loss of 0\.7000, above the threshold 0\.5000"):
        search(Rule("absolute", 0.5, "loss"), lambda *masks: -0.7, -0.9)
