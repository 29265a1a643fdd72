"""Metrics by label are those of scikit-learn, with a null of their own."""

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support
from subprobe.analysis.labels.by_label import by_label, scores_by_label
from subprobe.analysis.labels.rows import OneModel

LABELS = ("entailment", "neutral", "contradiction")


def answers(n=120, draws=2, seed=0, units=None):
    rng = np.random.default_rng(seed)
    gold = np.random.default_rng(9).integers(0, 3, n).astype(float)
    noise = rng.integers(0, 3, (n, draws)).astype(float)
    said = np.where(rng.random((n, draws)) < 0.5, gold[:, None], noise)
    ids = tuple(f"e{place}" for place in range(n))
    return OneModel(ids, gold, said, np.arange(n) if units is None else units)


def test_scores_are_those_of_scikit_learn():
    one = answers()
    found = scores_by_label(one.predictions, one.gold, np.ones((1, 120), np.float32), 3)
    for draw in range(2):
        expected = precision_recall_fscore_support(
            one.gold, one.predictions[:, draw], labels=[0, 1, 2], zero_division=np.nan
        )
        for metric, values in zip(("precision", "recall", "f1"), expected[:3], strict=True):
            assert found[metric][0, draw] == pytest.approx(values)


def test_a_resample_counts_copies():
    one = answers()
    chosen = np.random.default_rng(5).integers(0, 120, 120)
    weights = np.bincount(chosen, minlength=120)[None].astype(np.float32)
    found = scores_by_label(one.predictions, one.gold, weights, 3)
    precision, _, _, _ = precision_recall_fscore_support(
        one.gold[chosen], one.predictions[chosen, 0], labels=[0, 1, 2]
    )
    assert found["precision"][0, 0] == pytest.approx(precision)


def test_lines_are_means_over_seeds_and_draws():
    seeds = {1: answers(seed=1), 2: answers(draws=1, seed=2)}
    lines = list(by_label(seeds, LABELS, resamples=200))
    assert [(line["target"], line["metric"]) for line in lines] == [
        (label, metric) for label in LABELS for metric in ("precision", "recall", "f1")
    ]
    assert sum(line["support"] for line in lines[::3]) == 120
    each = [
        [
            precision_recall_fscore_support(s.gold, said, labels=[0, 1, 2])[1][0]
            for said in s.predictions.T
        ]
        for s in seeds.values()
    ]
    recall = lines[1]
    assert recall["value"] == pytest.approx(np.mean([np.mean(draws) for draws in each]))
    assert recall["ci_low"] < recall["value"] < recall["ci_high"]
    assert "these seeds" in recall["ci_method"]


def test_the_baseline_is_that_of_shuffled_predictions():
    one = answers(n=60, draws=1)
    lines = {(line["target"], line["metric"]): line for line in by_label({1: one}, LABELS,
                                                                        resamples=50)}  # fmt: skip
    rng = np.random.default_rng(0)
    shuffled = np.stack([rng.permutation(one.predictions[:, 0]) for _ in range(3000)], axis=1)
    found = scores_by_label(shuffled, one.gold, np.ones((1, 60), np.float32), 3)
    for place, label in enumerate(LABELS):
        for metric in ("precision", "recall", "f1"):
            assert found[metric][0, :, place].mean() == pytest.approx(
                lines[label, metric]["baseline_value"], abs=0.01
            )


def test_a_class_that_is_never_predicted_has_no_precision():
    one = answers(draws=1)
    said = OneModel(one.ids, one.gold, np.zeros_like(one.predictions), one.units)
    lines = {(line["target"], line["metric"]): line
             for line in by_label({1: said}, LABELS, resamples=50)}  # fmt: skip
    assert np.isnan(lines["neutral", "precision"]["value"])
    assert lines["neutral", "recall"]["value"] == lines["neutral", "f1"]["value"] == 0
    assert lines["entailment", "recall"]["value"] == 1
    assert np.isnan(lines["entailment", "recall"]["ci_low"])


def test_clusters_are_resampled_whole():
    gold = np.repeat([0.0, 1.0], 20)
    said = np.repeat(np.random.default_rng(3).integers(0, 2, 10), 4).astype(float)[:, None]
    ids = tuple(f"e{place}" for place in range(40))
    alone = OneModel(ids, gold, said, np.arange(40))
    together = OneModel(ids, gold, said, np.repeat(np.arange(10), 4))
    widths = []
    for one in (alone, together):
        line = next(line for line in by_label({1: one}, ("a", "b")) if line["metric"] == "f1")
        widths.append(line["ci_high"] - line["ci_low"])
    assert widths[1] > 1.3 * widths[0]
