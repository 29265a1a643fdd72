"""Classifiers of part of the input: what they see, their scores, and easy and hard examples."""

import numpy as np
import pytest
from scipy.stats import binomtest, kruskal
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from subprobe.analysis.artefacts.lengths import length_table
from subprobe.analysis.artefacts.measure import measure_artefacts
from subprobe.analysis.artefacts.partial import by_ngrams, chosen_text, only
from subprobe.analysis.artefacts.task import artefacts_of
from subprobe.analysis.statistics.clusters import units_of
from subprobe.analysis.steps.progress import Silent
from subprobe.data.errors import ConfigError, DataFileError, UnknownNameError
from subprobe.data.sentences.sentence import Example, plain_sentence
from subprobe.data.tasks.by_name import load_task
from subprobe.data.tasks.task import TaskData, TaskParts, TaskSpec

SPEC = TaskSpec("nli", ("no", "yes"), "matthews", ("matthews", "accuracy"), pair=True,
                report_split="validation")  # fmt: skip


def pairs(count, seed, *, marked=True, groups=0):
    """Pairs whose second text has `never` in most examples of class 0."""
    rng = np.random.default_rng(seed)
    words = np.array(["cats", "dogs", "houses", "keys", "tables", "authors"])
    examples = []
    for place in range(count):
        label = place % 2
        first = " ".join(rng.choice(words, 5))
        second = " ".join(rng.choice(words, 4))
        if marked and label == 0 and rng.random() < 0.8:
            second += " never"
        examples.append(
            Example(
                f"e{place}", plain_sentence(f"e{place}/1", first),
                plain_sentence(f"e{place}/2", second), label,
                cluster=f"g{place % groups}" if groups else "",
            )
        )  # fmt: skip
    return tuple(examples)


def parts(train, report, spec=SPEC):
    return TaskParts(spec, train, report, report, "train-10%", "validation")


def data(train, report, spec=SPEC):
    return TaskData(spec, {"train": train, "validation": report})


def test_only_one_text_is_seen():
    reduced = only(parts(pairs(4, 0), pairs(4, 1)), "second")
    assert [one.texts() for one in reduced.train] == [one.texts()[1:] for one in pairs(4, 0)]
    first = only(parts(pairs(4, 0), pairs(4, 1)), "first")
    assert [one.texts() for one in first.report] == [one.texts()[:1] for one in pairs(4, 1)]
    assert reduced.spec.metrics == ("accuracy", "matthews")
    assert not reduced.spec.pair


def test_ngrams_are_logistic_regression_on_uni_and_bigrams():
    reduced = only(parts(pairs(80, 0), pairs(40, 1)), "second")
    found = by_ngrams(reduced)
    texts = [one.texts()[0] for one in reduced.train]
    counts = CountVectorizer(ngram_range=(1, 2)).fit(texts)
    model = LogisticRegression(max_iter=2000)
    model.fit(counts.transform(texts), [one.label for one in reduced.train])
    report = counts.transform([one.texts()[0] for one in reduced.report])
    assert found.logits == pytest.approx(model.predict_log_proba(report), abs=1e-3)
    assert any(" " in name for name in counts.get_feature_names_out())


def test_an_artefact_is_found_and_its_exceptions_are_hard():
    train, report = pairs(200, 0), pairs(100, 1)
    found = artefacts_of(data(train, report), progress=Silent())
    accuracy = found.scores[found.scores["metric"] == "accuracy"].iloc[0]
    assert accuracy["value"] > 0.8
    assert accuracy["baseline"] == "majority"
    assert accuracy["variant"] == "second text, n-grams"
    assert accuracy["ci_low"] <= accuracy["value"] <= accuracy["ci_high"]
    examples = found.examples
    right = examples["label"] == examples["prediction"]
    assert (examples["difficulty"] == np.where(right, "easy", "hard")).all()
    assert right.mean() == accuracy["value"]
    assert list(examples["example_id"]) == [one.id for one in report]
    # hard examples are above all those of class 0 without the word
    text = {one.id: one.texts()[1] for one in report}
    marked = examples["example_id"].map(text).str.contains("never")
    assert not (marked & (examples["difficulty"] == "hard")).any()
    assert found.words.iloc[0]["word"] == "never"
    # the first text says nothing
    other = artefacts_of(data(train, report), only_text="first", progress=Silent())
    assert other.scores.iloc[0]["value"] < 0.7
    assert other.scores.iloc[0]["p_adjusted"] > 0.05


def test_the_test_against_the_majority_is_the_exact_one_of_mcnemar():
    found = artefacts_of(data(pairs(200, 0), pairs(100, 1)), progress=Silent())
    examples = found.examples
    right = (examples["label"] == examples["prediction"]).to_numpy()
    majority = (examples["label"] == "no").to_numpy()  # the lower id of equally frequent classes
    only_one = (right & ~majority).sum(), (~right & majority).sum()
    line = found.scores[found.scores["metric"] == "accuracy"].iloc[0]
    assert line["p_value"] == pytest.approx(binomtest(only_one[0], sum(only_one)).pvalue)
    assert (line["correction"], line["family_size"]) == ("Holm", 1)


