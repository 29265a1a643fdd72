"""Multiple-choice questions from files: QuAIL's format, other columns, and bad rows."""

from dataclasses import replace

import pytest
from questions import quail_rows, write_quail
from subprobe.data.errors import ConfigError, DataFileError, UnknownNameError
from subprobe.data.tasks.by_name import load_task, task_spec
from subprobe.data.tasks.choices.answers import answer_of
from subprobe.data.tasks.choices.generated import TYPES, UNKNOWN, reading
from subprobe.data.tasks.columns import roles_of
from subprobe.data.tasks.metrics import baseline_of, majority
from subprobe.data.tasks.task_parts import examples_digest, split_parts

OWN = {"context": "context", "question": "question", "options": "answers",
       "label": "correct_answer_id"}  # fmt: skip


def test_quail_is_read_by_its_name(tmp_path):
    data = load_task("QuAIL", data_dir=write_quail(tmp_path))
    assert (data.spec.choices, data.spec.labels, data.spec.report_split) == (
        4,
        tuple("ABCD"),
        "test",
    )
    rows = quail_rows()
    for row, example in zip(rows, data.splits["train"], strict=True):
        assert example.texts() == (row["context"], row["question"])
        assert list(example.options) == row["answers"]
        assert example.label == int(row["correct_answer_id"])
        assert (example.group, example.cluster) == (row["question_type"], row["context_id"])
    assert data.readings["test"].files[0].endswith("challenge.jsonl")


def test_other_columns_and_the_context_as_cluster(tmp_path):
    data = load_task("mine", data_dir=write_quail(tmp_path), columns=OWN)
    assert data.spec.report_split == "validation"
    examples = data.splits["train"]
    assert len({one.cluster for one in examples}) == 3
    for one in examples:
        same = [other.cluster for other in examples if other.first.text == one.first.text]
        assert set(same) == {one.cluster}
    assert {one.group for one in examples} == {""}
    parts = split_parts(data, seed=1)
    assert not {e.cluster for e in parts.train} & {e.cluster for e in parts.selection}


def test_sizes_limit_the_splits(tmp_path):
    data = load_task("quail", data_dir=write_quail(tmp_path), sizes={"train": 4})
    assert {name: len(found) for name, found in data.splits.items()} == {
        "train": 4, "validation": 12, "test": 12,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "expected"),
    [(2, 2), ("2", 2), (2.0, 2), ("C", 2), ("a dog", 2), (" a dog ", 2), ("0", 0), ("A", 0)],
)
def test_answers_by_number_letter_and_text(cell, expected):
    assert answer_of(cell, ("a cat", "a fox", "a dog"), "here") == expected


@pytest.mark.parametrize("cell", [3, -1, "3", "D", "a bird", True, None, [1], "1.5", ""])
def test_answers_that_are_no_option(cell):
    with pytest.raises(DataFileError, match="none of the 3 options"):
        answer_of(cell, ("a cat", "a fox", "a dog"), "here")


def test_an_answer_with_two_readings_is_refused():
    with pytest.raises(
        DataFileError, match=r"'1' is ambiguous: it could be any of the options 1, 2"
    ):
        answer_of("1", ("2", "3", "1"), "here")
    assert answer_of(1, ("2", "3", "1"), "here") == 1
    assert answer_of("1", ("0", "1", "2"), "here") == 1
    with pytest.raises(DataFileError, match="ambiguous"):
        answer_of("a fox", ("a fox", "a dog", "a fox"), "here")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answers": ["a", "b", "c"]}, r"line 6: has 3 options, but .*line 1 has 4"),
        ({"answers": ["a", " ", "c", "d"]}, "line 6: option 1 is empty"),
        (
            {"answers": ["a", "b", "c", "b "]},
            r"dev.jsonl, line 6: options 1 and 3 are identical: 'b '",
        ),
        ({"answers": ["a", 5, "c", "d"]}, "line 6: option 1 is int 5, not a text"),
        ({"answers": "a|b|c|d"}, "line 6: the options are str .*not a list"),
        ({"answers": ["a"]}, "line 6: a question needs 2 to 26 options, got 1"),
        ({"correct_answer_id": "4"}, "line 6: the answer '4' is none of the 4 options"),
        (
            {"answers": ["-1", "0", "1", "2"], "correct_answer_id": "-1"},
            "line 6: the answer '-1' is ambiguous: it is the text of an option",
        ),
        ({"context": "  "}, "line 6: the context is empty"),
        ({"question": 7}, "line 6: int 7 where a question is expected"),
    ],
)
def test_bad_rows_are_refused_by_file_and_line(tmp_path, change, message):
    rows = quail_rows()
    rows[5] |= change
    with pytest.raises(DataFileError, match=message):
        load_task("quail", data_dir=write_quail(tmp_path, dev=rows))


