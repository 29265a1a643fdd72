"""A run of a user's own tasks: one of classes and one of numbers, each in a folder of its own."""

import json
import shutil

import pandas as pd
import pytest
from subprobe.analysis.configuration.config import parse_config, read_config
from subprobe.analysis.configuration.config_toml import config_toml
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.run_folder.reading import load_rows
from subprobe.data.errors import ConfigError, DataFileError, InputError
from tiny_run import tiny_options, write_toy_task

pytestmark = pytest.mark.slow

STANCE = {"first": "text", "label": "side"}
MOOD = {"first": "text", "score": "how", "group": "doc"}


def write_mood(folder):
    """Thirty numbered sentences of ten documents, one of them without a score."""
    folder.mkdir()
    for split in ("train", "validation"):
        lines = ["text\thow\tdoc"]
        lines += [
            f'"The ""cats"" saw {n}."\t{(n * 7) % 30 / 6:.2f}\t{split}{n // 3}' for n in range(30)
        ]
        (folder / f"{split}.tsv").write_text("\n".join([*lines, "dogs\tNA\tx"]) + "\n", "utf-8")


def options_of(encoder, folder, **changed):
    options = tiny_options(
        encoder,
        seeds=[1],
        tasks=["stance", "mood"],
        task={
            "stance": {"data_dir": str(folder / "stance"), "columns": STANCE},
            "mood": {"data_dir": str(folder / "mood"), "columns": MOOD},
        },
        examples=[24, 20, 16],
        controls={"draws": 2, "untrained": False, "retrained_draws": 0},
        probe={"names": ["attributions"], "examples": 3,
               "options": {"attributions": {"n_steps": 4}},
               "states": ["pruned"]},
    )  # fmt: skip
    return {**options, **changed}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own-run")
    write_toy_task(folder / "stance")
    write_mood(folder / "mood")
    return folder


@pytest.fixture(scope="module")
def finished(place, tiny_encoder):
    config = parse_config(options_of(tiny_encoder, place), where="test")
    return run_experiment(config, place / "run")


def test_every_task_is_scored_by_its_own_metrics(finished):
    rows = load_rows(finished.folder)
    scores = rows[rows["probe"] == "performance"]
    found = {task: set(part["metric"]) for task, part in scores.groupby("task")}
    assert found == {"stance": {"accuracy", "matthews"}, "mood": {"pearson", "spearman"}}
    assert set(scores.loc[scores["task"] == "stance", "n"]) == {16}
    assert set(scores.loc[scores["task"] == "mood", "n"]) == {20}
    for task in ("stance", "mood"):
        kinds = set(scores.loc[scores["task"] == task, "kind"])
        assert kinds == {"full", "good", "random", "bad", "bag-of-words"}
    shares = rows[rows["metric"] == "attribution_share"]
    assert set(shares["task"]) == {"stance"}  # labels of the other are numbers


def test_the_manifest_says_what_was_read(finished):
    manifest = json.loads((finished.folder / "manifest.json").read_text("utf-8"))
    stance, mood = manifest["data"]
    assert (stance["task"], mood["task"]) == ("stance", "mood")
    assert stance["splits"]["train"]["classes"] == {"left": 12, "right": 12}
    assert mood["splits"]["train"]["left_out"] == {"without a score ('NA')": 1}
    assert mood["splits"]["train"]["rows"] == 31
    assert mood["splits"]["train"]["quotes_undone"] is True
    assert "first_examples" not in mood
    assert finished.summary()["data"][1]["first_examples"][0]["texts"] == ['The "cats" saw 0.']
    page = (finished.folder / "report.html").read_text("utf-8")
    assert "Rows left out" in page
    assert "mood, train: 1 of 31" in page


def test_words_of_examples_name_classes_and_numbers_have_none(finished):
    words = pd.read_csv(finished.folder / "attribution_examples.csv")
    assert set(words["task"]) == {"stance"}
    assert set(words["gold"]) <= {"left", "right"}
    manifest = json.loads((finished.folder / "manifest.json").read_text("utf-8"))
    assert not manifest.get("missing")


def test_groups_are_not_parted_by_the_selection(place, tiny_encoder):
    config = parse_config(options_of(tiny_encoder, place), where="test")
    from subprobe.data.tasks.task_parts import split_parts

    parts = split_parts(config.choice("mood").load(), seed=1)
    assert parts.selection
    assert not {one.cluster for one in parts.train} & {one.cluster for one in parts.selection}


