"""The flag that removes groups of scored splits from train, on every command that reads a task."""

import json

import pytest

COLUMNS = ("--column", "first=text", "--column", "label=side")
READ = ("data", "finetune", "prune", "evaluate", "gates", "probe", "artefacts", "run")


@pytest.fixture
def folder(tmp_path):
    for split, writers in (("train", "abcd"), ("validation", "a"), ("test", "b")):
        lines = [f"{split} {place},{'no' if place % 2 else 'yes'},{writer}"
                 for place, writer in enumerate(writers * 4)]  # fmt: skip
        text = "\n".join(["text,side,writer", *lines]) + "\n"
        (tmp_path / f"{split}.csv").write_text(text, encoding="utf-8")
    return tmp_path


def read(command, folder, *more):
    code, out, err = command(
        "data", "embedded", "--task", "mine", "--data-dir", folder, *COLUMNS, "--json", *more
    )
    assert code == 0, err
    return json.loads(out)


def test_the_flag_reads_what_the_option_of_a_run_reads(subprobe_command, folder):
    group = ("--column", "group=writer")
    plain = read(subprobe_command, folder, *group)["splits"]["train"]
    apart = read(subprobe_command, folder, *group, "--group-disjoint")["splits"]["train"]
    # two of the four writers are in validation and test
    assert (plain["examples"], apart["examples"]) == (16, 8)
    assert sum(apart["left_out"].values()) == 8


def test_a_task_without_groups_is_refused_by_the_flag(subprobe_command, folder):
    code, _, err = subprobe_command(
        "data", "embedded", "--task", "mine", "--data-dir", folder, *COLUMNS, "--group-disjoint"
    )
    assert code == 2
    assert "--group-disjoint" in err
    assert "have no groups" in err


@pytest.mark.parametrize("name", READ)
def test_every_command_that_reads_a_task_has_the_flag(subprobe_command, name):
    code, out, _ = subprobe_command(name, "--help")
    assert code == 0
    assert "--group-disjoint" in out