def test_another_number_of_options_in_another_split_is_refused(tmp_path):
    with pytest.raises(DataFileError, match=r"dev.jsonl, line 1: has 3 options, but .*train.jsonl"):
        load_task("quail", data_dir=write_quail(tmp_path, dev=quail_rows(options=3)))


def test_rows_without_an_answer_are_counted(tmp_path):
    rows = quail_rows()
    rows[2]["correct_answer_id"] = None
    rows[3]["context"] = None
    data = load_task("quail", data_dir=write_quail(tmp_path, dev=rows))
    assert len(data.splits["validation"]) == 10
    assert data.readings["validation"].left_out == {
        "without a label (empty)": 1, "without a text": 1,
    }  # fmt: skip


def test_missing_keys_files_and_folders(tmp_path):
    with pytest.raises(DataFileError, match="no column 'answer'"):
        load_task("x", data_dir=write_quail(tmp_path), columns=OWN | {"label": "answer"})
    with pytest.raises(ConfigError, match="its published files"):
        load_task("quail")
    with pytest.raises(DataFileError, match="no such folder"):
        load_task("quail", data_dir=tmp_path / "none")
    (tmp_path / "train.jsonl").unlink()
    (tmp_path / "train.tsv").write_text("a\tb\n1\t2\n")
    with pytest.raises(DataFileError, match="has no lists of options"):
        load_task("quail", data_dir=tmp_path)


@pytest.mark.parametrize("role", OWN)
def test_every_role_of_a_question_is_required(role):
    with pytest.raises(ConfigError, match=f"multiple-choice questions without {role}"):
        roles_of({name: column for name, column in (OWN | {"type": "t"}).items() if name != role})


def test_roles_of_other_tasks_are_refused():
    with pytest.raises(ConfigError, match="with second"):
        roles_of(OWN | {"second": "x"})
    with pytest.raises(UnknownNameError):
        roles_of(OWN | {"answer": "x"})
    assert roles_of(OWN | {"type": "t", "group": "g"})[-1] == "label"


def test_the_generated_questions_are_well_formed():
    found = reading(0, {"train": 80, "validation": 40, "test": 80})
    names = {}
    for split, examples in found.items():
        assert [one.group for one in examples] == list(TYPES) * (len(examples) // 4)
        for one in examples:
            context = one.first.raw_text()
            label = int(one.label or 0)
            right = one.options[label]
            assert len(set(one.options)) == 4
            assert UNKNOWN in one.options
            assert (right == UNKNOWN) == (one.group == "unanswerable")
            in_text = [option.removeprefix("the ") in context for option in one.options]
            thing = one.second.raw_text().startswith("What")
            unknown = one.group == "unanswerable"
            assert sum(in_text) == ((0 if unknown else 1) if thing else 3)
            if one.group != "unanswerable":
                assert in_text[label]
        names[split] = {word for one in examples for word in one.first.words[:1]}
        assert len({one.cluster for one in examples}) == len(examples) // 4
    assert not names["train"] & names["test"]
    assert reading(0, {"test": 8}) == reading(0, {"test": 8})
    assert reading(1, {"test": 8}) != reading(0, {"test": 8})


def test_the_options_are_part_of_the_digest():
    examples = reading(0, {"train": 4})["train"]
    other = (replace(examples[0], options=tuple(reversed(examples[0].options))), *examples[1:])
    assert examples_digest(examples) != examples_digest(other)


def test_the_baseline_is_guessing():
    spec = task_spec("reading")
    assert baseline_of(spec) == "chance"
    assert majority(spec, [0, 0, 0, 1], [0, 0, 2]) == {"accuracy": 0.25}
