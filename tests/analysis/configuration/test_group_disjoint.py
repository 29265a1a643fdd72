"""The option that keeps groups apart, from a configuration to the examples that are read."""

import pytest
from subprobe.analysis.configuration.config import parse_config
from subprobe.data.errors import ConfigError

COLUMNS = {"first": "text", "label": "side", "group": "writer"}


@pytest.fixture
def folder(tmp_path):
    for split, writers in (("train", "abcd"), ("validation", "a"), ("test", "b")):
        lines = [f"{split} {place},{place % 2},{writer}"
                 for place, writer in enumerate(writers * 2)]  # fmt: skip
        text = "\n".join(["text,side,writer", *lines]) + "\n"
        (tmp_path / f"{split}.csv").write_text(text, encoding="utf-8")
    return tmp_path


def options(folder, **more):
    own = {"data_dir": str(folder), "columns": COLUMNS, **more}
    return parse_config({"task": {"mine": own}}, where="test")


def test_groups_of_scored_splits_leave_train(folder):
    plain = options(folder).choice("mine").load()
    assert {one.cluster for one in plain.splits["train"]} == set("abcd")
    apart = options(folder, group_disjoint=True).choice("mine").load()
    assert {one.cluster for one in apart.splits["train"]} == {"c", "d"}
    one_task = {"tasks": ["mine"], "data_dir": str(folder), "columns": COLUMNS}
    whole = parse_config({**one_task, "group_disjoint": True}, where="test")
    assert whole.choice("mine").load().splits == apart.splits


def test_the_task_needs_groups(folder):
    columns = {"first": "text", "label": "side"}
    choice = options(folder, columns=columns, group_disjoint=True).choice("mine")
    with pytest.raises(ConfigError, match="have no groups"):
        choice.load()