def test_groups_are_the_units():
    train, report = pairs(120, 0, groups=30), pairs(60, 1, groups=12)
    found = artefacts_of(data(train, report), progress=Silent())
    assert set(found.scores["n_clusters"]) == {12}
    assert found.scores["ci_method"].str.contains("12 clusters").all()
    assert set(found.examples["cluster_id"]) == {f"g{k}" for k in range(12)}
    assert found.words["p_value"].isna().all()
    assert found.lengths["p_value"].isna().all()


def test_same_seed_same_tables():
    one, again = (
        artefacts_of(data(pairs(60, 0), pairs(30, 1)), progress=Silent(), seed=3).tables()
        for _ in range(2)
    )
    for name in one:
        assert one[name].to_csv() == again[name].to_csv()


def test_lengths_by_class():
    texts = ["a b c", "a b", "it's one", "a", "a b c d e", "a b c d"]
    labels = np.array([0, 0, 0, 1, 1, 1])
    table = length_table(texts, labels, ("x", "y"), units_of([None] * 6)).set_index("class")
    assert table.loc["x", "mean"] == pytest.approx(7 / 3)
    assert table.loc["y", "median"] == 4
    assert table.loc["all classes", "mean"] == table.loc["x", "baseline_value"] == 17 / 6
    expected = kruskal([3, 2, 2], [1, 5, 4]).pvalue
    assert table.loc["all classes", "p_value"] == pytest.approx(expected)
    assert (table["ci_low"] <= table["mean"]).all()
    same = length_table(["a b"] * 4, np.array([0, 1, 0, 1]), ("x", "y"), units_of([None] * 4))
    assert same["ci_low"].isna().all()
    assert same["ci_method"].str.startswith("no interval").all()


def test_texts_without_a_known_word_are_counted():
    train = pairs(40, 0)
    odd = Example("odd", plain_sentence("a", "x"), plain_sentence("b", "..."), 1)
    found = artefacts_of(data(train, (*pairs(20, 1), odd)), progress=Silent())
    assert any("1 of 21 texts (second) without a known word" in line for line in found.notes)


def test_wrong_use():
    scores = TaskSpec("sts", (), "pearson", ("pearson",), pair=True)
    with pytest.raises(ConfigError, match="numbers as labels"):
        chosen_text(scores)
    with pytest.raises(UnknownNameError, match="unknown text 'third'"):
        chosen_text(SPEC, "third")
    single = TaskSpec("s", ("a", "b"), "accuracy", ("accuracy",), pair=False)
    assert chosen_text(single) == "only"
    with pytest.raises(ConfigError, match="one text per example"):
        chosen_text(single, "first")
    with pytest.raises(ConfigError, match="would see the whole input"):
        artefacts_of(data(pairs(4, 0), pairs(4, 1), single), encoder="./m", progress=Silent())
    one_class = tuple(one for one in pairs(8, 0) if one.label)
    with pytest.raises(DataFileError, match="one class only"):
        artefacts_of(data(one_class, pairs(4, 1)), progress=Silent(), selection="reported")
    silent = tuple(Example(f"q{k}", plain_sentence("1", "x"), plain_sentence("2", "?"), k % 2)
                   for k in range(8))  # fmt: skip
    with pytest.raises(DataFileError, match="no training text contains a word"):
        artefacts_of(data(silent, silent), progress=Silent(), selection="reported")


def test_both_classifiers_are_one_family():
    reduced = only(parts(pairs(80, 0), pairs(40, 1)), "second")
    found = measure_artefacts(
        reduced, "second", {"n-grams": by_ngrams(reduced), "encoder": by_ngrams(reduced)}
    )
    accuracy = found.scores[found.scores["metric"] == "accuracy"]
    assert list(accuracy["variant"]) == ["second text, n-grams", "second text, encoder"]
    assert set(accuracy["family_size"]) == {2}
    assert accuracy["p_adjusted"].iloc[0] == pytest.approx(min(1, 2 * accuracy["p_value"].iloc[0]))
    assert len(found.examples) == 80


def test_the_second_text_of_rte_alone(realdata):
    """Hypotheses of RTE come from systems and people, and hardly tell the label."""
    found = artefacts_of(load_task("rte", data_dir=realdata / "glue"), progress=Silent(), top=3)
    line = found.scores[found.scores["metric"] == "accuracy"].iloc[0]
    assert (line["n"], line["n_clusters"]) == (277, 277)
    assert line["baseline_value"] == pytest.approx(146 / 277)
    assert 0.4 < line["value"] < 0.65
    hard = (found.examples["difficulty"] == "hard").sum()
    assert hard == round(277 * (1 - line["value"]))
    assert len(found.words) == 6
    assert (found.lengths["n"] <= 2490).all()


def test_one_text_of_mrpc_alone(realdata):
    found = artefacts_of(
        load_task("mrpc", data_dir=realdata / "glue"), progress=Silent(), only_text="first",
        limit=300,
    )  # fmt: skip
    scores = found.scores.set_index("metric")
    assert list(scores.index) == ["accuracy", "f1"]
    assert scores.loc["accuracy", "baseline_value"] > 0.6
    assert len(found.examples) == 300
