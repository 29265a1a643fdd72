"""Random against group-disjoint splits: planted groups, differences, and bad input."""

from dataclasses import replace

import numpy as np
import pytest
from subprobe.analysis.groups.measure import DISJOINT, GIVEN, OF_GROUP, RANDOM, measure_groups
from subprobe.analysis.groups.task import group_splits, whole_groups
from subprobe.analysis.steps.progress import Silent
from subprobe.data.errors import ConfigError, DataFileError
from subprobe.data.sentences.sentence import Example, plain_sentence
from subprobe.data.tasks.task import TaskData, TaskSpec

SPEC = TaskSpec("t", ("no", "yes"), "accuracy", ("accuracy",), pair=False)


def examples(groups=12, each=10, *, biased=True, seed=0, sizes=None):
    """Texts with a word of their writer; if biased, each writer has one class in nine of ten."""
    rng = np.random.default_rng(seed)
    found = []
    for g in range(groups):
        for _ in range(sizes[g] if sizes else each):
            label = int(rng.random() < (0.9 if g % 2 else 0.1)) if biased else int(rng.integers(2))
            words = rng.choice(["cats", "dogs", "keys", "tables"], 3)
            text = " ".join([*words, f"writer{g}", *(["surely"] if label and not biased else [])])
            found.append(
                Example(f"e{len(found)}", plain_sentence("s", text), label=label, cluster=f"w{g}")
            )
    return tuple(found)


def told(rows, variant, metric="accuracy"):
    return rows[(rows["variant"] == variant) & (rows["metric"] == metric)].iloc[0]


@pytest.fixture(scope="module")
def biased():
    return group_splits(
        TaskData(SPEC, {"train": examples()}), progress=Silent(), folds=3, added=(1, 3)
    )


def test_a_writer_who_is_known_is_worth_accuracy(biased):
    rows = biased.rows
    assert told(rows, RANDOM)["value"] > 0.8
    assert told(rows, DISJOINT)["value"] < 0.65
    gain = told(rows, "random minus group-disjoint", "accuracy_difference")
    assert gain["value"] > 0.2
    assert gain["ci_low"] > 0
    assert gain["p_adjusted"] < 0.05
    assert gain["correction"] == "Holm"
    # three examples of a writer tell more than one, and less than all
    one, three = (told(rows, f"group-disjoint, k={k}")["value"] for k in (1, 3))
    assert told(rows, DISJOINT)["value"] < one <= three <= told(rows, RANDOM)["value"]
    predicted = told(rows, OF_GROUP)
    assert predicted["value"] > 0.9
    assert predicted["baseline_value"] < 0.2
    assert predicted["p_adjusted"] < 0.05
    assert (predicted["n"], predicted["n_clusters"]) == (120, 12)


def test_without_bias_the_splits_agree():
    found = group_splits(
        TaskData(SPEC, {"train": examples(biased=False)}), progress=Silent(), folds=3
    )
    assert told(found.rows, RANDOM)["value"] == told(found.rows, DISJOINT)["value"] == 1.0
    gain = told(found.rows, "random minus group-disjoint", "accuracy_difference")
    assert gain["value"] == 0.0
    assert gain["ci_method"] == "no interval: nothing varies"


def test_rows_are_those_of_the_examples(biased):
    lines = biased.examples
    for variant, of in (
        (RANDOM, lines[lines["split"] == RANDOM]),
        ("group-disjoint, k=3", lines[(lines["split"] == DISJOINT) & (lines["k"] == 3)]),
        (OF_GROUP, lines[lines["split"] == OF_GROUP]),
    ):
        row = told(biased.rows, variant)
        assert row["value"] == pytest.approx((of["label"] == of["prediction"]).mean())
        assert row["baseline_value"] == pytest.approx((of["label"] == of["majority"]).mean())
        assert row["n"] == len(of)
    same = [set(of["example_id"]) for (split, _), of in lines.groupby(["split", "k"])
            if split != OF_GROUP]  # fmt: skip
    assert len(same) == 5
    assert all(one == same[0] for one in same)
    assert len(same[0]) == 12 * (10 - 3)
    held = lines[(lines["split"] == DISJOINT) & (lines["k"] == 0)]
    assert (held.groupby("group")["fold"].nunique() == 1).all()


def test_the_interval_of_a_difference_resamples_groups(biased):
    """A plain second implementation: means over drawn groups, each with all of its examples."""
    lines = biased.examples.assign(
        right=lambda of: (of["label"] == of["prediction"]).astype(float)
    ).set_index("example_id")
    first = lines[lines["split"] == RANDOM]
    second = lines[(lines["split"] == DISJOINT) & (lines["k"] == 0)]
    gap = (first["right"] - second["right"]).groupby(first["group"]).mean()
    rng = np.random.default_rng(5)
    means = [gap.sample(frac=1, replace=True, random_state=rng).mean() for _ in range(500)]
    row = told(biased.rows, "random minus group-disjoint", "accuracy_difference")
    # the interval of the rows is a little wider: quantiles are expanded for 12 groups
    assert row["ci_low"] == pytest.approx(np.quantile(means, 0.025), abs=0.05)
    assert row["ci_high"] == pytest.approx(np.quantile(means, 0.975), abs=0.05)
    assert row["value"] == pytest.approx(gap.mean())


