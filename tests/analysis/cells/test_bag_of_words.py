"""A bag of words learns words and nothing else."""

from dataclasses import replace

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


def questions(count, seed, easy=True):
    """Questions whose right option is a word of the context, or of no kind that can be learned."""
    rng = np.random.default_rng(seed)
    words = [f"w{i}" for i in range(40)]
    made = []
    for place in range(count):
        context, others = np.split(rng.permutation(words), [10])
        label = int(rng.integers(3))
        options = list(others[:3])
        if easy:
            options[label] = context[0]
        first = Sentence(f"{seed}-{place}/0", tuple(context))
        second = Sentence(f"{seed}-{place}/1", ("who", "?"))
        made.append(Example(f"{seed}-{place}", first, second, label=label, options=tuple(options)))
    return tuple(made)


@pytest.mark.parametrize(("easy", "least", "most"), [(True, 0.8, 1.0), (False, 0.1, 0.6)])
def test_options_are_chosen_by_words_that_they_share_with_the_context(easy, least, most):
    spec = TaskSpec("q", ("A", "B", "C"), "accuracy", ("accuracy",), pair=True, choices=3)
    train, report = questions(300, 0, easy), questions(60, 1, easy)
    found = bag_of_words(TaskParts(spec, train, report, report, "held-out", "test"))
    assert found.logits.shape == (60, 3)
    assert least <= found.metrics["accuracy"] <= most
    # the order of the options decides nothing
    turned = tuple(replace(one, options=one.options[::-1], label=2 - one.label) for one in report)
    again = bag_of_words(TaskParts(spec, train, turned, turned, "held-out", "test"))
    assert again.logits[:, ::-1] == pytest.approx(found.logits)


def test_options_are_scored_by_logistic_regression():
    spec = TaskSpec("q", ("A", "B", "C"), "accuracy", ("accuracy",), pair=True, choices=3)
    train, report = questions(40, 2), questions(5, 3)
    found = bag_of_words(TaskParts(spec, train, report, report, "held-out", "test"))
    texts = [text for one in train for text in (*one.texts(), *one.options)]
    count = CountVectorizer(token_pattern=r"(?u)\w+|[^\w\s]").fit(texts)

    def features(example, option):
        own, *read = (count.transform([text]).toarray()[0] for text in (option, *example.texts()))
        return np.concatenate([own, *(np.minimum(own, one) for one in read)])

    x = [features(one, option) for one in train for option in one.options]
    y = [place == one.label for one in train for place in range(3)]
    model = LogisticRegression(max_iter=2000).fit(x, y)
    for one, logits in zip(report, found.logits, strict=True):
        expected = model.decision_function([features(one, option) for option in one.options])
        assert logits == pytest.approx(expected, abs=1e-3)