@pytest.mark.parametrize(
    "command", [pytest.param(("compare",), marks=pytest.mark.slow), ("export", "--out", "tables")]
)
def test_later_commands_read_it(finished, subprobe_command, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    code, _, err = subprobe_command(command[0], finished.folder, *command[1:])
    assert code == 0, err


@pytest.mark.usefixtures("no_report")
@pytest.mark.slow
def test_files_that_change_are_not_mixed_with_old_cells(finished, place, tiny_encoder, tmp_path):
    """Another text is another training; other names of the same classes are so, too."""
    run = tmp_path / "run"
    shutil.copytree(finished.folder, run)
    shutil.copytree(place / "stance", tmp_path / "stance")
    options = options_of(tiny_encoder, tmp_path, tasks=["stance"])
    options["probe"] = {"names": []}
    config = parse_config(options, where="test")
    before = {path.name for path in (run / "cells").glob("finetune-*.parquet")}
    run_experiment(config, run, existing="new")
    kept = {path.name for path in (run / "cells").glob("finetune-*.parquet")}
    assert len(kept) == 1
    assert kept < before
    for split in ("train", "validation", "test"):
        path = tmp_path / "stance" / f"{split}.csv"
        path.write_text(path.read_text("utf-8").replace(",left", ",gauche"), "utf-8")
    run_experiment(config, run)
    after = {path.name for path in (run / "cells").glob("finetune-*.parquet")}
    assert len(after - kept) == 1
    saved = json.loads((run / "models" / "stance-seed1" / "config.json").read_text("utf-8"))
    assert set(saved["id2label"].values()) == {"gauche", "right"}


# --- the configuration


def test_one_task_has_its_columns_in_a_table_of_their_own(place, tmp_path):
    path = tmp_path / "stance.toml"
    text = f"""task = "stance"
data_dir = "{place / "stance"}"

[columns]
first = "text"
label = "side"
"""
    path.write_text(text, "utf-8")
    config = read_config(path)
    assert config.tasks == ("stance",)
    assert config.choice("stance").load().spec.labels == ("left", "right")
    path.write_text(config_toml(config), "utf-8")
    assert read_config(path) == config


def test_several_tasks_have_a_table_each(place, tiny_encoder, tmp_path):
    options = options_of(tiny_encoder, place)
    del options["tasks"]
    config = parse_config(options, where="test")
    assert config.tasks == ("stance", "mood")
    path = tmp_path / "run.toml"
    path.write_text(config_toml(config), "utf-8")
    assert read_config(path) == config
    assert config.choice("mood").load().spec.regression
    assert config.choice("MOOD").data_dir == str(place / "mood")
    path.write_text('tasks = ["stance"]\n[task.stanse]\ndata_dir = "x"\n', "utf-8")
    with pytest.raises(
        ConfigError, match=r"table \[task.stanse\] does not belong to a task of the run"
    ):
        read_config(path)
    mixed = parse_config({**options, "tasks": ["acceptability", "mood"]}, where="test")
    assert mixed.choice("acceptability").load({"train": 8, "validation": 4, "test": 4}).spec.labels


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tasks": ["a", "b"], "columns": STANCE}, "they could be for 2 tasks: a, b; give "
         r"each task of your own a table \[task.NAME\]"),
        ({"tasks": ["a"], "columns": {"frist": "x"}}, "unknown column role 'frist'; did you mean"),
        ({"columns": STANCE, "data_dir": "x"}, "columns are given for a task without a name"),
        ({"tasks": ["a"], "columns": {"first": "x"}}, "first named; name the columns first="),
        ({"tasks": ["a"], "task": {"a": {"folder": "x"}}}, r"unknown option 'task.a.folder'"),
        ({"tasks": ["a"], "quotes": "none"}, "option 'quotes'"),
    ],
)  # fmt: skip
def test_bad_configurations_are_one_line(given, message):
    with pytest.raises(InputError, match=message) as caught:
        parse_config(given, where="test")
    assert "\n" not in str(caught.value)


def test_own_files_that_are_not_there_are_named(tmp_path):
    config = parse_config(
        {"tasks": ["stance"], "columns": STANCE, "data_dir": str(tmp_path / "none")}, where="test"
    )
    with pytest.raises(DataFileError, match="none: no such folder"):
        config.choice("stance").load()
    with pytest.raises(ConfigError, match="columns are named without a folder"):
        parse_config({"tasks": ["stance"], "columns": STANCE}, where="t").choice("stance").load()
