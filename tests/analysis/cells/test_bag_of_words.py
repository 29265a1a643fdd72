"""A bag of words learns words and nothing else."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from subprobe.analysis.cells.bag_of_words import bag_of_words
from subprobe.data.sentences.sentence import Example, Sentence
from subprobe.data.tasks.task import TaskParts, TaskSpec

SPEC = TaskSpec("t", ("no", "yes"), "accuracy", ("accuracy", "matthews"), pair=False)


def parts(texts, labels, report, wanted, spec=SPEC, pairs=None):
    def made(texts, labels, name):
        found = []
        for i, (text, label) in enumerate(zip(texts, labels, strict=True)):
            first, *rest = (Sentence(f"{name}{i}", tuple(part.split())) for part in text)
            second = rest[0] if rest else None
            found.append(Example(f"{name}{i}", first, second, label=label))
        return tuple(found)

    train, scored = made(texts, labels, "a"), made(report, wanted, "b")
    return TaskParts(spec=spec, train=train, selection=scored, report=scored,
                     selection_name="held-out", report_name="test")  # fmt: skip


def test_one_word_that_decides_is_learned():
    texts = [("the good film",), ("the bad film",)] * 20
    found = bag_of_words(parts(texts, [1, 0] * 20, [("a good one",), ("a bad one",)], [1, 0]))
    assert found.metrics == {"accuracy": 1.0, "matthews": 1.0}
    assert found.logits.shape == (2, 2)
    assert np.exp(found.logits).sum(axis=1) == pytest.approx([1, 1])
    assert len(found.items()) == 2


def test_it_is_logistic_regression_on_counts():
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(12)]
    texts = [" ".join(rng.choice(words, 6)) for _ in range(80)]
    labels = [int(text.count("w1") + text.count("w3") > 1) for text in texts]
    found = bag_of_words(parts([(t,) for t in texts[:60]], labels[:60],
                               [(t,) for t in texts[60:]], labels[60:]))  # fmt: skip
    counts = CountVectorizer().fit(texts[:60])
    model = LogisticRegression(max_iter=2000).fit(counts.transform(texts[:60]), labels[:60])
    expected = model.predict_log_proba(counts.transform(texts[60:]))
    assert found.logits == pytest.approx(expected, abs=1e-3)


def test_word_order_is_out_of_its_reach():
    texts = [("dogs chase cats",), ("cats chase dogs",)] * 20
    found = bag_of_words(parts(texts, [1, 0] * 20, texts[:2], [1, 0]))
    assert found.metrics["accuracy"] == 0.5


def test_words_that_a_pair_shares_are_counted():
    rng = np.random.default_rng(1)
    words = [f"w{i}" for i in range(6)]
    made, labels = [], []
    for i in range(120):
        first = rng.choice(words)
        same = i % 2
        second = first if same else rng.choice([w for w in words if w != first])
        made.append((first, second))
        labels.append(same)
    found = bag_of_words(parts(made[:80], labels[:80], made[80:], labels[80:]))
    assert found.metrics["accuracy"] > 0.8


def test_numbers_are_regressed_and_one_class_is_a_constant():
    spec = TaskSpec("n", (), "pearson", ("pearson", "spearman"), pair=False)
    texts = [(" ".join(["big"] * k + ["small"] * (5 - k)),) for k in range(6)] * 4
    labels = [float(k) for k in range(6)] * 4
    found = bag_of_words(parts(texts, labels, texts[:6], labels[:6], spec))
    assert found.metrics["pearson"] > 0.99
    one = bag_of_words(parts([("a",), ("b",)], [1, 1], [("a",), ("c",)], [0, 1]))
    assert one.predictions.tolist() == [1, 1]
