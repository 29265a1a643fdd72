"""Which examples are trained on, which masks are chosen on, and which are reported."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from subprobe.data.errors import ConfigError, DataFileError, UnknownNameError
from subprobe.data.sentences.sentence import Example, plain_sentence
from subprobe.data.tasks.by_name import load_task
from subprobe.data.tasks.task import TaskData, TaskSpec
from subprobe.data.tasks.task_parts import IN_HELD_OUT_GROUP, folds_of, group_disjoint, split_parts

SPEC = TaskSpec("toy", ("a", "b", "c"), "accuracy", ("accuracy",), pair=False)


def examples(split, labels, text=None):
    return tuple(
        Example(f"{split}-{i}", plain_sentence(f"{split}-{i}/1", text or f"{split} {i}"), label=one)
        for i, one in enumerate(labels)
    )


def toy(labels, **splits):
    found = {"train": examples("train", labels), "validation": examples("validation", [0, 1])}
    return TaskData(SPEC, found | splits)


def test_a_tenth_of_each_label_is_held_out():
    data = toy([0] * 200 + [1] * 100 + [2] * 33)
    parts = split_parts(data, seed=5)
    counts = [sum(one.label == label for one in parts.selection) for label in range(3)]
    assert counts == [20, 10, 3]
    assert (parts.selection_name, parts.report_name) == ("train-10%", "validation")
    assert parts.report == data.splits["validation"]
    ids = [{one.id for one in part} for part in (parts.train, parts.selection, parts.report)]
    assert not ids[0] & ids[1]
    assert not (ids[0] | ids[1]) & ids[2]
    assert ids[0] | ids[1] == {one.id for one in data.splits["train"]}
    order = [one.id for one in data.splits["train"]]
    assert [one.id for one in parts.train] == [id for id in order if id in ids[0]]


def test_the_seed_alone_decides_the_draw():
    data = toy([0, 1] * 100)
    first, again, other = (split_parts(data, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert {one.id for one in first.selection} != {one.id for one in other.selection}


def test_equal_texts_stay_together():
    twins = examples("twin", [0, 1] * 30, text="the same")
    data = toy([], train=examples("train", [0, 1] * 50) + twins)
    for seed in range(12):
        parts = split_parts(data, seed=seed)
        texts = [{one.texts() for one in part} for part in (parts.train, parts.selection)]
        assert not texts[0] & texts[1]


def test_rare_labels_leave_at_least_one_example_in_train():
    parts = split_parts(toy([0] * 40 + [1, 1] + [2]), seed=0)
    assert sorted({one.label for one in parts.train}) == [0, 1, 2]
    assert sorted({one.label for one in parts.selection}) == [0, 1]


def test_numbers_are_drawn_without_strata():
    spec = replace(SPEC, labels=(), metric="pearson", metrics=("pearson",))
    data = TaskData(spec, toy([i / 7 for i in range(60)]).splits)
    assert len(split_parts(data, seed=3).selection) == 6


def test_the_studys_protocol_selects_on_what_it_reports():
    data = toy([0, 1] * 20)
    parts = split_parts(data, selection="reported", seed=0)
    assert parts.selection == parts.report == data.splits["validation"]
    assert parts.train == data.splits["train"]
    assert parts.selection_name == "reported"
    with pytest.raises(UnknownNameError, match="unknown selection 'heldout'"):
        split_parts(data, selection="heldout", seed=0)


# --- examples that share a source


def clustered(*clusters):
    """One example a label of each cluster, given as (name, labels)."""
    return TaskData(SPEC, {
        "train": tuple(
            replace(one, id=f"{name}-{one.id}", cluster=name,
                    first=plain_sentence("s", f"{name} {one.id}"))
            for name, labels in clusters for one in examples("x", labels)
        ),
        "validation": examples("validation", [0, 1]),
    })  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_clusters_stay_whole(seed):
    data = clustered(
        *((f"c{n}", [0, 1, 2]) for n in range(60)), *((f"d{n}", [0]) for n in range(40))
    )
    parts = split_parts(data, seed=seed)
    names = [{one.cluster for one in part} for part in (parts.train, parts.selection)]
    assert not names[0] & names[1]
    assert len(parts.train) + len(parts.selection) == 220
    held = Counter(one.cluster[0] for one in parts.selection)
    assert held == {"c": 18, "d": 4}
    assert parts == split_parts(data, seed=seed)
    assert parts.selection != split_parts(data, seed=seed + 1).selection


def test_clusters_of_all_sizes_give_a_tenth_and_a_huge_one_is_trained_on():
    data = clustered(("huge", [0] * 300), *((f"c{n}", [n % 3] * (n % 7 + 1)) for n in range(90)))
    parts = split_parts(data, seed=3)
    share = len(parts.selection) / len(data.splits["train"])
    assert share == pytest.approx(0.1, abs=0.02)
    assert "huge" not in {one.cluster for one in parts.selection}


def test_equal_texts_bind_clusters_together():
    data = clustered(("a", [0, 1]), ("b", [0, 1]), ("c", [0, 1]))
    train = list(data.splits["train"])
    train[2] = replace(train[2], first=train[0].first)
    for seed in range(6):
        parts = split_parts(replace(data, splits={**data.splits, "train": tuple(train)}), seed=seed)
        assert {one.cluster for one in parts.selection} == {"c"}


def test_one_cluster_alone_leaves_nothing_to_choose_on():
    with pytest.raises(DataFileError, match="all training examples belong to one group"):
        split_parts(clustered(("a", [0, 1, 0])), seed=0)
    assert split_parts(clustered(("a", [0, 1, 0])), seed=0, selection="reported").train


def test_folds_keep_clusters_whole_and_show_every_example_once():
    train = clustered(*((f"c{n}", [0, 1, 2]) for n in range(7))).splits["train"]
    folds = folds_of(train, 3, seed=4)
    assert sorted(place for _, scored in folds for place in scored) == list(range(21))
    for ranked, scored in folds:
        names = [{train[place].cluster for place in places} for places in (ranked, scored)]
        assert not names[0] & names[1]
    again = folds_of(train, 3, seed=4)
    assert [list(scored) for _, scored in folds] == [list(scored) for _, scored in again]
    with pytest.raises(ConfigError, match="folds: must be at most 7, the number of groups, got 8"):
        folds_of(train, 8, seed=4)
    alone = examples("train", [0, 1] * 4)
    assert sorted(place for _, scored in folds_of(alone, 8, seed=1) for place in scored) == list(
        range(8)
    )


def test_numbers_in_clusters():
    spec = replace(SPEC, labels=(), metric="pearson", metrics=("pearson",))
    data = replace(clustered(*((f"c{n}", [n / 3, n / 7]) for n in range(50))), spec=spec)
    parts = split_parts(data, seed=0)
    assert len(parts.selection) == 10
    assert not {one.cluster for one in parts.train} & {one.cluster for one in parts.selection}


@pytest.mark.parametrize(("task", "size"), [("mrpc", 366), ("cola", 855)])
def test_parts_of_the_real_files_share_no_text(realdata, task, size):
    data = load_task(task, data_dir=realdata / "glue")
    parts = split_parts(data, seed=42)
    assert len(parts.selection) == pytest.approx(size, abs=3)
    train, selection = ({one.texts() for one in part} for part in (parts.train, parts.selection))
    assert not train & selection
    assert len(parts.train) + len(parts.selection) == len(data.splits["train"])


def in_groups(split, groups):
    made = examples(split, [place % 2 for place in range(len(groups))])
    return tuple(replace(one, cluster=group) for one, group in zip(made, groups, strict=True))


def test_train_and_held_out_selection_never_share_a_group():
    data = toy([], train=in_groups("train", [f"g{k % 17}" for k in range(170)]))
    parts = split_parts(data, seed=3)
    train, selection = ({one.cluster for one in part} for part in (parts.train, parts.selection))
    assert not train & selection
    assert len(parts.selection) == pytest.approx(17, abs=10)


def test_groups_of_scored_splits_are_removed_from_the_others():
    data = TaskData(
        replace(SPEC, report_split="test"),
        {
            "train": in_groups("train", ["a", "b", "c", "d", ""]),
            "validation": in_groups("validation", ["b", "e"]),
            "test": in_groups("test", ["a", "e", ""]),
        },
    )
    # without the option splits are as the files have them
    shared = split_parts(data, seed=1)
    assert {"a", "b"} <= {one.cluster for one in shared.train}
    found = group_disjoint(data)
    kept = {name: [one.cluster for one in split] for name, split in found.splits.items()}
    assert kept == {"train": ["c", "d", ""], "validation": ["b"], "test": ["a", "e", ""]}
    counts = {name: dict(one.left_out) for name, one in found.readings.items()}
    assert counts == {"train": {IN_HELD_OUT_GROUP: 2}, "validation": {IN_HELD_OUT_GROUP: 1}}
    assert found.readings["train"].n_rows == 5
    assert group_disjoint(found).splits == found.splits


def test_a_task_that_cannot_be_split_by_group_is_refused():
    with pytest.raises(ConfigError, match="the examples of toy have no groups"):
        group_disjoint(toy([0, 1]))
    same = TaskData(SPEC, {"train": in_groups("train", ["a", "a"]),
                           "validation": in_groups("validation", ["a"])})  # fmt: skip
    with pytest.raises(DataFileError, match="every group of train is also in another split"):
        group_disjoint(same)