def test_training_sets_are_equally_large():
    seen = []

    def classify(spec, train, others):
        seen.append((spec.labels, len(train), {one.cluster for one in train},
                     {one.cluster for one in others}))  # fmt: skip
        return np.zeros(len(others), dtype=np.int64)

    measure_groups(SPEC, examples(), classify, folds=3, added=(2,), largest=4)
    random, disjoint, added = seen[:3], seen[3:6], seen[6:9]
    assert sorted(n for _, n, *_ in random) == sorted(n for _, n, *_ in disjoint)
    assert [n for _, n, *_ in disjoint] == [n for _, n, *_ in added]
    assert all(not train & test for *_, train, test in disjoint)
    assert all(test <= train for *_, train, test in added)
    assert [n for _, n, *_ in seen[9:12]] == [n for _, n, *_ in random]
    assert len(seen[12][0]) == 4


def test_a_group_that_is_given_tells_the_class_that_its_writer_prefers():
    """Texts say nothing about class or writer; the writer alone tells the class in nine of ten."""
    silent = tuple(
        replace(one, first=plain_sentence("s", f"cats saw {k % 7}"))
        for k, one in enumerate(examples(seed=3))
    )
    found = group_splits(TaskData(SPEC, {"train": silent}), progress=Silent(), folds=3)
    majority = {g: np.bincount([one.label for one in silent if one.cluster == g]).argmax()
                for g in {one.cluster for one in silent}}  # fmt: skip
    scored = found.examples[found.examples["split"] == GIVEN]
    by_writer = [majority[g] == SPEC.labels.index(label)
                 for g, label in zip(scored["group"], scored["label"], strict=True)]  # fmt: skip
    assert told(found.rows, GIVEN)["value"] == pytest.approx(np.mean(by_writer), abs=0.05)
    gain = told(found.rows, "random, group given minus random", "accuracy_difference")
    right = {split: (mine["label"] == mine["prediction"]).mean()
             for split, mine in found.examples.groupby("split")}  # fmt: skip
    assert gain["value"] == pytest.approx(right[GIVEN] - right[RANDOM])
    assert gain["value"] > 0.2
    assert gain["ci_low"] > 0
    assert gain["p_adjusted"] < 0.05
    texts = []

    def classify(spec, train, others):
        texts.extend(one.first.text for one in train)
        return np.zeros(len(others), dtype=np.int64)

    measure_groups(SPEC, silent, classify, folds=2, added=())
    marked = {text for text in texts if text.startswith("group")}
    assert {text.split()[0] for text in marked} == {f"group{g}" for g in range(12)}
    assert {text.partition(" ")[2] for text in marked} <= {one.first.text for one in silent}


def test_groups_with_one_member_are_counted():
    mixed = examples(6, sizes=[1, 1, 8, 8, 8, 8])
    found = group_splits(TaskData(SPEC, {"train": mixed}), progress=Silent(), folds=2)
    assert "2 of 6 groups have one example" in found.notes
    assert any(line.startswith("2 of 6 groups have at most 1 example, so they are only trained on")
               for line in found.notes)  # fmt: skip
    assert told(found.rows, RANDOM)["n_dropped"] == 6
    assert told(found.rows, OF_GROUP)["n_clusters"] == 4
    assert "the group is predicted among the 4 largest of 6" in found.notes


@pytest.mark.parametrize("limit", [1, 20, 37, 60, 500])
def test_a_limit_keeps_whole_groups(limit):
    every = examples(8, sizes=[3, 1, 8, 8, 5, 8, 9, 10])
    found = whole_groups(every, limit)
    names = {one.cluster for one in found}
    assert found == tuple(one for one in every if one.cluster in names)
    assert len(found) <= limit or len(names) == 2
    assert (found == every) == (limit >= len(every))


def test_two_texts_are_read():
    spec = TaskSpec("p", ("no", "yes"), "accuracy", ("accuracy",), pair=True)
    pairs = tuple(
        Example(
            one.id, plain_sentence("a", "same words"), one.first, one.label, cluster=one.cluster
        )
        for one in examples(biased=False)
    )
    found = group_splits(TaskData(spec, {"train": pairs}), progress=Silent(), folds=2)
    assert told(found.rows, DISJOINT)["value"] == 1.0


def test_wrong_use():
    def call(data, **more):
        return group_splits(data, progress=Silent(), **more)

    scores = TaskSpec("sts", (), "pearson", ("pearson",), pair=False)
    with pytest.raises(ConfigError, match="sts has numbers as labels"):
        call(TaskData(scores, {"train": examples()}))
    letters = TaskSpec("q", ("A", "B"), "accuracy", ("accuracy",), pair=True, choices=2)
    with pytest.raises(ConfigError, match="q is multiple choice, with letters of options"):
        call(TaskData(letters, {"train": examples()}))
    alone = tuple(Example(f"e{k}", plain_sentence("s", "x"), label=k % 2) for k in range(4))
    with pytest.raises(ConfigError, match="have no groups"):
        call(TaskData(SPEC, {"train": alone}))
    with pytest.raises(DataFileError, match="none is left to score"):
        call(TaskData(SPEC, {"train": examples(each=1)}))
    with pytest.raises(ConfigError, match="must be at most 2, the number of groups"):
        call(TaskData(SPEC, {"train": examples(2)}))

    said = []

    class Told(Silent):
        def say(self, line):
            said.append(line)

    some = (*examples(), *alone)
    group_splits(TaskData(SPEC, {"train": some}), progress=Told(), folds=2)
    assert said == ["4 of 124 examples without a group left out"]
