"""A task of another package is checked like files are: what does not fit is named."""

from dataclasses import replace

import pytest
from subprobe.data.errors import ConfigError, DataFileError, UnknownNameError
from subprobe.data.sentences.sentence import Example, plain_sentence
from subprobe.data.tasks import plugin_tasks
from subprobe.data.tasks.by_name import (
    EMBEDDED,
    MASKED,
    list_tasks,
    load_task,
    source_of,
    task_spec,
)
from subprobe.data.tasks.choices.generated import READING, reading
from subprobe.data.tasks.plugin_tasks import (
    GENERATED,
    OF_QUESTIONS,
    OF_TEXTS,
    TaskEntry,
    read_plugin,
)
from subprobe.data.tasks.task import TaskSpec

SPEC = TaskSpec("colours-2", ("red", "blue"), "accuracy", ("accuracy",), pair=False)


def example(n, label=0, second=None):
    return Example(f"e{n}", plain_sentence(f"e{n}/1", "A red dog."), second, label)


def splits(**changed):
    every = {name: [example(n, n % 2) for n in range(6)] for name in ("train", "validation")}
    return {**every, **changed}


def entry(spec=SPEC, **changed):
    return TaskEntry(spec, lambda: splits(**changed))


@pytest.fixture
def declared(monkeypatch):
    """The task is there, as if a package had declared it."""
    monkeypatch.setattr(plugin_tasks.PLUGINS, "_points", {SPEC.name: None})
    monkeypatch.setattr(plugin_tasks.PLUGINS, "_loaded", {SPEC.name: entry()})


def test_the_generated_tasks_are_those_that_plugins_cannot_take():
    assert set(GENERATED) == set(EMBEDDED)
    assert set(OF_TEXTS) == {spec.name for spec in MASKED.values()}
    assert set(OF_QUESTIONS) == {spec.name for spec in list_tasks() if spec.choices}


def test_a_declared_task_is_read_by_its_name(declared):
    assert list_tasks()[-1] == SPEC
    for name in ("colours-2", "Colours-2", "colours2"):
        assert task_spec(name) == SPEC
    data = load_task("colours-2", sizes={"train": 3, "validation": 4})
    assert {name: len(examples) for name, examples in data.splits.items()} == {
        "train": 3, "validation": 4,
    }  # fmt: skip
    assert data.source.startswith("plugin:")
    assert source_of(SPEC) == ""
    with pytest.raises(ConfigError, match="has its own examples"):
        load_task("colours-2", data_dir="somewhere")
    with pytest.raises(UnknownNameError, match="did you mean 'colours-2'"):
        task_spec("colour-2")


def test_numbers_are_labels_of_a_regression():
    spec = replace(SPEC, labels=(), metric="pearson", metrics=("pearson",))
    data = read_plugin(entry(spec, train=[example(0, 0.5), example(1, 2)]))
    assert [one.label for one in data.splits["train"]] == [0.5, 2]
    with pytest.raises(DataFileError, match="'e0' has the label nan, not a number"):
        read_plugin(entry(spec, train=[example(0, float("nan"))]))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"train": []}, "has no train examples"),
        ({"validation": ()}, "has no validation examples"),
        ({"dev": [example(1)]}, "split 'dev'; call it train, validation or test"),
        ({"train": [example(1), example(1)]}, "two train examples have the same id"),
        ({"train": [example(1, 2)]}, "example 'e1' has the label 2, not 0 to 1"),
        ({"train": [example(1, -1)]}, "example 'e1' has the label -1"),
        ({"train": [example(1, None)]}, "example 'e1' has the label None"),
        ({"train": [example(1, "red")]}, "example 'e1' has the label 'red'"),
        ({"train": [example(1, True)]}, "example 'e1' has the label True"),
        ({"train": [example(1, 0, plain_sentence("x", "No."))]}, "'e1' has two sentences"),
    ],
)
def test_examples_that_do_not_fit_are_refused(changed, said):
    with pytest.raises(DataFileError, match=said):
        read_plugin(entry(**changed))


def test_a_pair_task_needs_two_sentences_and_the_reported_split():
    with pytest.raises(DataFileError, match="'e0' has one sentence"):
        read_plugin(entry(replace(SPEC, pair=True)))
    with pytest.raises(DataFileError, match="has no test examples"):
        read_plugin(entry(replace(SPEC, report_split="test")))


def test_questions_of_another_package_have_as_many_options_as_their_task():
    examples = reading(0, {"train": 8})["train"]
    splits = {"train": examples, "validation": examples, "test": examples}
    assert read_plugin(TaskEntry(READING, lambda: splits)).splits["train"] == examples
    fewer = replace(examples[3], options=examples[3].options[:2], label=0)
    splits["test"] = (*examples[:3], fewer)
    with pytest.raises(DataFileError, match="has 2 options, not 4"):
        read_plugin(TaskEntry(READING, lambda: splits))
